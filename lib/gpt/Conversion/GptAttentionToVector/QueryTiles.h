//===- QueryTiles.h - attention of many queries -----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The online form of softmax (Milakov and Gimelshein, arXiv 1805.02867; Dao et
// al., arXiv 2205.14135), with the queries of a tile in the lanes of vectors.
// So scores are [key, lane] and the sum of values is [feature, lane]:
//
// * both products broadcast an element of a key or value to the lanes of a row
//   of queries or weights. Keys and values are read as they are stored, and
//   neither the number of keys nor that of features has to fit a vector.
// * maximum and sum over the keys run in the lanes, each of which has its own.
//
// Only the queries are transposed on the way in, and the result on the way out.
// The last queries are masked there; lanes without a query compute on zeros.
//
// QueryTiles.cpp has what does not depend on how the two products are made.
// They are made of f32 (WideQueryTiles.cpp), or of pairs of bf16
// (PairQueryTiles.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef GPT_CONVERSION_GPTATTENTIONTOVECTOR_QUERYTILES_H
#define GPT_CONVERSION_GPTATTENTIONTOVECTOR_QUERYTILES_H

#include "gpt/Conversion/GptAttentionToVector/AttentionTiles.h"

#include <memory>

namespace mlir::gpt {

/// Builds one tile of queries. Members are what its loops read.
class QueryTileBuilder : public AttentionTileBuilder {
public:
  using AttentionTileBuilder::AttentionTileBuilder;
  virtual ~QueryTileBuilder() = default;

  /// Computes `rows` queries of one head from `row` on into `init`, [row,
  /// feature].
  Value build(OpBuilder &b, Value init);

  Value batch, head, kvHead, row, rows;

protected:
  /// What is carried from one tile of keys to the next.
  struct State {
    /// The weighted sum, [feature, lane]; room for the scores of a tile of
    /// keys, [key, lane].
    Value sum, scores;
    /// The greatest score and the sum of weights of each lane.
    Value limit, total;

    SmallVector<Value> get() const { return {sum, scores, limit, total}; }
    static State from(ValueRange values) {
      return {values[0], values[1], values[2], values[3]};
    }
  };

  /// Brings the queries into the form that `multiplyKeys` reads.
  virtual Value packQueries(OpBuilder &b) = 0;
  /// The scaled scores, [key, lane], of `count` keys from `key` on.
  virtual Value multiplyKeys(OpBuilder &b, Value key, int64_t count) = 0;
  /// Makes weights of the scores of `size` keys, and adds them to the total.
  /// Returns them in the form that `buildSum` reads.
  virtual Value buildWeights(OpBuilder &b, Value size, Value limit,
                             State &state) = 0;
  /// The sum, scaled by `factor`, with the weighted values of the keys
  /// [key, key + size).
  virtual Value buildSum(OpBuilder &b, Value key, Value size, Value factor,
                         Value weights, Value sum) = 0;

  /// The queries of this tile, [row, feature].
  Value getQueries(OpBuilder &b) const;
  /// Which lanes of a vector from `lane` on have a query, and which of its
  /// features are below `count`.
  Value presentMask(OpBuilder &b, Value lane, int64_t count) const;

  Value queries;

private:
  State buildInitialState(OpBuilder &b);
  /// Takes the keys [key, key + size) into account.
  State buildKeyTile(OpBuilder &b, Value key, Value size, State state);
  /// Scores of `count` keys from `key` on, stored in the scores of the tile
  /// from `offset` on; updates the limit.
  State buildScores(OpBuilder &b, Value key, Value offset, int64_t count,
                    State state);
  /// Adds the mask to the scores, [key, lane], of `count` keys from `key` on.
  Value buildMask(OpBuilder &b, Value scores, Value key, int64_t count);
  /// Hides what the diagonal or the window hides, where they cross these keys.
  Value hideKeys(OpBuilder &b, Value scores, Value key, int64_t count);
  /// Divides by the sum of weights and transposes back into `init`.
  Value writeResult(OpBuilder &b, State state, Value init);

  KeyRange range;
};

/// Makes both products of f32; what is stored otherwise is widened.
std::unique_ptr<QueryTileBuilder>
createWideQueryTile(Location loc, const AttentionOperands &operands,
                    const AttentionTileSizes &tiles);

/// Makes both products of pairs of bf16, which queries, keys and values are.
std::unique_ptr<QueryTileBuilder>
createPairQueryTile(Location loc, const AttentionOperands &operands,
                    const AttentionTileSizes &tiles);

} // namespace mlir::gpt

#endif // GPT_CONVERSION_GPTATTENTIONTOVECTOR_QUERYTILES_H
