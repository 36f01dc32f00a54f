//===- ShapePatterns.cpp - transpose, split, last_token ---------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Views where a view will do; a dynamic sequence is the exception in
// last_token, because the last position of an empty one does not exist.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"

using namespace mlir;
using namespace mlir::gpt;

namespace {

struct TransposeLowering final : public LoweringPattern<TransposeOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(TransposeOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    Type elementType = getTensorType(adaptor.getInput()).getElementType();
    Value init = buildEmpty(builder, loc, getShape(op, builder), elementType);
    results.push_back(linalg::TransposeOp::create(builder, loc,
                                                  adaptor.getInput(), init,
                                                  op.getPermutation())
                          ->getResult(0));
    return success();
  }
};

/// One group: slices of the last dimension. More: the last dimension is seen
/// as [groups, parts, size] and a part is a slice of the middle.
struct SplitLowering final : public LoweringPattern<SplitOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(SplitOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    int64_t numParts = op.getNumParts();
    int64_t numGroups = op.getNumGroups();
    RankedTensorType type = getTensorType(adaptor.getInput());
    int64_t size = type.getShape().back() / (numParts * numGroups);
    unsigned last = type.getRank() - 1;

    Value source = adaptor.getInput();
    if (numGroups > 1)
      source = splitLastDim(builder, loc, source, {numGroups, numParts, size});
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(builder, loc, source);
    SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0));
    unsigned cut = numGroups > 1 ? last + 1 : last;
    int64_t step = numGroups > 1 ? 1 : size;
    sizes[cut] = builder.getIndexAttr(step);
    for (int64_t part = 0; part < numParts; ++part) {
      offsets[cut] = builder.getIndexAttr(part * step);
      Value slice = extractSlice(builder, loc, source, offsets, sizes);
      // The slice keeps the dimension of the part: of several extents of 1,
      // canonicalization would take another one for that which is dropped.
      if (numGroups > 1)
        slice = mergeLastDims(builder, loc, slice, 3);
      results.push_back(slice);
    }
    return success();
  }
};

struct LastTokenLowering final : public LoweringPattern<LastTokenOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(LastTokenOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    RankedTensorType type = getTensorType(input);
    SmallVector<OpFoldResult> sizes = getShape(op, builder);
    int64_t seqLen = type.getDimSize(1);
    if (!ShapedType::isDynamic(seqLen)) {
      SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0));
      offsets[1] = builder.getIndexAttr(seqLen - 1);
      results.push_back(extractSlice(builder, loc, input, offsets, sizes));
      return success();
    }

    // An empty sequence has no last token: nothing is read, and zeros stay
    // where nothing is put.
    Value zeros = buildFilled(
        builder, loc, sizes,
        cast<TypedAttr>(builder.getZeroAttr(type.getElementType())));
    Value length = tensor::DimOp::create(builder, loc, input, 1);
    Value one = buildIndex(builder, loc, 1);
    Value count = arith::MinSIOp::create(builder, loc, length, one);
    Value last = arith::SubIOp::create(builder, loc, length, count);
    SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0));
    sizes[1] = count;
    SmallVector<OpFoldResult> source(offsets);
    source[1] = last;
    Value token = extractSlice(builder, loc, input, source, sizes);
    results.push_back(insertSlice(builder, loc, token, zeros, offsets, sizes));
    return success();
  }
};

} // namespace

void gpt::populateShapeToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LastTokenLowering, SplitLowering, TransposeLowering>(
      patterns.getContext());
}
