//===- AttentionTiles.h - attention as loops over tiles ---------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the two tiled forms of attention have in common: the operands, split
// into heads, the keys that a query sees, and reading tiles of them as f32
// vectors. `buildQueryTiles` is for many queries, `buildSingleQuery` for one
// per sequence. Neither ever holds the scores of all keys.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_CONVERSION_GPTATTENTIONTOVECTOR_ATTENTIONTILES_H
#define GPT_CONVERSION_GPTATTENTIONTOVECTOR_ATTENTIONTILES_H

#include "gpt/Conversion/GptToLinalg/KVCacheBuilder.h"

#include <limits>
#include <optional>

namespace mlir::gpt {

/// The score of a key that a query does not see.
inline constexpr double kHidden = -std::numeric_limits<double>::infinity();

/// How tiles are made, from the schedule.
struct AttentionTileSizes {
  /// Queries of a tile: one is in each lane.
  int64_t queries;
  /// Keys (or features of a value) whose sums are held in registers at a time.
  int64_t rows;
  /// Keys of a tile of many queries.
  int64_t keys;
  /// Keys of a part of one query's keys.
  int64_t part;
  /// Elements of a vector register.
  int64_t vector;
  /// Many queries: whether bf16 is multiplied in pairs.
  bool pairs;
};

/// The operands of one attention op.
struct AttentionOperands {
  /// [batch, query, head, feature].
  Value query;
  /// [batch, key, kv head, feature], or the two in the middle swapped.
  Value key, value;
  bool keysBeforeHeads;
  /// Added to the scaled scores, broadcast to [batch, head, query, key]; may be
  /// null.
  Value mask;
  int64_t numHeads, numKvHeads, headDim, valueHeadDim;
  double scale;
  bool causal;
  std::optional<int64_t> window;
  /// Sequences to compute.
  Value numSequences;
  /// Queries of each sequence.
  OpFoldResult numQueries;
  /// Keys of each sequence, if they are the same for all.
  Value numKeys;
  /// Where that differs: the caches that keys and values are in.
  std::optional<KVCacheBuilder> caches;

  int64_t getGroupSize() const { return numHeads / numKvHeads; }
};

/// Builds arithmetic on indices and vectors at one location.
class AttentionTileBuilder {
public:
  AttentionTileBuilder(Location loc, const AttentionOperands &operands,
                       const AttentionTileSizes &tiles)
      : loc(loc), operands(operands), tiles(tiles) {}

protected:
  /// The keys [begin, end) of one sequence that some query of a tile sees.
  struct KeyRange {
    Value begin, end;
    /// Position of the first query; null where all keys are visible.
    Value first;
  };

  /// Arithmetic on indices, folded where it is constant.
  Value index(OpBuilder &b, int64_t value) const;
  Value add(OpBuilder &b, Value lhs, Value rhs) const;
  Value add(OpBuilder &b, Value lhs, int64_t rhs) const;
  Value sub(OpBuilder &b, Value lhs, Value rhs) const;
  Value min(OpBuilder &b, Value lhs, Value rhs) const;
  Value max(OpBuilder &b, Value lhs, Value rhs) const;

  /// A vector (or f32, for an empty shape) of one constant.
  Value splat(OpBuilder &b, ArrayRef<int64_t> shape, double value) const;
  /// A scalar as a vector, or a vector as rows of a larger one.
  Value broadcast(OpBuilder &b, ArrayRef<int64_t> shape, Value value) const;
  VectorType vectorType(ArrayRef<int64_t> shape, Type element) const;
  /// Products and sums that may be fused.
  Value mul(OpBuilder &b, Value lhs, Value rhs) const;
  Value addf(OpBuilder &b, Value lhs, Value rhs) const;
  /// exp(x - limit), 0 where x is -inf. With a `limit` made by `finite`, that
  /// holds for rows without any visible key, too.
  Value expOf(OpBuilder &b, Value x, Value limit) const;
  /// `limit`, or 0 where it is -inf.
  Value finite(OpBuilder &b, Value limit) const;
  /// The greater one; a NaN in `candidate` is ignored.
  Value greater(OpBuilder &b, Value limit, Value candidate) const;
  /// Converts a float scalar or vector to the given element type.
  Value convert(OpBuilder &b, Value value, Type element) const;

  /// Reads a vector as it is stored. All is in bounds, or `mask` says what is;
  /// elsewhere the vector is 0.
  Value readStored(OpBuilder &b, Value tensor, ValueRange indices,
                   ArrayRef<int64_t> shape, Value mask = {}) const;
  /// The same, widened to f32.
  Value read(OpBuilder &b, Value tensor, ValueRange indices,
             ArrayRef<int64_t> shape, Value mask = {}) const;
  /// Writes a vector, converted to the type of the tensor.
  Value write(OpBuilder &b, Value vector, Value tensor, ValueRange indices,
              Value mask = {}) const;
  /// Lanes or rows below the given numbers.
  Value prefixMask(OpBuilder &b, ArrayRef<int64_t> shape,
                   ValueRange sizes) const;

  /// Uninitialised f32 tensors.
  Value emptyTensor(OpBuilder &b, ArrayRef<OpFoldResult> sizes) const;
  Value emptyTensor(OpBuilder &b, ArrayRef<int64_t> sizes) const;

  /// A loop [begin, end) that carries values.
  SmallVector<Value> buildLoop(
      OpBuilder &b, Value begin, Value end, int64_t step, ValueRange carried,
      function_ref<SmallVector<Value>(OpBuilder &, Value, ValueRange)> body)
      const;
  /// A loop over [0, size) in steps, of which the last may be smaller.
  SmallVector<Value> buildSteps(
      OpBuilder &b, int64_t size, int64_t step, ValueRange carried,
      function_ref<SmallVector<Value>(OpBuilder &, Value, int64_t, ValueRange)>
          body) const;

  /// The indices of one feature of a key or value.
  SmallVector<Value> keyIndices(Value batch, Value kvHead, Value key,
                                Value feature) const;
  /// Position of the first query of a sequence; null if keys are not hidden.
  Value buildFirstPosition(OpBuilder &b, Value batch) const;
  /// The keys that the queries [row, row + count) see.
  KeyRange buildKeyRange(OpBuilder &b, Value batch, Value row,
                         Value count) const;
  /// Indices of an element of the mask, with 0 where it is broadcast.
  SmallVector<Value> maskIndices(OpBuilder &b, Value batch, Value head,
                                 Value query, Value key) const;

  Location loc;
  const AttentionOperands &operands;
  const AttentionTileSizes &tiles;
};

/// Computes attention for tiles of queries over tiles of keys, and writes
/// `init`, [batch, query, head, feature].
Value buildQueryTiles(OpBuilder &builder, Location loc,
                      const AttentionOperands &operands,
                      const AttentionTileSizes &tiles, Value init);

/// The same for one query per sequence.
Value buildSingleQuery(OpBuilder &builder, Location loc,
                       const AttentionOperands &operands,
                       const AttentionTileSizes &tiles, Value init);

} // namespace mlir::gpt

#endif // GPT_CONVERSION_GPTATTENTIONTOVECTOR_ATTENTIONTILES_H
