//===- ExpandBF16Masks.cpp - Masked access to bf16 as integers --*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For processors without bf16, LLVM takes masked loads and stores of it apart
// into elements that it converts to f32 and back, by functions of a compiler
// runtime, which compiled code must not need. Integers of the same width are
// moved as they are.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_EXPANDBF16MASKS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Returns the vector of i16 that is as long as a vector of bf16; null for any
/// other type.
static VectorType getIntegerType(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  if (!vector || !vector.getElementType().isBF16())
    return {};
  return vector.clone(IntegerType::get(type.getContext(), 16));
}

namespace {

/// Before:
/// ```mlir
/// %v = llvm.intr.masked.load %p, %mask, %pass : ... -> vector<8xbf16>
/// ```
/// After:
/// ```mlir
/// %0 = llvm.bitcast %pass : vector<8xbf16> to vector<8xi16>
/// %1 = llvm.intr.masked.load %p, %mask, %0 : ... -> vector<8xi16>
/// %v = llvm.bitcast %1 : vector<8xi16> to vector<8xbf16>
/// ```
struct ExpandLoad final : public OpRewritePattern<LLVM::MaskedLoadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LLVM::MaskedLoadOp op,
                                PatternRewriter &rewriter) const final {
    VectorType type = getIntegerType(op.getType());
    if (!type)
      return rewriter.notifyMatchFailure(op, "not of bf16");
    Value pass = op.getPassThru();
    if (pass)
      pass = LLVM::BitcastOp::create(rewriter, op.getLoc(), type, pass);
    Value loaded = LLVM::MaskedLoadOp::create(
        rewriter, op.getLoc(), type, op.getData(), op.getMask(), pass,
        op.getAlignmentAttr(), op.getNontemporalAttr());
    rewriter.replaceOpWithNewOp<LLVM::BitcastOp>(op, op.getType(), loaded);
    return success();
  }
};

/// Before:
/// ```mlir
/// llvm.intr.masked.store %v, %p, %mask : vector<8xbf16>, ...
/// ```
/// After:
/// ```mlir
/// %0 = llvm.bitcast %v : vector<8xbf16> to vector<8xi16>
/// llvm.intr.masked.store %0, %p, %mask : vector<8xi16>, ...
/// ```
struct ExpandStore final : public OpRewritePattern<LLVM::MaskedStoreOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LLVM::MaskedStoreOp op,
                                PatternRewriter &rewriter) const final {
    VectorType type = getIntegerType(op.getValue().getType());
    if (!type)
      return rewriter.notifyMatchFailure(op, "not of bf16");
    Value bits =
        LLVM::BitcastOp::create(rewriter, op.getLoc(), type, op.getValue());
    rewriter.replaceOpWithNewOp<LLVM::MaskedStoreOp>(
        op, bits, op.getData(), op.getMask(), op.getAlignmentAttr());
    return success();
  }
};

struct ExpandBF16Masks final
    : public gpt::impl::ExpandBF16MasksBase<ExpandBF16Masks> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandLoad, ExpandStore>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
