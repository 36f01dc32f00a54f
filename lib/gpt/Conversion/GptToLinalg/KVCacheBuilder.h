//===- KVCacheBuilder.h - new tokens in a KV cache --------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How gpt.cached_attention finds the place of new tokens in a cache and writes
// them there, whatever form the attention itself is lowered to.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_CONVERSION_GPTTOLINALG_KVCACHEBUILDER_H
#define GPT_CONVERSION_GPTTOLINALG_KVCACHEBUILDER_H

#include "gpt/Conversion/GptToLinalg/StructuredBuilders.h"

namespace mlir::gpt {

/// The number of new tokens of each sequence: extent 1 of queries, keys and
/// values, a constant where one of the three knows it. Slices of a tensor must
/// not be wider than its static extent, which 0 makes an error.
OpFoldResult getNumNewRows(OpBuilder &builder, Location loc,
                           ValueRange queryKeyValue);

/// The caches of one gpt.cached_attention.
struct KVCacheBuilder {
  Location loc;
  /// The position of the first new token of each sequence, [batch].
  Value positions;
  /// Entries of a cache.
  Value capacity;
  /// New tokens of each sequence; see getNumNewRows.
  OpFoldResult numRows;

  /// The number of sequences to process: none where more tokens are new than
  /// the cache has room for, which would be written outside of it.
  Value buildNumSequences(OpBuilder &builder, Value batch) const;

  /// The position of the first new token of a sequence, clamped into the cache.
  Value buildPosition(OpBuilder &builder, Value sequence) const;

  /// Writes new rows [batch, row, kv head, feature] of one sequence into its
  /// cache, [batch, kv head, key, feature], from `position` on.
  Value buildUpdate(OpBuilder &builder, Value cache, Value rows, Value sequence,
                    Value position) const;
};

} // namespace mlir::gpt

#endif // GPT_CONVERSION_GPTTOLINALG_KVCACHEBUILDER_H
