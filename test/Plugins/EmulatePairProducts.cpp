//===- EmulatePairProducts.cpp - vdpbf16ps as arithmetic --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass `gpt-emulate-pair-products`, as an MLIR pass plugin: what has become
// the instruction of AVX-512 BF16 is taken apart again, so that everything up
// to it runs, and its results are compared, on processors that lack it.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "llvm/Config/llvm-config.h"

using namespace mlir;

namespace {
/// Before:
/// ```mlir
/// %y = x86vector.avx512.dot %sum, %a, %b : vector<32xbf16> -> vector<16xf32>
/// ```
/// After: `%sum + a[2i] * b[2i] + a[2i + 1] * b[2i + 1]`, in f32.
struct EmulatePairProduct final
    : public OpRewritePattern<x86vector::DotBF16Op> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(x86vector::DotBF16Op op,
                                PatternRewriter &rewriter) const final {
    Location loc = op.getLoc();
    Type type = op.getResult().getType();
    // A bf16 is the upper half of an f32; nothing of type bf16 is computed
    // with.
    Type bits = cast<VectorType>(type).clone(rewriter.getI32Type());
    auto getConstant = [&](int32_t value) {
      return arith::ConstantOp::create(
          rewriter, loc,
          DenseElementsAttr::get(cast<ShapedType>(bits),
                                 rewriter.getI32IntegerAttr(value)));
    };
    Value width = getConstant(16), upper = getConstant(-65536);
    auto getHalves = [&](Value pairs) {
      Value all = vector::BitCastOp::create(rewriter, loc, bits, pairs);
      Value first = arith::ShLIOp::create(rewriter, loc, all, width);
      Value second = arith::AndIOp::create(rewriter, loc, all, upper);
      return std::array<Value, 2>{
          arith::BitcastOp::create(rewriter, loc, type, first),
          arith::BitcastOp::create(rewriter, loc, type, second)};
    };
    Value sum = op.getSrc();
    for (auto [a, b] :
         llvm::zip_equal(getHalves(op.getA()), getHalves(op.getB())))
      sum = arith::AddFOp::create(rewriter, loc, sum,
                                  arith::MulFOp::create(rewriter, loc, a, b));
    rewriter.replaceOp(op, sum);
    return success();
  }
};

struct EmulatePairProductsPass
    : public PassWrapper<EmulatePairProductsPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(EmulatePairProductsPass)

  StringRef getArgument() const final { return "gpt-emulate-pair-products"; }
  StringRef getDescription() const final {
    return "Take products of pairs of bf16 apart into arithmetic";
  }

  void getDependentDialects(DialectRegistry &registry) const final {
    registry.insert<arith::ArithDialect, vector::VectorDialect>();
  }

  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<EmulatePairProduct>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "GPTEmulatedInstructions",
          LLVM_VERSION_STRING,
          [] { PassRegistration<EmulatePairProductsPass>(); }};
}
