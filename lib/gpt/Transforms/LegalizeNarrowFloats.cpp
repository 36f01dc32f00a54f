//===- LegalizeNarrowFloats.cpp - bf16 and f16 in f32 -----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops of the gpt dialect compute in f32. What a user's own linalg and arith ops
// compute in bf16 or f16 is computed in f32 here and rounded after each op, as
// LLVM would do it, which for some processors calls functions of a compiler
// runtime that compiled code must not need.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_LEGALIZENARROWFLOATS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

namespace {

/// Before:
/// ```mlir
/// %0 = arith.addf %x, %y : bf16
/// ```
/// After:
/// ```mlir
/// %0 = arith.extf %x : bf16 to f32
/// %1 = arith.extf %y : bf16 to f32
/// %2 = arith.addf %0, %1 : f32
/// %3 = arith.truncf %2 : f32 to bf16
/// ```
struct LegalizeNarrowFloats final
    : public gpt::impl::LegalizeNarrowFloatsBase<LegalizeNarrowFloats> {
  using LegalizeNarrowFloatsBase::LegalizeNarrowFloatsBase;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    SmallVector<Type, 2> narrow;
    if (bf16)
      narrow.push_back(BFloat16Type::get(context));
    if (f16)
      narrow.push_back(Float16Type::get(context));
    TypeConverter converter;
    arith::populateEmulateUnsupportedFloatsConversions(
        converter, narrow, Float32Type::get(context));
    RewritePatternSet patterns(context);
    arith::populateEmulateUnsupportedFloatsPatterns(patterns, converter);
    ConversionTarget target(*context);
    arith::populateEmulateUnsupportedFloatsLegality(target, converter);
    // A sum of f32 extends its operands where it is taken apart.
    target.addDynamicallyLegalOp<vector::ContractionOp>(
        [&](vector::ContractionOp op) {
          return converter.isLegal(op.getResultType());
        });
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      return signalPassFailure();
    // Upstream allows that pairs of conversions, and a rounding with them, are
    // folded away.
    getOperation()->walk([](Operation *op) {
      if (auto extend = dyn_cast<arith::ExtFOp>(op))
        extend.removeFastmathAttr();
      else if (auto round = dyn_cast<arith::TruncFOp>(op))
        round.removeFastmathAttr();
    });
  }
};

} // namespace
