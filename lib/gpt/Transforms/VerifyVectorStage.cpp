//===- VerifyVectorStage.cpp - Nothing large is left scalar -----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs when all that a schedule vectorises has become vectors: a linalg op that
// is left will be a loop over scalars. That is the slowest thing the compiler
// can make of it, by an order of magnitude, and it shows nowhere else than in
// the time. Index arithmetic is in no linalg op and thereby allowed. So is what
// has few elements, and what walks along a loop of its own for each element:
// there, every step waits for the one before.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_VERIFYVECTORSTAGE
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Whether the body of `op` has a loop, such as the search of a sample along a
/// cumulative sum.
static bool isSearch(linalg::LinalgOp op) {
  return llvm::any_of(*op.getBlock(), [](Operation &inner) {
    return isa<LoopLikeOpInterface>(inner);
  });
}

namespace {
struct VerifyVectorStage final
    : public gpt::impl::VerifyVectorStageBase<VerifyVectorStage> {
  using VerifyVectorStageBase::VerifyVectorStageBase;

  void runOnOperation() override {
    bool holds = true;
    getOperation()->walk([&](linalg::LinalgOp op) {
      SmallVector<int64_t> extents = op.getStaticLoopRanges();
      bool isSmall = !ShapedType::isDynamicShape(extents) &&
                     llvm::product_of(extents) <= scalarIterations;
      if (isSmall || isSearch(op)) {
        ++numAllowed;
        return;
      }
      holds = false;
      InFlightDiagnostic diagnostic = op.emitOpError();
      diagnostic << "is left for a loop over scalars of ";
      llvm::interleave(
          extents,
          [&](int64_t extent) {
            if (ShapedType::isDynamic(extent))
              diagnostic << "?";
            else
              diagnostic << extent;
          },
          [&] { diagnostic << "x"; });
      diagnostic << " iterations, more than the " << scalarIterations.getValue()
                 << " that are allowed in the vector stage";
    });
    if (!holds)
      signalPassFailure();
  }
};
} // namespace
