//===- LinalgReductionsToLoops.cpp - Reductions that carry their sum ------*-
// C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// convert-linalg-to-loops leaves the accumulator of a reduction in memory. LLVM
// cannot keep it in a register: nothing tells it that the operands of the
// reduction do not overlap the result. Here that is known, because a structured
// op does not read what it writes except through its own element, so the
// innermost loop carries the accumulator instead.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_LINALGREDUCTIONSTOLOOPS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

namespace {
/// An element that every iteration of a loop reads, changes and writes.
struct Accumulator {
  memref::LoadOp load;
  memref::StoreOp store;
};
} // namespace

/// Replaces the identity maps that indices come through by their operand, so
/// that equal indices are the same value.
static void foldIdentityIndices(RewriterBase &rewriter, scf::ForOp loop) {
  loop.walk([&](affine::AffineApplyOp apply) {
    auto dim = dyn_cast<AffineDimExpr>(apply.getAffineMap().getResult(0));
    if (dim)
      rewriter.replaceOp(apply, apply.getMapOperands()[dim.getPosition()]);
  });
}

/// The accumulators of `loop`. Each is the only access of the loop to its
/// buffer.
static SmallVector<Accumulator> findAccumulators(scf::ForOp loop) {
  SmallVector<Accumulator> accumulators;
  for (auto store : loop.getBody()->getOps<memref::StoreOp>()) {
    if (!loop.isDefinedOutsideOfLoop(store.getMemRef()) ||
        !llvm::all_of(store.getIndices(), [&](Value index) {
          return loop.isDefinedOutsideOfLoop(index);
        }))
      continue;
    memref::LoadOp load;
    bool isOnlyAccess = true;
    for (Operation *user : store.getMemRef().getUsers()) {
      if (user == store || !loop->isProperAncestor(user))
        continue;
      auto candidate = dyn_cast<memref::LoadOp>(user);
      if (load || !candidate || candidate->getBlock() != loop.getBody() ||
          !llvm::equal(candidate.getIndices(), store.getIndices())) {
        isOnlyAccess = false;
        break;
      }
      load = candidate;
    }
    if (isOnlyAccess && load)
      accumulators.push_back({load, store});
  }
  return accumulators;
}

/// Makes `loop` carry its accumulators.
///
///   scf.for %k = ... {                  %0 = memref.load %c[%i]
///     %0 = memref.load %c[%i]           %1 = scf.for %k = ...
///     %1 = ... %0 ...               =>      iter_args(%s = %0) {
///     memref.store %1, %c[%i]             %2 = ... %s ...
///   }                                     scf.yield %2
///                                       }
///                                       memref.store %1, %c[%i]
static unsigned carryAccumulators(RewriterBase &rewriter, scf::ForOp loop) {
  SmallVector<Accumulator> accumulators = findAccumulators(loop);
  if (accumulators.empty())
    return 0;
  SmallVector<Value> initial;
  rewriter.setInsertionPoint(loop);
  for (Accumulator &accumulator : accumulators)
    initial.push_back(
        rewriter.clone(*accumulator.load.getOperation())->getResult(0));
  auto yieldStored = [&](OpBuilder &, Location, ArrayRef<BlockArgument>) {
    return llvm::map_to_vector(accumulators, [](Accumulator &accumulator) {
      return accumulator.store.getValueToStore();
    });
  };
  // Cannot fail: scf.for supports additional results.
  auto replaced = cast<scf::ForOp>(*loop.replaceWithAdditionalYields(
      rewriter, initial,
      /*replaceInitOperandUsesInLoop=*/false, yieldStored));
  unsigned first = replaced.getNumResults() - accumulators.size();
  rewriter.setInsertionPointAfter(replaced);
  for (auto [index, accumulator] : llvm::enumerate(accumulators)) {
    memref::StoreOp::create(
        rewriter, accumulator.store.getLoc(), replaced.getResult(first + index),
        accumulator.store.getMemRef(), accumulator.store.getIndices());
    rewriter.eraseOp(accumulator.store);
    rewriter.replaceOp(accumulator.load,
                       replaced.getRegionIterArgs()[first + index]);
  }
  return accumulators.size();
}

namespace {
struct LinalgReductionsToLoops final
    : public gpt::impl::LinalgReductionsToLoopsBase<LinalgReductionsToLoops> {
  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> reductions;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureBufferSemantics() && op.getNumLoops() > 0 &&
          op.getIteratorTypesArray().back() == utils::IteratorType::reduction)
        reductions.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : reductions) {
      rewriter.setInsertionPoint(op);
      FailureOr<linalg::LinalgLoops> loops =
          linalg::linalgOpToLoops(rewriter, op);
      if (failed(loops)) {
        op.emitOpError("cannot be lowered to loops");
        return signalPassFailure();
      }
      if (auto innermost = dyn_cast<scf::ForOp>(loops->back())) {
        foldIdentityIndices(rewriter, innermost);
        numCarried += carryAccumulators(rewriter, innermost);
      }
      rewriter.eraseOp(op);
    }
  }
};
} // namespace
