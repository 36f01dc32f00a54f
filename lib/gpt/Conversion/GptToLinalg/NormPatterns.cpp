//===- NormPatterns.cpp - layer_norm, rms_norm ------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics of a row are reductions in f32 followed by one generic that
// normalises. The variance is taken around the mean (two passes): the
// one-pass form E[x^2] - E[x]^2 cancels for rows far from zero.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::gpt;

namespace {

/// Maps and sizes of a normalisation over the last dimension.
struct Rows {
  Rows(OpBuilder &builder, Location loc, Value input)
      : sizes(tensor::getMixedSizes(builder, loc, input)) {
    unsigned rank = sizes.size();
    MLIRContext *context = builder.getContext();
    element = builder.getMultiDimIdentityMap(rank);
    row = getDimsMap(context, rank, getDimRange(0, rank - 1));
    column = getDimsMap(context, rank, {rank - 1});
    statistic = builder.getMultiDimIdentityMap(rank - 1);
    Value length = getValueOrCreateConstantIndexOp(builder, loc, sizes.back());
    Value integer =
        arith::IndexCastOp::create(builder, loc, builder.getI64Type(), length);
    count =
        arith::SIToFPOp::create(builder, loc, builder.getF32Type(), integer);
  }

  ArrayRef<OpFoldResult> rowSizes() const {
    return ArrayRef(sizes).drop_back();
  }

  SmallVector<OpFoldResult> sizes;
  AffineMap element, row, column, statistic;
  /// Number of features, f32.
  Value count;
};

} // namespace

/// `1 / sqrt(sum / count + epsilon)` of each row.
static Value buildInverseDeviation(OpBuilder &builder, Location loc,
                                   const Rows &rows, Value sums,
                                   double epsilon) {
  return buildUpdate(
      builder, loc, {}, sums,
      [&](OpBuilder &b, Location l, ValueRange args) -> Value {
        Value mean = arith::DivFOp::create(b, l, args[0], rows.count);
        Value sum = arith::AddFOp::create(b, l, mean, buildF32(b, l, epsilon));
        return math::RsqrtOp::create(b, l, sum);
      });
}

namespace {

struct LayerNormLowering final : public LoweringPattern<LayerNormOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(LayerNormOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Rows rows(builder, loc, input);

    Value sums = buildLastDimSum(
        builder, loc, {{input, rows.element}}, rows.rowSizes(),
        [](OpBuilder &, Location, ValueRange args) { return args[0]; });
    Value means =
        buildUpdate(builder, loc, {}, sums,
                    [&](OpBuilder &b, Location l, ValueRange args) -> Value {
                      return arith::DivFOp::create(b, l, args[0], rows.count);
                    });
    Value squares = buildLastDimSum(
        builder, loc, {{input, rows.element}, {means, rows.row}},
        rows.rowSizes(),
        [](OpBuilder &b, Location l, ValueRange args) -> Value {
          Value centred = arith::SubFOp::create(b, l, args[0], args[1]);
          return arith::MulFOp::create(b, l, centred, centred);
        });
    Value inverse = buildInverseDeviation(builder, loc, rows, squares,
                                          op.getEpsilon().convertToDouble());

    SmallVector<Access> inputs = {{input, rows.element},
                                  {means, rows.row},
                                  {inverse, rows.row},
                                  {adaptor.getWeight(), rows.column}};
    if (Value bias = adaptor.getBias())
      inputs.push_back({bias, rows.column});
    Value init = buildEmpty(builder, loc, rows.sizes,
                            getTensorType(input).getElementType());
    results.push_back(buildParallel(
        builder, loc, inputs, init,
        [](OpBuilder &b, Location l, ValueRange args) -> Value {
          Value centred = arith::SubFOp::create(b, l, args[0], args[1]);
          Value unit = arith::MulFOp::create(b, l, centred, args[2]);
          Value scaled = arith::MulFOp::create(b, l, unit, args[3]);
          if (args.size() == 4)
            return scaled;
          return arith::AddFOp::create(b, l, scaled, args[4]);
        }));
    return success();
  }
};

struct RmsNormLowering final : public LoweringPattern<RmsNormOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(RmsNormOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Rows rows(builder, loc, input);

    Value squares =
        buildLastDimSum(builder, loc, {{input, rows.element}}, rows.rowSizes(),
                        [](OpBuilder &b, Location l, ValueRange args) -> Value {
                          return arith::MulFOp::create(b, l, args[0], args[0]);
                        });
    Value inverse = buildInverseDeviation(builder, loc, rows, squares,
                                          op.getEpsilon().convertToDouble());

    Value init = buildEmpty(builder, loc, rows.sizes,
                            getTensorType(input).getElementType());
    bool unitOffset = op.getUnitOffset();
    results.push_back(buildParallel(
        builder, loc,
        {{input, rows.element},
         {inverse, rows.row},
         {adaptor.getWeight(), rows.column}},
        init, [&](OpBuilder &b, Location l, ValueRange args) -> Value {
          Value unit = arith::MulFOp::create(b, l, args[0], args[1]);
          Value weight = args[2];
          if (unitOffset)
            weight = arith::AddFOp::create(b, l, weight, buildF32(b, l, 1.0));
          return arith::MulFOp::create(b, l, unit, weight);
        }));
    return success();
  }
};

} // namespace

void gpt::populateNormToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LayerNormLowering, RmsNormLowering>(patterns.getContext());
}
