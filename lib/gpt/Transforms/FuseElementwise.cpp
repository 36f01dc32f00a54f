//===- FuseElementwise.cpp - Fuse element-wise ops --------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's `linalg-fuse-elementwise-ops` moves reshapes through every op,
// contractions too: a product of rows whose features were split into heads
// would become one with a depth of two dimensions and a weight of three. Here
// products keep the operands that they have, which is how packing knows them.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Whether nothing else reads what `operand` is.
static bool isOnlyUse(OpOperand *operand) {
  Operation *producer = operand->get().getDefiningOp();
  return producer && producer->hasOneUse();
}

/// Whether `op` is a product of tensors.
static bool isProduct(Operation *op) {
  auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op);
  return linalgOp && linalg::isaContractionOpInterface(linalgOp);
}

/// Whether a reshape may move through the op that reads `operand`, or through
/// the one that computes it.
static bool canReshape(OpOperand *operand) {
  return isOnlyUse(operand) && !isProduct(operand->getOwner()) &&
         !isProduct(operand->get().getDefiningOp());
}

/// Whether `op` computes something that takes long.
static bool isExpensive(linalg::LinalgOp op) {
  return llvm::any_of(*op.getBlock(), [](Operation &inner) {
    return isa<arith::DivFOp>(inner) ||
           isa_and_nonnull<math::MathDialect>(inner.getDialect());
  });
}

/// Whether the op that computes `operand` may be merged with the one that
/// reads it. What is computed once for a row is not computed for each element.
static bool canFuse(OpOperand *operand) {
  if (!isOnlyUse(operand))
    return false;
  auto producer = operand->get().getDefiningOp<linalg::LinalgOp>();
  auto consumer = dyn_cast<linalg::LinalgOp>(operand->getOwner());
  return !producer || !consumer ||
         producer.getNumLoops() >= consumer.getNumLoops() ||
         !isExpensive(producer);
}

namespace {
struct FuseElementwise final
    : public gpt::impl::FuseElementwiseBase<FuseElementwise> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    linalg::populateElementwiseOpsFusionPatterns(patterns, canFuse);
    linalg::populateFoldReshapeOpsByExpansionPatterns(patterns, canReshape);
    linalg::populateConstantFoldLinalgOperations(patterns, isOnlyUse);
    tensor::populateBubbleUpExpandShapePatterns(patterns);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, context);
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, context);
    GreedyRewriteConfig config;
    config.setUseTopDownTraversal();
    unsigned before = countOps();
    if (failed(
            applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      return signalPassFailure();
    unsigned fused = before - std::min(before, countOps());
    numFused += fused;
    if (fused != 0)
      remark::passed(
          getOperation()->getLoc(),
          remark::RemarkOpts::name(getArgument()).category("schedule"))
          << "merged element-wise ops" << remark::metric("NumFused", fused);
  }

private:
  /// The number of structured ops.
  unsigned countOps() {
    unsigned count = 0;
    getOperation()->walk([&](linalg::LinalgOp) { ++count; });
    return count;
  }
};
} // namespace
