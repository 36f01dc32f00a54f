//===- ElementwisePatterns.cpp - add, mul, scale, cast ----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two f32 operands of one shape become the named linalg op; everything else is
// a generic that reads a broadcast operand through its indexing map.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"

using namespace mlir;
using namespace mlir::gpt;

namespace {

/// `x + y` or `x * y`.
template <typename OpTy, typename NamedOpTy, typename ScalarOpTy>
struct BinaryLowering final : public LoweringPattern<OpTy> {
  using LoweringPattern<OpTy>::LoweringPattern;
  using OpAdaptor = typename LoweringPattern<OpTy>::OpAdaptor;

  LogicalResult lower(OpTy op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    RankedTensorType lhsType = getTensorType(adaptor.getLhs());
    RankedTensorType rhsType = getTensorType(adaptor.getRhs());
    SmallVector<OpFoldResult> sizes = this->getShape(op, builder);
    Value init = buildEmpty(builder, loc, sizes, lhsType.getElementType());
    AffineMap lhsMap = getBroadcastMap(lhsType, sizes);
    AffineMap rhsMap = getBroadcastMap(rhsType, sizes);
    if (lhsType.getElementType().isF32() && lhsMap.isIdentity() &&
        rhsMap.isIdentity()) {
      results.push_back(
          NamedOpTy::create(builder, loc,
                            ValueRange{adaptor.getLhs(), adaptor.getRhs()},
                            ValueRange{init})
              .getResult(0));
      return success();
    }
    results.push_back(buildParallel(
        builder, loc, {{adaptor.getLhs(), lhsMap}, {adaptor.getRhs(), rhsMap}},
        init, [](OpBuilder &b, Location l, ValueRange args) -> Value {
          return ScalarOpTy::create(b, l, args[0], args[1]);
        }));
    return success();
  }
};

/// `factor * x`.
struct ScaleLowering final : public LoweringPattern<ScaleOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(ScaleOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    RankedTensorType type = getTensorType(adaptor.getInput());
    Value factor = buildF32(builder, loc, op.getFactor().convertToDouble());
    Value init =
        buildEmpty(builder, loc, getShape(op, builder), type.getElementType());
    AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
    results.push_back(
        buildParallel(builder, loc, {{adaptor.getInput(), identity}}, init,
                      [&](OpBuilder &b, Location l, ValueRange args) -> Value {
                        return arith::MulFOp::create(b, l, args[0], factor);
                      }));
    return success();
  }
};

/// Conversion of the element type.
struct CastLowering final : public LoweringPattern<CastOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(CastOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Type elementType = getTensorType(op.getResult()).getElementType();
    results.push_back(buildElementCast(builder, op.getLoc(), adaptor.getInput(),
                                       elementType));
    return success();
  }
};

} // namespace

void gpt::populateElementwiseToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<BinaryLowering<AddOp, linalg::AddOp, arith::AddFOp>,
               BinaryLowering<MulOp, linalg::MulOp, arith::MulFOp>,
               CastLowering, ScaleLowering>(patterns.getContext());
}
