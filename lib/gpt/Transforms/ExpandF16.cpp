//===- ExpandF16.cpp - Conversion of f16 in integer arithmetic --*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Processors without half-precision conversions make LLVM call functions of a
// compiler runtime, which compiled code must not need. arith-expand does the
// same for bf16; this pass is its counterpart for f16. Rounds to nearest even
// and keeps subnormal numbers whatever the processor's flush-to-zero mode is.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_EXPANDF16
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Bit patterns of f32.
static constexpr int64_t kSign = 0x80000000;
static constexpr int64_t kInfinity = 0x7f800000;
/// 2^-14, the smallest normal f16, and 2^16, the first power of two beyond it.
static constexpr int64_t kMinNormalHalf = 0x38800000;
static constexpr int64_t kBeyondHalf = 0x47800000;
/// 1/2: an f32 of this magnitude has the ulp of a subnormal f16.
static constexpr int64_t kSubnormalMagic = 0x3f000000;
/// What the exponents of f32 and f16 differ by, in place, and its double.
static constexpr int64_t kExponentShift = int64_t(127 - 15) << 23;
/// Bits of the fraction that f16 lacks.
static constexpr int64_t kFractionShift = 13;

namespace {

/// Emits integer arithmetic on scalars or vectors of one shape.
struct BitBuilder {
  BitBuilder(PatternRewriter &rewriter, Location loc, Type shape)
      : b(loc, rewriter), shape(shape) {}

  Type type(Type element) {
    if (auto shaped = dyn_cast<ShapedType>(shape))
      return shaped.clone(element);
    return element;
  }
  Value bits(int64_t value) {
    Type i32 = type(b.getI32Type());
    APInt pattern(32, static_cast<uint64_t>(value));
    TypedAttr attribute = b.getIntegerAttr(b.getI32Type(), pattern);
    if (auto shaped = dyn_cast<ShapedType>(i32))
      attribute = DenseElementsAttr::get(shaped, pattern);
    return arith::ConstantOp::create(b, attribute);
  }
  Value compare(arith::CmpIPredicate predicate, Value lhs, int64_t rhs) {
    return arith::CmpIOp::create(b, predicate, lhs, bits(rhs));
  }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b, condition, yes, no);
  }
  Value toBits(Value value, Type integer) {
    return arith::BitcastOp::create(b, type(integer), value);
  }
  Value toFloat(Value value) {
    return arith::BitcastOp::create(b, type(b.getF32Type()), value);
  }

  ImplicitLocOpBuilder b;
  Type shape;
};

/// f16 to f32.
struct ExpandExtF final : public OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const final {
    if (!getElementTypeOrSelf(op.getIn().getType()).isF16() ||
        !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not f16 to f32");
    BitBuilder x(rewriter, op.getLoc(), op.getType());
    Value half = arith::ExtUIOp::create(x.b, x.type(x.b.getI32Type()),
                                        x.toBits(op.getIn(), x.b.getI16Type()));
    Value sign = arith::ShLIOp::create(
        x.b, arith::AndIOp::create(x.b, half, x.bits(0x8000)), x.bits(16));
    Value magnitude = arith::AndIOp::create(x.b, half, x.bits(0x7fff));
    Value shifted =
        arith::ShLIOp::create(x.b, magnitude, x.bits(kFractionShift));
    Value normal = arith::AddIOp::create(x.b, shifted, x.bits(kExponentShift));
    // Infinity and NaN: the largest exponent becomes the largest exponent.
    Value special = arith::OrIOp::create(x.b, shifted, x.bits(kInfinity));
    // A subnormal number counts multiples of 2^-24.
    Value count =
        arith::UIToFPOp::create(x.b, x.type(x.b.getF32Type()), magnitude);
    Value subnormal =
        x.toBits(arith::MulFOp::create(
                     x.b, count, x.toFloat(x.bits(int64_t(127 - 24) << 23))),
                 x.b.getI32Type());
    Value isSubnormal = x.compare(arith::CmpIPredicate::ult, magnitude, 0x0400);
    Value isSpecial = x.compare(arith::CmpIPredicate::uge, magnitude, 0x7c00);
    Value finite = x.select(isSubnormal, subnormal, normal);
    Value result = x.select(isSpecial, special, finite);
    result = arith::OrIOp::create(x.b, result, sign);
    rewriter.replaceOp(op, x.toFloat(result));
    return success();
  }
};

/// f32 to f16.
struct ExpandTruncF final : public OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const final {
    if (!getElementTypeOrSelf(op.getIn().getType()).isF32() ||
        !getElementTypeOrSelf(op.getType()).isF16())
      return rewriter.notifyMatchFailure(op, "not f32 to f16");
    if (op.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) !=
        arith::RoundingMode::to_nearest_even)
      return rewriter.notifyMatchFailure(op, "rounding mode");
    BitBuilder x(rewriter, op.getLoc(), op.getType());
    Type i32 = x.b.getI32Type();
    Value input = x.toBits(op.getIn(), i32);
    Value sign = arith::AndIOp::create(x.b, input, x.bits(kSign));
    Value magnitude = arith::XOrIOp::create(x.b, input, sign);

    // Infinity for what is too large, a quiet NaN for NaN.
    Value isNan = x.compare(arith::CmpIPredicate::ugt, magnitude, kInfinity);
    Value special = x.select(isNan, x.bits(0x7e00), x.bits(0x7c00));
    // A subnormal result: the addition rounds to its ulp.
    Value sum = arith::AddFOp::create(x.b, x.toFloat(magnitude),
                                      x.toFloat(x.bits(kSubnormalMagic)));
    Value subnormal =
        arith::SubIOp::create(x.b, x.toBits(sum, i32), x.bits(kSubnormalMagic));
    // A normal result: rounding may carry into the exponent, as it should.
    Value odd = arith::AndIOp::create(
        x.b, arith::ShRUIOp::create(x.b, magnitude, x.bits(kFractionShift)),
        x.bits(1));
    Value rebased =
        arith::AddIOp::create(x.b, magnitude, x.bits(0xfff - kExponentShift));
    Value rounded = arith::AddIOp::create(x.b, rebased, odd);
    Value normal = arith::ShRUIOp::create(x.b, rounded, x.bits(kFractionShift));

    Value isSubnormal =
        x.compare(arith::CmpIPredicate::ult, magnitude, kMinNormalHalf);
    Value isSpecial =
        x.compare(arith::CmpIPredicate::uge, magnitude, kBeyondHalf);
    Value result = x.select(isSubnormal, subnormal, normal);
    result = x.select(isSpecial, special, result);
    Value halfSign = arith::ShRUIOp::create(x.b, sign, x.bits(16));
    result = arith::OrIOp::create(x.b, result, halfSign);
    Value bits = arith::TruncIOp::create(x.b, x.type(x.b.getI16Type()), result);
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), bits);
    return success();
  }
};

struct ExpandF16 final : public gpt::impl::ExpandF16Base<ExpandF16> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandExtF, ExpandTruncF>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
