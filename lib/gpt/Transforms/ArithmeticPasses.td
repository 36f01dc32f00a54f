//===- ArithmeticPasses.td - types and functions of numbers *- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that give targets what they lack: arithmetic and conversions of bf16
// and f16, elementary functions.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_ARITHMETICPASSES_TD
#define GPT_TRANSFORMS_ARITHMETICPASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandF16 : Pass<"gpt-expand-f16"> {
  let summary = "Expand conversions between f16 and f32";
  let description = [{
    Replaces `arith.extf` from f16 to f32 and `arith.truncf` from f32 to f16 by
    integer arithmetic, for processors without such instructions.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SplitFloatConversions : Pass<"gpt-split-float-conversions"> {
  let summary = "Convert between f64 and bf16 or f16 by way of f32";
  let description = [{
    Replaces `arith.truncf` from f64 to bf16 or f16 by one to f32 that rounds to
    odd and one from there, which together round once, to nearest even, and
    `arith.extf` by two of them. Other rounding modes are left alone.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def LegalizeNarrowFloats : Pass<"gpt-legalize-narrow-floats"> {
  let summary = "Compute in f32 what is computed in bf16 or f16";
  let description = [{
    Extends the operands of `arith` and `vector` ops on the chosen types to f32
    and rounds their results, for processors without such arithmetic. Each op
    is rounded on its own, so the results of sums, differences, products and
    quotients are those of the narrow ops. Integers become f32 first: one that
    f32 does not have is rounded twice. Ops of the `gpt` dialect compute in f32
    from the start; this is for IR of users.
  }];
  let options = [
    Option<"bf16", "bf16", "bool", "false", "Whether for bf16">,
    Option<"f16", "f16", "bool", "false", "Whether for f16">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::vector::VectorDialect"];
}

def HoldBF16AsIntegers : Pass<"gpt-hold-bf16-as-integers", "ModuleOp"> {
  let summary = "Move bf16 as integers of the same width";
  let description = [{
    Replaces the type bf16 by i16 throughout a module of the LLVM dialect, for
    processors without bf16: LLVM would convert elements of vectors that are
    masked or live in several blocks to f32 and back, calling a compiler
    runtime. Runs after all conversions of bf16 have become integer arithmetic
    (`arith-expand`); where an op still computes with bf16, a remark names it
    and nothing is changed. Discardable attributes keep the type.
  }];
}

def ApproximateMath : Pass<"gpt-approximate-math"> {
  let summary = "Replace functions by polynomials";
  let description = [{
    Replaces `math.exp`, `math.tanh`, `math.erf`, `math.sin` and `math.cos` on
    f32 scalars and vectors by arithmetic without branches, calls or gathers.
    Ops on other types are left alone.

    The error, in units in the last place (ulp) of the correct result, with and
    without fused multiply-add, over all f32 numbers, is at most:

    | Function | ulp  | Where                                 |
    |----------|------|---------------------------------------|
    | exp      | 1.1  | everywhere, denormal results included |
    | tanh     | 2.7  | everywhere                            |
    | erf      | 2.2  | everywhere                            |
    | sin, cos | 0.51 | from -2^28 to 2^28; NaN beyond        |

    An exp whose only uses round it to bf16 takes half of the arithmetic; what it
    is rounded to is at most 0.52 ulp of bf16 off, and 0 below 2^-125.

    NaN, infinities and zeros give what IEEE 754 and C ask for: `exp(-inf)` is
    0, `tanh(-0.0)` is -0.0. tanh and erf never exceed 1 in magnitude.

    `math.rsqrt` needs no polynomial: processors have a root and a quotient, each
    correctly rounded, which together are at most 1.5 ulp off. Their estimates of
    12 or 14 bits are never used.
  }];
  let options = [
    ListOption<"functions", "functions", "std::string",
               "Functions to replace, of exp, tanh, erf, sin, cos; all when "
               "none is named">,
    Option<"contract", "contract", "bool", "true",
           "Allow products and sums to be fused; off, all processors give the "
           "same results">
  ];
  let statistics = [
    Statistic<"numExp", "num-exp", "Number of math.exp replaced">,
    Statistic<"numNarrowExp", "num-narrow-exp",
              "Number of math.exp replaced for results in bf16">,
    Statistic<"numTanh", "num-tanh", "Number of math.tanh replaced">,
    Statistic<"numErf", "num-erf", "Number of math.erf replaced">,
    Statistic<"numSin", "num-sin", "Number of math.sin replaced">,
    Statistic<"numCos", "num-cos", "Number of math.cos replaced">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"
  ];
}

#endif // GPT_TRANSFORMS_ARITHMETICPASSES_TD
