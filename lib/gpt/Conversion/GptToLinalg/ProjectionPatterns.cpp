//===- ProjectionPatterns.cpp - linear, matmul ------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products become `linalg.contract`, whose indexing maps say two things at
// once: how the operands are stored, so that nothing is ever transposed, and
// the order of the loops. The innermost loop runs along contiguous memory of
// the weight: over its inputs for out_in, over its outputs for in_out.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"

using namespace mlir;
using namespace mlir::gpt;

/// What a projection adds its products to: the bias, repeated for every row,
/// or zero.
static Value buildAccumulator(OpBuilder &builder, Location loc, Value bias,
                              ArrayRef<OpFoldResult> sizes) {
  if (!bias)
    return buildFilled(builder, loc, sizes, builder.getF32FloatAttr(0.0f));
  unsigned rank = sizes.size();
  Value init = buildEmpty(builder, loc, sizes, builder.getF32Type());
  RankedTensorType biasType = getTensorType(bias);
  if (rank > 1 && biasType.getElementType().isF32()) {
    // The broadcast wants the very extent of the result; either may be known
    // where the other is not.
    int64_t columns = getTensorType(init).getDimSize(rank - 1);
    bias = castToType(builder, loc, bias, biasType.clone({columns}));
    SmallVector<int64_t> rows = llvm::to_vector(llvm::seq<int64_t>(rank - 1));
    return linalg::BroadcastOp::create(builder, loc, bias, init, rows)
        ->getResult(0);
  }
  return buildParallel(
      builder, loc,
      {{bias, getDimsMap(builder.getContext(), rank, {rank - 1})}}, init,
      [](OpBuilder &, Location, ValueRange args) { return args[0]; });
}

namespace {

struct LinearLowering final : public LoweringPattern<LinearOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(LinearOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    RankedTensorType inputType = getTensorType(adaptor.getInput());
    unsigned numRowDims = inputType.getRank() - 1;
    unsigned numLoops = numRowDims + 2;
    bool outIn = op.getWeightLayout() == WeightLayout::OutIn;

    // out_in: (n, rows..., k), so that a row of the weight serves all rows of
    // the input while it is in the cache; in_out: (rows..., k, n).
    unsigned firstRow = outIn ? 1 : 0;
    unsigned n = outIn ? 0 : numLoops - 1;
    unsigned k = outIn ? numLoops - 1 : numLoops - 2;
    SmallVector<unsigned> rows = getDimRange(firstRow, firstRow + numRowDims);
    SmallVector<unsigned> inputDims(rows), resultDims(rows);
    inputDims.push_back(k);
    resultDims.push_back(n);
    SmallVector<unsigned> weightDims =
        outIn ? SmallVector<unsigned>{n, k} : SmallVector<unsigned>{k, n};

    Value accumulator = buildAccumulator(builder, loc, adaptor.getBias(),
                                         getShape(op, builder));
    Value product = buildContract(
        builder, loc,
        {adaptor.getInput(), getDimsMap(context, numLoops, inputDims)},
        {adaptor.getWeight(), getDimsMap(context, numLoops, weightDims)},
        {accumulator, getDimsMap(context, numLoops, resultDims)});
    results.push_back(
        buildElementCast(builder, loc, product, inputType.getElementType()));
    return success();
  }
};

/// Loops in the order (batch..., m, k, n).
struct MatmulLowering final : public LoweringPattern<MatmulOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(MatmulOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    RankedTensorType lhsType = getTensorType(adaptor.getLhs());
    unsigned rank = lhsType.getRank();
    unsigned m = rank - 2, k = rank - 1, n = rank, numLoops = rank + 1;

    bool batchedRhs = getTensorType(adaptor.getRhs()).getRank() > 2;
    SmallVector<unsigned> rhsDims = getDimRange(0, batchedRhs ? m : 0);
    rhsDims.append({k, n});
    SmallVector<unsigned> resultDims = getDimRange(0, k);
    resultDims.push_back(n);

    Value accumulator =
        buildAccumulator(builder, loc, Value(), getShape(op, builder));
    Value product = buildContract(
        builder, loc,
        {adaptor.getLhs(), getDimsMap(context, numLoops, getDimRange(0, n))},
        {adaptor.getRhs(), getDimsMap(context, numLoops, rhsDims)},
        {accumulator, getDimsMap(context, numLoops, resultDims)});
    results.push_back(
        buildElementCast(builder, loc, product, lhsType.getElementType()));
    return success();
  }
};

} // namespace

void gpt::populateProjectionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LinearLowering, MatmulLowering>(patterns.getContext());
}
