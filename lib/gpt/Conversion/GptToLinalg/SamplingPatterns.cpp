//===- SamplingPatterns.cpp - argmax, sample --------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// argmax is a reduction of (value, index) pairs whose combiner does not depend
// on the order of the elements, so that it may be split later. sample walks the
// cumulative sum, which has an order: a loop inside a generic over the rows.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace mlir::gpt;

/// The better of `(value, index)` and the best so far. A number beats NaN, a
/// larger number a smaller one, the smaller index an equal number. The best so
/// far begins as (NaN, 0).
static SmallVector<Value> buildBetter(OpBuilder &b, Location loc, Value value,
                                      Value index, Value bestValue,
                                      Value bestIndex) {
  auto compare = [&](arith::CmpFPredicate predicate, Value lhs, Value rhs) {
    return arith::CmpFOp::create(b, loc, predicate, lhs, rhs).getResult();
  };
  // Unordered or greater: true also when the best so far is NaN.
  Value greater = compare(arith::CmpFPredicate::UGT, value, bestValue);
  Value isNumber = compare(arith::CmpFPredicate::ORD, value, value);
  Value wins = arith::AndIOp::create(b, loc, greater, isNumber);
  Value equal = compare(arith::CmpFPredicate::OEQ, value, bestValue);
  Value earlier = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                        index, bestIndex);
  Value ties = arith::AndIOp::create(b, loc, equal, earlier);
  Value takes = arith::OrIOp::create(b, loc, wins, ties);
  return {arith::SelectOp::create(b, loc, takes, value, bestValue),
          arith::SelectOp::create(b, loc, takes, index, bestIndex)};
}

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
    Value bestValues = buildFilled(
        builder, loc, sizes,
        builder.getF32FloatAttr(std::numeric_limits<float>::quiet_NaN()));
    Value bestIndices =
        buildFilled(builder, loc, sizes, builder.getIntegerAttr(indexType, 0));

    AffineMap rows =
        getDimsMap(builder.getContext(), rank, getDimRange(0, rank - 1));
    SmallVector<utils::IteratorType> iterators(rank,
                                               utils::IteratorType::parallel);
    iterators.back() = utils::IteratorType::reduction;
    auto generic = linalg::GenericOp::create(
        builder, loc, TypeRange{bestValues.getType(), bestIndices.getType()},
        input, ValueRange{bestValues, bestIndices},
        {builder.getMultiDimIdentityMap(rank), rows, rows}, iterators,
        [&](OpBuilder &b, Location l, ValueRange args) {
          Value value = convertFloat(b, l, args[0], b.getF32Type());
          Value index = arith::IndexCastOp::create(
              b, l, indexType, linalg::IndexOp::create(b, l, rank - 1));
          linalg::YieldOp::create(
              b, l, buildBetter(b, l, value, index, args[1], args[2]));
        });
    results.push_back(generic.getResult(1));
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
