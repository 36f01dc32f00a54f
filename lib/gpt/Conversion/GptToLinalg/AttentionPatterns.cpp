//===- AttentionPatterns.cpp - attention ------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Heads are split by reshaping the last dimension to [kv head, group, feature]:
// the query heads that share a key/value head are neighbours.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/AttentionBuilder.h"
#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"

using namespace mlir;
using namespace mlir::gpt;

/// Views a mask that broadcasts to [batch, head, query, key] as one that
/// broadcasts to [batch, kv head, group, query, key].
static Value splitMaskHeads(OpBuilder &builder, Location loc, Value mask,
                            int64_t numKvHeads, int64_t groupSize) {
  RankedTensorType type = getTensorType(mask);
  int64_t rank = type.getRank();
  if (rank < 3)
    return mask;
  int64_t heads = rank - 3;
  bool repeated = type.getDimSize(heads) == 1;
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> shape;
  SmallVector<OpFoldResult> sizes;
  int64_t next = 0;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (dim != heads) {
      groups.push_back({next++});
      shape.push_back(type.getDimSize(dim));
      sizes.push_back(tensor::getMixedSize(builder, loc, mask, dim));
      continue;
    }
    groups.push_back({next, next + 1});
    next += 2;
    for (int64_t extent :
         {repeated ? 1 : numKvHeads, repeated ? 1 : groupSize}) {
      shape.push_back(extent);
      sizes.push_back(builder.getIndexAttr(extent));
    }
  }
  // A dynamic number of heads is that of the query.
  SmallVector<int64_t> headShape(type.getShape());
  if (!repeated)
    headShape[heads] = numKvHeads * groupSize;
  mask = castToType(builder, loc, mask, type.clone(headShape));
  return tensor::ExpandShapeOp::create(builder, loc, type.clone(shape), mask,
                                       groups, sizes);
}

namespace {

struct AttentionLowering final : public LoweringPattern<AttentionOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(AttentionOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    int64_t kvHeads = op.getNumKvHeads();
    int64_t groupSize = op.getNumHeads() / kvHeads;
    int64_t headDim = op.getHeadDim();
    int64_t valueDim = op.getValueHeadDim();

    Value query = splitLastDim(builder, loc, adaptor.getQuery(),
                               {kvHeads, groupSize, headDim});
    Value key =
        splitLastDim(builder, loc, adaptor.getKey(), {kvHeads, headDim});
    Value value =
        splitLastDim(builder, loc, adaptor.getValue(), {kvHeads, valueDim});

    Value first;
    if (op.getCausal()) {
      Value queries = getSize(builder, loc, query, 1);
      Value keys = getSize(builder, loc, key, 1);
      first = arith::SubIOp::create(builder, loc, keys, queries);
    }
    Value mask = adaptor.getMask();
    if (mask)
      mask = splitMaskHeads(builder, loc, mask, kvHeads, groupSize);

    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(builder, loc, query);
    sizes.back() = builder.getIndexAttr(valueDim);
    Value init = buildEmpty(builder, loc, sizes,
                            getTensorType(op.getResult()).getElementType());
    AttentionBuilder attention{builder,
                               loc,
                               /*batched=*/true,
                               /*keysBeforeHeads=*/true,
                               op.getEffectiveScale(),
                               first,
                               op.getWindow(),
                               mask};
    Value result = attention.build(query, key, value, init);
    results.push_back(mergeLastDims(builder, loc, result, 3));
    return success();
  }

private:
  static Value getSize(OpBuilder &builder, Location loc, Value tensor,
                       int64_t dim) {
    return getValueOrCreateConstantIndexOp(
        builder, loc, tensor::getMixedSize(builder, loc, tensor, dim));
  }
};

} // namespace

void gpt::populateAttentionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<AttentionLowering>(patterns.getContext());
}
