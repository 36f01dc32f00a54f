//===- ApproximateMath.cpp - Functions as polynomials -----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A call of libm keeps a loop scalar. This pass writes functions out as
// arithmetic without branches, which becomes SIMD code both from vectors and by
// LLVM's vectorizer. Upstream's approximations serve as the yardstick: of
// MLIR 22's, exp flushes denormal results, tanh and erf are 4.5 ulp off, and
// sin and cos reduce their argument in f32, which is 0.0075 off at 131072.
//
// Methods: arguments are reduced modulo ln(2) or pi/2 with a constant in two
// parts, of which the first multiplies exactly (Cody and Waite, "Software
// Manual for the Elementary Functions", 1980); sums round to integers by adding
// a large number. exp, tanh and erf share one polynomial, of e^r - 1, which
// keeps its relative precision near 0:
//
//   tanh(x) = t / (t + 2)  with t = e^2x - 1
//   erf(x)  = -(e^-w - 1)  with w = -ln(1 - erf(x)), a polynomial in x
//
// All coefficients are minimax fits of this project's own, weighted for the
// relative error of the function that they serve.
//
// Products and sums are separate ops with `contract`: fused where the processor
// can, and no call of fmaf where it cannot. The bounds hold in both cases: they
// were found by trying every f32, compiled for x86-64 with and without FMA.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_APPROXIMATEMATH
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// 1.5 * 2^23 and 1.5 * 2^52: what is added to them is rounded to an integer,
/// which the low bits of the sum then hold.
static constexpr double kRounderF32 = 12582912.0;
static constexpr double kRounderF64 = 6755399441055744.0;

static constexpr double kInverseLn2 = 1.4426950408889634;
/// ln(2) in two parts; the first has 9 bits.
static constexpr double kLn2High = 0.693359375;
static constexpr double kLn2Low = -2.1219444005469057e-4;

static constexpr double kTwoOverPi = 0.6366197723675814;
/// pi/2 in two parts; the first has 25 bits.
static constexpr double kHalfPiHigh = 0x1.921fb5p+0;
static constexpr double kHalfPiLow = 1.5893254773528196e-8;
/// Products of the quadrant and `kHalfPiHigh` are exact up to here.
static constexpr double kMaxAngle = 268435456.0;

/// Below, e^x is less than half of the smallest denormal; above, infinite.
static constexpr double kExpMin = -103.97208;
static constexpr double kExpMax = 89.0;
/// From here on, tanh and erf are 1 after rounding.
static constexpr double kTanhMax = 10.0;
static constexpr double kErfMax = 4.0;

/// (e^r - 1 - r) / r^2 on [-ln(2)/2, ln(2)/2].
static constexpr double kExpCoefficients[] = {0.49999997, 0.16666543, 0.0416672,
                                              0.0083665475, 0.0013882517};

/// 2 * 2^r on [-1/2, 1/2], to 2^-13.7: for a result that is rounded to bf16.
static constexpr double kNarrowExpCoefficients[] = {1.9998561, 1.3865219,
                                                    0.48522225, 0.11034334};
/// Below, e^x is less than 2^-125, the smallest power of two that the narrow
/// form makes.
static constexpr double kNarrowExpMin = -86.6434;

/// ln(1 - erf(x)) / x + 1 on [0, 4].
static constexpr double kErfCoefficients[] = {
    -0.12837917,   -0.6366194,   -0.10277784,    0.01915309,  0.00016035218,
    -0.0016669864, 0.0006328156, -0.00011763557, 9.255654e-06};

/// sin(r) / r and cos(r) as polynomials in r^2 on [-pi/4, pi/4].
static constexpr double kSinCoefficients[] = {
    0.9999999999954271, -0.1666666663029997, 0.008333328676149825,
    -0.0001983917416382505, 2.717114286968641e-06};
static constexpr double kCosCoefficients[] = {
    0.9999999999436464, -0.4999999956979558, 0.04166661306969064,
    -0.0013886524349642248, 2.437224561906603e-05};

//===----------------------------------------------------------------------===//
// Building arithmetic
//===----------------------------------------------------------------------===//

namespace {

/// Emits arithmetic on scalars or vectors of one shape.
struct MathBuilder {
  MathBuilder(OpBuilder &builder, Location loc, Type shape,
              arith::FastMathFlags flags)
      : b(loc, builder), shape(shape), flags(flags) {}

