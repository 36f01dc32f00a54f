//===- CachedAttentionPatterns.cpp - cached_attention -----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One loop over the sequences of the batch, each with its own number of
// cached tokens: what lies behind the last token of a sequence is never read,
// so neither stale entries nor NaN of uninitialised memory can reach a result,
// and a short sequence costs what it needs. The caches are loop-carried
// tensors that are only ever changed through a slice; one-shot bufferization
// turns that into stores into the caller's buffers.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/AttentionBuilder.h"
#include "gpt/Conversion/GptToLinalg/KVCacheBuilder.h"
#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::gpt;

namespace {

/// Lowers one op. Members are what the body of the loop reads.
class CachedAttentionBuilder {
public:
  CachedAttentionBuilder(CachedAttentionOp op,
                         CachedAttentionOp::Adaptor adaptor, OpBuilder &builder)
      : op(op), adaptor(adaptor), loc(op.getLoc()),
        zero(builder.getIndexAttr(0)), one(builder.getIndexAttr(1)),
        caches{loc, adaptor.getPositions(),
               getSize(builder, adaptor.getKeyCache(), 2),
               getNumNewRows(builder, loc,
                             {adaptor.getQuery(), adaptor.getKey(),
                              adaptor.getValue()})} {}

  void build(OpBuilder &builder, SmallVectorImpl<Value> &results);

private:
  /// The iteration of the loop for one sequence.
  SmallVector<Value> buildSequence(OpBuilder &b, Value sequence, Value keyCache,
                                   Value valueCache, Value result);

  /// The first `length` rows of the cache of one sequence.
  Value buildCacheView(OpBuilder &b, Value cache, Value sequence,
                       OpFoldResult length);

  Value getSize(OpBuilder &b, Value tensor, int64_t dim) {
    return getValueOrCreateConstantIndexOp(
        b, loc, tensor::getMixedSize(b, loc, tensor, dim));
  }

  CachedAttentionOp op;
  CachedAttentionOp::Adaptor adaptor;
  Location loc;
  OpFoldResult zero, one;
  Value query, key, value;
  KVCacheBuilder caches;
};

} // namespace

void CachedAttentionBuilder::build(OpBuilder &builder,
                                   SmallVectorImpl<Value> &results) {
  int64_t kvHeads = op.getNumKvHeads();
  int64_t groupSize = op.getNumHeads() / kvHeads;
  query = splitLastDim(builder, loc, adaptor.getQuery(),
                       {kvHeads, groupSize, op.getHeadDim()});
  key =
      splitLastDim(builder, loc, adaptor.getKey(), {kvHeads, op.getHeadDim()});
  value = splitLastDim(builder, loc, adaptor.getValue(),
                       {kvHeads, op.getValueHeadDim()});
  Value numSequences = caches.buildNumSequences(
      builder, getSize(builder, adaptor.getQuery(), 0));

  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, query);
  sizes.back() = builder.getIndexAttr(op.getValueHeadDim());
  Value init = buildEmpty(builder, loc, sizes,
                          getTensorType(op.getResult()).getElementType());
  auto loop = scf::ForOp::create(
      builder, loc, buildIndex(builder, loc, 0), numSequences,
      buildIndex(builder, loc, 1),
      ValueRange{adaptor.getKeyCache(), adaptor.getValueCache(), init},
      [&](OpBuilder &b, Location l, Value sequence, ValueRange carried) {
        SmallVector<Value> next =
            buildSequence(b, sequence, carried[0], carried[1], carried[2]);
        scf::YieldOp::create(b, l, next);
      });
  results.push_back(mergeLastDims(builder, loc, loop.getResult(2), 3));
  results.push_back(loop.getResult(0));
  results.push_back(loop.getResult(1));
}

SmallVector<Value> CachedAttentionBuilder::buildSequence(OpBuilder &b,
                                                         Value sequence,
                                                         Value keyCache,
                                                         Value valueCache,
                                                         Value result) {
  Value position = caches.buildPosition(b, sequence);
  keyCache = caches.buildUpdate(b, keyCache, key, sequence, position);
  valueCache = caches.buildUpdate(b, valueCache, value, sequence, position);

  Value length = arith::AddIOp::create(
      b, loc, position,
      getValueOrCreateConstantIndexOp(b, loc, caches.numRows));
  Value keys = buildCacheView(b, keyCache, sequence, length);
  Value values = buildCacheView(b, valueCache, sequence, length);

  auto offsets = [&](unsigned rank) {
    SmallVector<OpFoldResult> all(rank, zero);
    all[0] = sequence;
    return all;
  };
  SmallVector<OpFoldResult> querySizes = tensor::getMixedSizes(b, loc, query);
  querySizes[0] = one;
  SmallVector<OpFoldResult> resultSizes(querySizes);
  resultSizes.back() = b.getIndexAttr(op.getValueHeadDim());
  Value rows = extractSlice(b, loc, query, offsets(5), querySizes, {0});
  Value init = extractSlice(b, loc, result, offsets(5), resultSizes, {0});

  AttentionBuilder attention{b,
                             loc,
                             /*batched=*/false,
                             /*keysBeforeHeads=*/false,
                             op.getEffectiveScale(),
                             /*firstPosition=*/position,
                             op.getWindow(),
                             /*mask=*/Value()};
  Value attended = attention.build(rows, keys, values, init);
  result = insertSlice(b, loc, attended, result, offsets(5), resultSizes);
  return {keyCache, valueCache, result};
}

Value CachedAttentionBuilder::buildCacheView(OpBuilder &b, Value cache,
                                             Value sequence,
                                             OpFoldResult length) {
  SmallVector<OpFoldResult> sizes = {
      one, b.getIndexAttr(op.getNumKvHeads()), length,
      b.getIndexAttr(getTensorType(cache).getShape().back())};
  return extractSlice(b, loc, cache, {sequence, zero, zero, zero}, sizes, {0});
}

namespace {

struct CachedAttentionLowering final
    : public LoweringPattern<CachedAttentionOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(CachedAttentionOp op, OpAdaptor adaptor,
                      OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    CachedAttentionBuilder(op, adaptor, builder).build(builder, results);
    return success();
  }
};

} // namespace

void gpt::populateCachedAttentionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<CachedAttentionLowering>(patterns.getContext());
}
