//===- SamplingPatterns.cpp - argmax, sample --------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// argmax is two reductions that do not depend on the order of the elements: the
// maximum, then the least index at which it is. So both run over vectors, which
// a reduction of (value, index) pairs does not. sample walks the cumulative
// sum, which has an order: a loop inside a generic over the rows.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace mlir::gpt;

namespace {

struct ArgmaxLowering final : public LoweringPattern<ArgmaxOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(ArgmaxOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    unsigned rank = getTensorType(input).getRank();
    auto indexType =
        cast<IntegerType>(getTensorType(op.getResult()).getElementType());
    SmallVector<OpFoldResult> sizes = getShape(op, builder);
    AffineMap elements = builder.getMultiDimIdentityMap(rank);
    AffineMap rows =
        getDimsMap(builder.getContext(), rank, getDimRange(0, rank - 1));
    Value lowest = buildFilled(
        builder, loc, sizes,
        builder.getF32FloatAttr(-std::numeric_limits<float>::infinity()));
    // NaN is ignored.
    Value maxima = buildLastDimReduction(
        builder, loc, {{input, elements}}, lowest,
        [](OpBuilder &b, Location l, ValueRange args) -> Value {
          return arith::MaxNumFOp::create(b, l, args[1], args[0]);
        });

    TypedAttr none = builder.getIntegerAttr(
        indexType, APInt::getSignedMaxValue(indexType.getWidth()));
    Value nowhere = buildFilled(builder, loc, sizes, none);
    Value indices = buildLastDimReduction(
        builder, loc, {{input, elements}, {maxima, rows}}, nowhere,
        [&](OpBuilder &b, Location l, ValueRange args) -> Value {
          Value index = arith::IndexCastOp::create(
              b, l, indexType, linalg::IndexOp::create(b, l, rank - 1));
          Value isMaximum = arith::CmpFOp::create(
              b, l, arith::CmpFPredicate::OEQ, args[0], args[1]);
          Value candidate = arith::SelectOp::create(
              b, l, isMaximum, index, arith::ConstantOp::create(b, l, none));
          return arith::MinSIOp::create(b, l, args[2], candidate);
        });
    // A row of NaN has its maximum nowhere.
    results.push_back(buildUpdate(
        builder, loc, {}, indices,
        [&](OpBuilder &b, Location l, ValueRange args) -> Value {
          Value end = arith::ConstantOp::create(b, l, none);
          Value zero = arith::ConstantOp::create(
              b, l, builder.getIntegerAttr(indexType, 0));
          Value isNowhere = arith::CmpIOp::create(
              b, l, arith::CmpIPredicate::eq, args[0], end);
          return arith::SelectOp::create(b, l, isNowhere, zero, args[0]);
        }));
    return success();
  }
};

struct SampleLowering final : public LoweringPattern<SampleOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(SampleOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    Type indexType = getTensorType(op.getResult()).getElementType();
    Value logits = adaptor.getLogits();
    unsigned rank = getTensorType(logits).getRank();
    Value scores = buildElementCast(builder, loc, logits, builder.getF32Type());
    Value weightsInit =
        buildEmpty(builder, loc, tensor::getMixedSizes(builder, loc, logits),
                   builder.getF32Type());
    Value weights = buildSoftmax(builder, loc, scores, weightsInit);
    Value numChoices = getValueOrCreateConstantIndexOp(
        builder, loc, tensor::getMixedSize(builder, loc, logits, rank - 1));
    Value init = buildEmpty(builder, loc, getShape(op, builder), indexType);
    AffineMap rows = builder.getMultiDimIdentityMap(rank - 1);
    results.push_back(buildParallel(
        builder, loc, {{adaptor.getUniform(), rows}}, init,
        [&](OpBuilder &b, Location l, ValueRange args) -> Value {
          Value choice =
              buildChoice(b, l, weights, rank - 1, numChoices, args[0]);
          return arith::IndexCastOp::create(b, l, indexType, choice);
        }));
    return success();
  }

private:
  /// The first index of the row at which the cumulative sum exceeds `uniform`,
  /// or the last one of non-zero weight. Loop-carried: the sum, the choice and
  /// whether it is final.
  static Value buildChoice(OpBuilder &builder, Location loc, Value weights,
                           unsigned numRowDims, Value numChoices,
                           Value uniform) {
    SmallVector<Value> indices;
    for (unsigned dim = 0; dim < numRowDims; ++dim)
      indices.push_back(linalg::IndexOp::create(builder, loc, dim));
    Value zero = buildIndex(builder, loc, 0);
    Value no = arith::ConstantIntOp::create(builder, loc, 0, 1);
    auto loop = scf::ForOp::create(
        builder, loc, zero, numChoices, buildIndex(builder, loc, 1),
        ValueRange{buildF32(builder, loc, 0.0), zero, no},
        [&](OpBuilder &b, Location l, Value index, ValueRange carried) {
          SmallVector<Value> position(indices);
          position.push_back(index);
          Value weight = tensor::ExtractOp::create(b, l, weights, position);
          Value sum = arith::AddFOp::create(b, l, carried[0], weight);
          Value possible = arith::CmpFOp::create(
              b, l, arith::CmpFPredicate::OGT, weight, buildF32(b, l, 0.0));
          Value open = arith::XOrIOp::create(
              b, l, carried[2], arith::ConstantIntOp::create(b, l, 1, 1));
          Value taken = arith::AndIOp::create(b, l, open, possible);
          Value choice =
              arith::SelectOp::create(b, l, taken, index, carried[1]);
          Value exceeds = arith::CmpFOp::create(b, l, arith::CmpFPredicate::OGT,
                                                sum, uniform);
          Value hit = arith::AndIOp::create(b, l, taken, exceeds);
          Value final = arith::OrIOp::create(b, l, carried[2], hit);
          scf::YieldOp::create(b, l, ValueRange{sum, choice, final});
        });
    return loop.getResult(1);
  }
};

} // namespace

void gpt::populateSamplingToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<ArgmaxLowering, SampleLowering>(patterns.getContext());
}