  Type type(Type element) {
    if (auto vector = dyn_cast<VectorType>(shape))
      return vector.clone(element);
    return element;
  }
  Value constant(TypedAttr value) {
    if (auto vector = dyn_cast<VectorType>(type(value.getType())))
      value = SplatElementsAttr::get(vector, Attribute(value));
    return arith::ConstantOp::create(b, value);
  }
  /// Constants of the element type of `like`.
  Value real(double value, Value like) {
    return constant(b.getFloatAttr(getElementTypeOrSelf(like), value));
  }
  Value integer(int64_t value, Value like) {
    return constant(b.getIntegerAttr(getElementTypeOrSelf(like), value));
  }

  /// With a constant second, as canonicalization has it: after each op that it
  /// changes it looks at all loops around that again.
  Value mul(Value x, Value y) {
    if (matchPattern(x, m_Constant()))
      std::swap(x, y);
    return arith::MulFOp::create(b, x, y, flags);
  }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, x, y, flags); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, x, y, flags); }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b, condition, yes, no);
  }
  Value compare(arith::CmpFPredicate predicate, Value x, double bound) {
    return arith::CmpFOp::create(b, predicate, x, real(bound, x));
  }
  /// The smaller one of `x` and `bound`; NaN if `x` is.
  Value min(Value x, double bound) {
    return select(compare(arith::CmpFPredicate::OGT, x, bound), real(bound, x),
                  x);
  }
  Value abs(Value x) { return math::AbsFOp::create(b, x); }
  Value copySign(Value x, Value sign) {
    return math::CopySignOp::create(b, x, sign);
  }

  Value toBits(Value x) {
    unsigned width = getElementTypeOrSelf(x).getIntOrFloatBitWidth();
    return arith::BitcastOp::create(b, type(b.getIntegerType(width)), x);
  }
  Value fromBits(Value bits, Type element) {
    return arith::BitcastOp::create(b, type(element), bits);
  }

  /// `c0 + c1 x + c2 x^2 + ...` by Horner's rule.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = real(coefficients.back(), x);
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      sum = add(mul(sum, x), real(coefficient, x));
    return sum;
  }
  /// 2^n, for -126 <= n <= 127.
  Value powerOfTwo(Value n) {
    Value biased = arith::AddIOp::create(b, n, integer(127, n));
    return fromBits(arith::ShLIOp::create(b, biased, integer(23, n)),
                    b.getF32Type());
  }

  ImplicitLocOpBuilder b;
  Type shape;
  /// Of products and sums.
  arith::FastMathFlags flags;
};

/// A number as a multiple of a period and a remainder; `count` holds the
/// multiple in its low bits, above which it is to be ignored.
struct Reduced {
  Value count, remainder;
};

/// e^x as 2^exponent * (1 + fraction).
struct Exponential {
  Value exponent, fraction;
};

} // namespace

/// Reduces `x` by `count = round(x * inverse)` periods `high + low`.
static Reduced reduce(MathBuilder &m, Value x, double rounder, double inverse,
                      double high, double low) {
  // The subtraction must give back what the addition rounded to: no flags.
  Value shifted = m.add(m.mul(x, m.real(inverse, x)), m.real(rounder, x));
  Value count = arith::SubFOp::create(m.b, shifted, m.real(rounder, x));
  Value remainder = m.sub(x, m.mul(count, m.real(high, x)));
  remainder = m.sub(remainder, m.mul(count, m.real(low, x)));
  return {m.toBits(shifted), remainder};
}

static Exponential buildExponential(MathBuilder &m, Value x) {
  auto [bits, r] = reduce(m, x, kRounderF32, kInverseLn2, kLn2High, kLn2Low);
  int32_t zero = llvm::bit_cast<int32_t>(static_cast<float>(kRounderF32));
  Value exponent = arith::SubIOp::create(m.b, bits, m.integer(zero, bits));
  Value square = m.mul(r, r);
  Value fraction = m.add(m.mul(square, m.polynomial(r, kExpCoefficients)), r);
  return {exponent, fraction};
}

