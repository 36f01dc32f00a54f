//===- ActivationPatterns.cpp - gelu, silu, softmax, masks ------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Point-wise functions become generics in f32; softmax stays one op
// (`linalg.softmax`) so that later stages can choose how to decompose it.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace mlir::gpt;

/// A generic that applies `body` to every element.
static Value buildUnary(OpBuilder &builder, Location loc, Value input,
                        ArrayRef<OpFoldResult> sizes, ScalarBody body) {
  RankedTensorType type = getTensorType(input);
  Value init = buildEmpty(builder, loc, sizes, type.getElementType());
  return buildParallel(
      builder, loc, {{input, builder.getMultiDimIdentityMap(type.getRank())}},
      init, body);
}

/// `x * 0.5 * (1 + erf(x / sqrt(2)))`.
static Value buildExactGelu(OpBuilder &b, Location loc, Value x) {
  Value scaled =
      arith::MulFOp::create(b, loc, x, buildF32(b, loc, 0.70710678118654752));
  Value erf = math::ErfOp::create(b, loc, scaled);
  Value sum = arith::AddFOp::create(b, loc, erf, buildF32(b, loc, 1.0));
  Value half = arith::MulFOp::create(b, loc, x, buildF32(b, loc, 0.5));
  return arith::MulFOp::create(b, loc, half, sum);
}

/// `x * 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))`.
static Value buildTanhGelu(OpBuilder &b, Location loc, Value x) {
  Value square = arith::MulFOp::create(b, loc, x, x);
  Value cube = arith::MulFOp::create(b, loc, square, x);
  Value scaled =
      arith::MulFOp::create(b, loc, cube, buildF32(b, loc, 0.044715));
  Value inner = arith::AddFOp::create(b, loc, x, scaled);
  Value argument = arith::MulFOp::create(b, loc, inner,
                                         buildF32(b, loc, 0.79788456080286536));
  Value tanh = math::TanhOp::create(b, loc, argument);
  Value sum = arith::AddFOp::create(b, loc, tanh, buildF32(b, loc, 1.0));
  Value half = arith::MulFOp::create(b, loc, x, buildF32(b, loc, 0.5));
  return arith::MulFOp::create(b, loc, half, sum);
}

/// `x / (1 + exp(-x))`.
static Value buildSilu(OpBuilder &b, Location loc, Value x) {
  Value exp = math::ExpOp::create(b, loc, arith::NegFOp::create(b, loc, x));
  Value sum = arith::AddFOp::create(b, loc, exp, buildF32(b, loc, 1.0));
  return arith::DivFOp::create(b, loc, x, sum);
}

namespace {

struct GeluLowering final : public LoweringPattern<GeluOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(GeluOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    bool tanh = op.getApproximate() == GeluApproximation::Tanh;
    results.push_back(buildUnary(
        builder, op.getLoc(), adaptor.getInput(), getShape(op, builder),
        [&](OpBuilder &b, Location loc, ValueRange args) {
          return tanh ? buildTanhGelu(b, loc, args[0])
                      : buildExactGelu(b, loc, args[0]);
        }));
    return success();
  }
};

struct SiluLowering final : public LoweringPattern<SiluOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(SiluOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    results.push_back(buildUnary(
        builder, op.getLoc(), adaptor.getInput(), getShape(op, builder),
        [](OpBuilder &b, Location loc, ValueRange args) {
          return buildSilu(b, loc, args[0]);
        }));
    return success();
  }
};

struct SoftmaxLowering final : public LoweringPattern<SoftmaxOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(SoftmaxOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    Type elementType = getTensorType(adaptor.getInput()).getElementType();
    Value scores = buildElementCast(builder, loc, adaptor.getInput(),
                                    builder.getF32Type());
    Value init =
        buildEmpty(builder, loc, getShape(op, builder), builder.getF32Type());
    Value softmax = buildSoftmax(builder, loc, scores, init);
    results.push_back(buildElementCast(builder, loc, softmax, elementType));
    return success();
  }
};

struct MaskedSoftmaxLowering final : public LoweringPattern<MaskedSoftmaxOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(MaskedSoftmaxOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    RankedTensorType type = getTensorType(adaptor.getInput());
    SmallVector<OpFoldResult> sizes = getShape(op, builder);
    Value init = buildEmpty(builder, loc, sizes, builder.getF32Type());
    Value scores = buildParallel(
        builder, loc,
        {{adaptor.getInput(), builder.getMultiDimIdentityMap(type.getRank())},
         {adaptor.getMask(),
          getBroadcastMap(getTensorType(adaptor.getMask()), sizes)}},
        init, [](OpBuilder &b, Location l, ValueRange args) -> Value {
          return arith::AddFOp::create(b, l, args[0], args[1]);
        });
    Value softmax = buildSoftmax(builder, loc, scores, scores);
    results.push_back(
        buildElementCast(builder, loc, softmax, type.getElementType()));
    return success();
  }
};

/// A generic that compares the index of the key with the position of the
/// query.
struct CausalMaskLowering final : public LoweringPattern<CausalMaskOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(CausalMaskOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    RankedTensorType type = getTensorType(op.getResult());
    SmallVector<OpFoldResult> sizes = getShape(op, builder);
    unsigned rank = sizes.size();
    SmallVector<Access> inputs;
    Value offset;
    if (Value positions = adaptor.getPositions()) {
      inputs.push_back(
          {positions, getDimsMap(builder.getContext(), rank, {0})});
    } else {
      Value seqLen =
          getValueOrCreateConstantIndexOp(builder, loc, sizes[rank - 2]);
      Value keyLen =
          getValueOrCreateConstantIndexOp(builder, loc, sizes[rank - 1]);
      offset = arith::SubIOp::create(builder, loc, keyLen, seqLen);
    }
    Value init = buildEmpty(builder, loc, sizes, type.getElementType());
    results.push_back(buildParallel(
        builder, loc, inputs, init,
        [&](OpBuilder &b, Location l, ValueRange args) -> Value {
          Value first = offset;
          if (!first)
            first = arith::IndexCastOp::create(b, l, b.getIndexType(), args[0]);
          Value visible = buildVisibility(b, l, first, op.getWindow(),
                                          /*queryDim=*/rank - 2,
                                          /*keyDim=*/rank - 1);
          Value hidden =
              buildF32(b, l, -std::numeric_limits<double>::infinity());
          return arith::SelectOp::create(b, l, visible, buildF32(b, l, 0.0),
                                         hidden);
        }));
    return success();
  }
};

} // namespace

void gpt::populateActivationToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<CausalMaskLowering, GeluLowering, MaskedSoftmaxLowering,
               SiluLowering, SoftmaxLowering>(patterns.getContext());
}
