//===- SplitFloatConversions.cpp - f64 to bf16 by way of f32 ----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Few processors convert f64 to bf16 or f16 at once. For others LLVM calls
// functions of a compiler runtime, which compiled code must not need: rounding
// to nearest twice is not rounding to nearest. It is if the first time rounds
// to odd, which keeps a number that is not exact away from the middle between
// two narrow ones.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_SPLITFLOATCONVERSIONS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// `element`, or a vector of it as `shape` is one.
static Type getTypeLike(Type shape, Type element) {
  if (auto shaped = dyn_cast<ShapedType>(shape))
    return shaped.clone(element);
  return element;
}

/// Whether `narrow` and `wide` are types, or vectors, of a conversion to split.
static bool isSplit(Type narrow, Type wide) {
  Type element = getElementTypeOrSelf(narrow);
  return (element.isBF16() || element.isF16()) &&
         getElementTypeOrSelf(wide).isF64();
}

/// Rounds f64 to f32: what is not exact to that neighbour whose last bit is 1.
static Value roundToOdd(ImplicitLocOpBuilder &builder, Value wide) {
  Type shape = wide.getType();
  auto like = [&](Type element) { return getTypeLike(shape, element); };
  auto constant = [&](int64_t value) -> Value {
    Type type = like(builder.getI32Type());
    TypedAttr attribute = builder.getI32IntegerAttr(value);
    if (auto shaped = dyn_cast<ShapedType>(type))
      attribute = DenseElementsAttr::get(shaped, Attribute(attribute));
    return arith::ConstantOp::create(builder, attribute);
  };
  auto bitsOf = [&](Value value, Type integer) -> Value {
    return arith::BitcastOp::create(builder, like(integer), value);
  };
  Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
  Value nearest =
      arith::TruncFOp::create(builder, like(builder.getF32Type()), wide);
  Value back = arith::ExtFOp::create(builder, shape, nearest);
  // Of two neighbours in f32 one is odd: this one, or that on the other side of
  // the number. All have one sign, so bits compare as magnitudes do.
  Value bits = bitsOf(nearest, i32);
  Value isTooLarge = arith::CmpIOp::create(
      builder, arith::CmpIPredicate::ugt, bitsOf(back, i64), bitsOf(wide, i64));
  Value step =
      arith::SelectOp::create(builder, isTooLarge, constant(-1), constant(1));
  Value other = arith::AddIOp::create(builder, bits, step);
  Value lastBit = arith::AndIOp::create(builder, bits, constant(1));
  Value isEven = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq,
                                       lastBit, constant(0));
  // False for NaN.
  Value isInexact =
      arith::CmpFOp::create(builder, arith::CmpFPredicate::ONE, back, wide);
  Value isOther = arith::AndIOp::create(builder, isEven, isInexact);
  Value odd = arith::SelectOp::create(builder, isOther, other, bits);
  return arith::BitcastOp::create(builder, nearest.getType(), odd);
}

namespace {

/// Before:
/// ```mlir
/// %1 = arith.truncf %0 : f64 to bf16
/// ```
/// After:
/// ```mlir
/// %odd = ... %0, rounded to odd
/// %1 = arith.truncf %odd : f32 to bf16
/// ```
struct SplitTruncF final : public OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const final {
    if (!isSplit(op.getType(), op.getIn().getType()))
      return rewriter.notifyMatchFailure(op, "not f64 to bf16 or f16");
    if (op.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) !=
        arith::RoundingMode::to_nearest_even)
      return rewriter.notifyMatchFailure(op, "rounding mode");
    ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(
        op, op.getType(), roundToOdd(builder, op.getIn()));
    return success();
  }
};

/// f32 has all numbers of bf16 and f16.
struct SplitExtF final : public OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const final {
    if (!isSplit(op.getIn().getType(), op.getType()))
      return rewriter.notifyMatchFailure(op, "not bf16 or f16 to f64");
    Value middle = arith::ExtFOp::create(
        rewriter, op.getLoc(), getTypeLike(op.getType(), rewriter.getF32Type()),
        op.getIn());
    rewriter.replaceOpWithNewOp<arith::ExtFOp>(op, op.getType(), middle);
    return success();
  }
};

struct SplitFloatConversions final
    : public gpt::impl::SplitFloatConversionsBase<SplitFloatConversions> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SplitExtF, SplitTruncF>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
