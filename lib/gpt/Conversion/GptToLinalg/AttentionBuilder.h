//===- AttentionBuilder.h - scores, softmax and weighted sum ----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What gpt.attention and gpt.cached_attention have in common, on operands that
// are already split into heads. Both products are `linalg.contract`, so keys
// and values are read as they are stored: [batch, key, kv head, feature] as
// projections give them, or [kv head, key, feature] as a cache keeps them.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_CONVERSION_GPTTOLINALG_ATTENTIONBUILDER_H
#define GPT_CONVERSION_GPTTOLINALG_ATTENTIONBUILDER_H

#include "gpt/Conversion/GptToLinalg/StructuredBuilders.h"

#include <optional>

namespace mlir::gpt {

/// Attention of whole tensors. With `batched`, all operands begin with the
/// batch dimension; without, there is none.
struct AttentionBuilder {
  OpBuilder &builder;
  Location loc;
  bool batched;
  /// Keys and values are [.., key, kv head, feature] (or with these two
  /// dimensions swapped).
  bool keysBeforeHeads;
  double scale;
  /// Position of the first query, if keys behind a query are hidden.
  Value firstPosition;
  std::optional<int64_t> window;
  /// Added to the scaled scores, broadcast to [batch, kv head, group, query,
  /// key]; may be null.
  Value mask;

  /// `query`: [.., query, kv head, group, feature]. Overwrites `init`, which
  /// has that shape too (with the features of the values), of any float type.
  Value build(Value query, Value key, Value value, Value init) const;

private:
  /// The scaled and masked scores, [.., kv head, group, query, key], f32.
  Value buildScores(Value query, Value key) const;
  /// What sums of values begin with: zero, or NaN where there are no keys, as a
  /// softmax over none is 0 / 0.
  Value buildInitialSum(Value key) const;
  OpFoldResult getNumKeys(Value key) const;

  /// Dimensions of the loops over scores and one feature.
  unsigned kvHead() const { return batched ? 1 : 0; }
  unsigned group() const { return kvHead() + 1; }
  unsigned queryRow() const { return kvHead() + 2; }
  unsigned keyRow() const { return kvHead() + 3; }
  unsigned feature() const { return kvHead() + 4; }

  /// Map of the loops to the given dimensions, after the batch.
  AffineMap getMap(ArrayRef<unsigned> dims) const;
  AffineMap getQueryMap() const;
  AffineMap getKeyMap() const;
  AffineMap getScoreMap() const;
};

} // namespace mlir::gpt

#endif // GPT_CONVERSION_GPTTOLINALG_ATTENTIONBUILDER_H