/// `e^x - 1` where e^x neither overflows nor is denormal.
static Value buildExpM1(MathBuilder &m, Value x) {
  auto [exponent, fraction] = buildExponential(m, x);
  Value scale = m.powerOfTwo(exponent);
  return m.add(m.mul(scale, fraction), m.sub(scale, m.real(1.0, x)));
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// Scales by 2^n in two steps, so that neither factor leaves the range of
/// normal numbers and a denormal result is rounded once. Zeros (masks) are
/// selected rather than computed: underflow is slow on some processors.
static Value buildExp(MathBuilder &m, Value x) {
  Value isZero = m.compare(arith::CmpFPredicate::OLT, x, kExpMin);
  Value zero = m.real(0.0, x);
  auto [exponent, fraction] =
      buildExponential(m, m.select(isZero, zero, m.min(x, kExpMax)));
  Value half = arith::ShRSIOp::create(m.b, exponent, m.integer(1, exponent));
  Value rest = arith::SubIOp::create(m.b, exponent, half);
  Value result = m.add(fraction, m.real(1.0, x));
  result = m.mul(m.mul(result, m.powerOfTwo(half)), m.powerOfTwo(rest));
  return m.select(isZero, zero, result);
}

/// For a result that is rounded to bf16, with half of the arithmetic. 2^n is
/// 2 * 2^(n - 1), so that n may be 128 where the result is finite; adding the
/// bias to the number that rounds leaves the exponent in the low bits.
static Value buildNarrowExp(MathBuilder &m, Value x) {
  constexpr double kBias = 126.0;
  Value isZero = m.compare(arith::CmpFPredicate::OLT, x, kNarrowExpMin);
  Value exponent = m.mul(m.min(x, kExpMax), m.real(kInverseLn2, x));
  Value rounder = m.real(kRounderF32 + kBias, x);
  // The subtraction must give back what the addition rounded to: no flags.
  Value shifted = m.add(exponent, rounder);
  Value count = arith::SubFOp::create(m.b, shifted, rounder);
  Value fraction = m.polynomial(m.sub(exponent, count), kNarrowExpCoefficients);
  Value bits = m.toBits(shifted);
  Value scale = m.fromBits(
      arith::ShLIOp::create(m.b, bits, m.integer(23, bits)), m.b.getF32Type());
  return m.select(isZero, m.real(0.0, x), m.mul(fraction, scale));
}

static Value buildTanh(MathBuilder &m, Value x) {
  Value magnitude = m.min(m.abs(x), kTanhMax);
  Value t = buildExpM1(m, m.add(magnitude, magnitude));
  Value quotient = arith::DivFOp::create(m.b, t, m.add(t, m.real(2.0, t)));
  return m.copySign(quotient, x);
}

static Value buildErf(MathBuilder &m, Value x) {
  Value magnitude = m.min(m.abs(x), kErfMax);
  // -x + x P(x) instead of x (P(x) - 1): the leading term is exact.
  Value product = m.mul(magnitude, m.polynomial(magnitude, kErfCoefficients));
  Value logarithm = m.sub(product, magnitude);
  return m.copySign(buildExpM1(m, logarithm), x);
}

/// The sine of an angle `quadrant` quarters of a circle further on. In f64,
/// where one reduction is good for any position.
static Value buildRotatedSine(MathBuilder &m, Value x, int64_t quadrant) {
  // Angles beyond the range of the reduction give NaN, not noise.
  Value isSmall = m.compare(arith::CmpFPredicate::OLE, m.abs(x), kMaxAngle);
  Value nan = m.constant(FloatAttr::get(
      m.b.getF32Type(), APFloat::getQNaN(APFloat::IEEEsingle())));
  x = m.select(isSmall, x, nan);

  Type f64 = m.b.getF64Type();
  Value wide = arith::ExtFOp::create(m.b, m.type(f64), x);
  auto [count, r] =
      reduce(m, wide, kRounderF64, kTwoOverPi, kHalfPiHigh, kHalfPiLow);
  Value square = m.mul(r, r);
  Value sine = m.mul(r, m.polynomial(square, kSinCoefficients));
  Value cosine = m.polynomial(square, kCosCoefficients);

  if (quadrant != 0)
    count = arith::AddIOp::create(m.b, count, m.integer(quadrant, count));
  Value parity = arith::AndIOp::create(m.b, count, m.integer(1, count));
  Value isOdd = arith::CmpIOp::create(m.b, arith::CmpIPredicate::ne, parity,
                                      m.integer(0, count));
  Value result = m.select(isOdd, cosine, sine);
  // The second bit of the quadrant is the sign.
  Value sign = arith::AndIOp::create(m.b, count, m.integer(2, count));
  sign = arith::ShLIOp::create(m.b, sign, m.integer(62, count));
  Value bits = arith::XOrIOp::create(m.b, m.toBits(result), sign);
  return arith::TruncFOp::create(m.b, m.type(m.b.getF32Type()),
                                 m.fromBits(bits, f64));
}

static Value buildSin(MathBuilder &m, Value x) {
  return buildRotatedSine(m, x, 0);
}

static Value buildCos(MathBuilder &m, Value x) {
  return buildRotatedSine(m, x, 1);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

/// Replaces `OpTy` on f32 by what `build` emits.
template <typename OpTy>
struct ApproximateOp final : public OpRewritePattern<OpTy> {
  using Build = Value (*)(MathBuilder &, Value);

  ApproximateOp(MLIRContext *context, Build build, arith::FastMathFlags flags,
                Pass::Statistic &count)
      : OpRewritePattern<OpTy>(context), build(build), flags(flags),
        count(count) {}

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const final {
    Type type = op.getType();
    if (!getElementTypeOrSelf(type).isF32())
      return rewriter.notifyMatchFailure(op, "element type is not f32");
    if (isa<ShapedType>(type) && !isa<VectorType>(type))
      return rewriter.notifyMatchFailure(op, "neither a scalar nor a vector");
    MathBuilder builder(rewriter, op.getLoc(), type, flags);
    rewriter.replaceOp(op, build(builder, op.getOperand()));
    ++count;
    return success();
  }

  Build build;
  arith::FastMathFlags flags;
  Pass::Statistic &count;
};

/// Replaces an exp that is only ever rounded to bf16.
struct ApproximateNarrowExp final : public OpRewritePattern<math::ExpOp> {
  ApproximateNarrowExp(MLIRContext *context, arith::FastMathFlags flags,
                       Pass::Statistic &count)
      : OpRewritePattern(context, /*benefit=*/2), flags(flags), count(count) {}

  LogicalResult matchAndRewrite(math::ExpOp op,
                                PatternRewriter &rewriter) const final {
    Type type = op.getType();
    if (!getElementTypeOrSelf(type).isF32() ||
        (isa<ShapedType>(type) && !isa<VectorType>(type)))
      return rewriter.notifyMatchFailure(op, "not f32 scalars or vectors");
    bool isNarrow = llvm::all_of(op->getUsers(), [](Operation *user) {
      return isa<arith::TruncFOp>(user) &&
             getElementTypeOrSelf(user->getResult(0)).isBF16();
    });
    if (!isNarrow || op->use_empty())
      return rewriter.notifyMatchFailure(op, "result is not rounded to bf16");
    MathBuilder builder(rewriter, op.getLoc(), type, flags);
    rewriter.replaceOp(op, buildNarrowExp(builder, op.getOperand()));
    ++count;
    return success();
  }

  arith::FastMathFlags flags;
  Pass::Statistic &count;
};

struct ApproximateMath final
    : public gpt::impl::ApproximateMathBase<ApproximateMath> {
  using ApproximateMathBase::ApproximateMathBase;

  LogicalResult initialize(MLIRContext *context) override {
    const StringRef known[] = {"exp", "tanh", "erf", "sin", "cos"};
    for (StringRef function : *functions)
      if (!llvm::is_contained(known, function))
        return emitError(UnknownLoc::get(context))
               << "unknown function '" << function << "'; expected one of "
               << llvm::join(ArrayRef(known), ", ");
    return success();
  }

  bool isReplaced(StringRef function) {
    return functions.empty() || llvm::is_contained(*functions, function);
  }
  arith::FastMathFlags getFlags() {
    return contract ? arith::FastMathFlags::contract
                    : arith::FastMathFlags::none;
  }

  template <typename OpTy>
  void add(RewritePatternSet &patterns, StringRef function,
           Value (*build)(MathBuilder &, Value), Pass::Statistic &count) {
    if (isReplaced(function))
      patterns.add<ApproximateOp<OpTy>>(&getContext(), build, getFlags(),
                                        count);
  }

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    add<math::ExpOp>(patterns, "exp", buildExp, numExp);
    if (isReplaced("exp"))
      patterns.add<ApproximateNarrowExp>(&getContext(), getFlags(),
                                         numNarrowExp);
    add<math::TanhOp>(patterns, "tanh", buildTanh, numTanh);
    add<math::ErfOp>(patterns, "erf", buildErf, numErf);
    add<math::SinOp>(patterns, "sin", buildSin, numSin);
    add<math::CosOp>(patterns, "cos", buildCos, numCos);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
