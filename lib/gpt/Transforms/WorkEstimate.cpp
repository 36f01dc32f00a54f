//===- WorkEstimate.cpp - How much a loop does ------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The estimate only has to tell loops that are worth waking a thread from those
// that are not, which differ by orders of magnitude: every op on floats counts
// its elements, a contraction its iterations, a transcendental function a few
// times as much.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/WorkEstimate.h"
#include "gpt/GptParallel.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

/// What a transcendental function costs, in multiply-adds.
static constexpr int64_t kMathOpWork = 8;

std::optional<int64_t> gpt::getConstantTripCount(OpFoldResult lower,
                                                 OpFoldResult upper,
                                                 OpFoldResult step) {
  std::optional<int64_t> begin = getConstantIntValue(lower);
  std::optional<int64_t> end = getConstantIntValue(upper);
  std::optional<int64_t> by = getConstantIntValue(step);
  if (!begin || !end || !by || *by <= 0)
    return std::nullopt;
  return std::max<int64_t>(0, llvm::divideCeilSigned(*end - *begin, *by));
}

Value gpt::createTripCount(OpBuilder &builder, Location loc, OpFoldResult lower,
                           OpFoldResult upper, OpFoldResult step) {
  if (std::optional<int64_t> count = getConstantTripCount(lower, upper, step))
    return arith::ConstantIndexOp::create(builder, loc, *count);
  auto value = [&](OpFoldResult of) {
    return getValueOrCreateConstantIndexOp(builder, loc, of);
  };
  Value count = value(upper);
  if (!isZeroInteger(lower))
    count = builder.createOrFold<arith::SubIOp>(loc, count, value(lower));
  if (!isOneInteger(step))
    count = builder.createOrFold<arith::CeilDivSIOp>(loc, count, value(step));
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  return builder.createOrFold<arith::MaxSIOp>(loc, count, zero);
}

/// Multiply-adds of an op without regions.
static int64_t getOpWork(Operation *op) {
  if (op->hasTrait<OpTrait::ConstantLike>() ||
      op->hasTrait<OpTrait::IsTerminator>())
    return 0;
  int64_t elements = 0;
  auto count = [&](Type type) {
    if (auto vector = dyn_cast<VectorType>(type))
      elements = std::max(elements, vector.getNumElements());
    else if (isa<FloatType>(type))
      elements = std::max<int64_t>(elements, 1);
  };
  llvm::for_each(op->getOperandTypes(), count);
  llvm::for_each(op->getResultTypes(), count);
  if (auto contract = dyn_cast<vector::ContractionOp>(op)) {
    SmallVector<int64_t, 4> bounds = *contract.getShapeForUnroll();
    elements = llvm::product_of(bounds);
  }
  if (isa_and_nonnull<math::MathDialect>(op->getDialect()))
    return kMathOpWork * elements;
  return elements;
}

namespace {
/// Builds estimates of what is inside one loop in front of that loop.
class Estimator {
public:
  explicit Estimator(Operation *loop)
      : loop(loop), builder(loop), loc(loop->getLoc()) {}

  /// The work of executing all ops of `region` once.
  Value estimate(Region &region);

private:
  /// Returns `value` computed in front of the loop, or null where that is not
  /// possible. A minimum with a constant then is taken for that constant.
  OpFoldResult hoist(OpFoldResult value);
  /// Does that for several; fails if one of them is not possible.
  bool hoist(std::optional<SmallVector<OpFoldResult>> &values);
  /// The number of iterations of an inner loop.
  Value getTripCount(LoopLikeOpInterface inner);

  Operation *loop;
  OpBuilder builder;
  Location loc;
  IRMapping hoisted;
};
} // namespace

OpFoldResult Estimator::hoist(OpFoldResult value) {
  auto dynamic = dyn_cast<Value>(value);
  if (!dynamic || !loop->isAncestor(dynamic.getParentBlock()->getParentOp()))
    return value;
  if (Value known = hoisted.lookupOrNull(dynamic))
    return known;
  Operation *op = dynamic.getDefiningOp();
  if (!op)
    return {};
  bool possible = isPure(op) && op->getNumRegions() == 0 &&
                  llvm::all_of(op->getOperands(), [&](Value operand) {
                    OpFoldResult result = hoist(OpFoldResult(operand));
                    if (auto outside = dyn_cast_if_present<Value>(result))
                      hoisted.map(operand, outside);
                    return isa_and_present<Value>(result);
                  });
  if (possible) {
    builder.clone(*op, hoisted);
    return hoisted.lookup(dynamic);
  }
  if (auto minimum = dyn_cast<affine::AffineMinOp>(op))
    for (AffineExpr result : minimum.getMap().getResults())
      if (auto constant = dyn_cast<AffineConstantExpr>(result))
        return builder.getIndexAttr(constant.getValue());
  return {};
}

bool Estimator::hoist(std::optional<SmallVector<OpFoldResult>> &values) {
  if (!values)
    return false;
  for (OpFoldResult &value : *values)
    if (!(value = hoist(value)))
      return false;
  return true;
}

Value Estimator::getTripCount(LoopLikeOpInterface inner) {
  Value count = arith::ConstantIndexOp::create(builder, loc, 1);
  auto lowers = inner.getLoopLowerBounds(), uppers = inner.getLoopUpperBounds(),
       steps = inner.getLoopSteps();
  if (!hoist(lowers) || !hoist(uppers) || !hoist(steps))
    return count;
  for (auto [lower, upper, step] : llvm::zip_equal(*lowers, *uppers, *steps))
    count = builder.createOrFold<arith::MulIOp>(
        loc, count, gpt::createTripCount(builder, loc, lower, upper, step));
  return count;
}

Value Estimator::estimate(Region &region) {
  int64_t constant = 0;
  Value sum = arith::ConstantIndexOp::create(builder, loc, 0);
  for (Operation &op : region.getOps()) {
    if (op.getNumRegions() == 0) {
      constant += getOpWork(&op);
      continue;
    }
    for (Region &inner : op.getRegions()) {
      Value work = estimate(inner);
      if (auto innerLoop = dyn_cast<LoopLikeOpInterface>(op))
        work = builder.createOrFold<arith::MulIOp>(loc, work,
                                                   getTripCount(innerLoop));
      sum = builder.createOrFold<arith::AddIOp>(loc, sum, work);
    }
  }
  Value own = arith::ConstantIndexOp::create(builder, loc, constant);
  return builder.createOrFold<arith::AddIOp>(loc, sum, own);
}

Value gpt::createWorkEstimate(LoopLikeOpInterface loop) {
  OpBuilder builder(loop);
  Location loc = loop.getLoc();
  Value work;
  if (auto attribute = loop->getAttrOfType<IntegerAttr>(kWorkAttr))
    work = arith::ConstantIndexOp::create(builder, loc, attribute.getInt());
  else
    work = Estimator(loop).estimate(*loop.getLoopRegions().front());
  for (auto [lower, upper, step] :
       llvm::zip_equal(*loop.getLoopLowerBounds(), *loop.getLoopUpperBounds(),
                       *loop.getLoopSteps()))
    work = builder.createOrFold<arith::MulIOp>(
        loc, work, createTripCount(builder, loc, lower, upper, step));
  return work;
}
