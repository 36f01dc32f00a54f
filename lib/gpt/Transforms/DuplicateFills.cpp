//===- DuplicateFills.cpp - One fill for each op that writes it -*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CSE merges equal zero tensors, but each is what some op accumulates into: a
// shared one bufferizes to a buffer that is filled once and copied for every
// op. Filling each op's own buffer writes the same bytes and reads none.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_DUPLICATEFILLS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

namespace {
struct DuplicateFills final
    : public gpt::impl::DuplicateFillsBase<DuplicateFills> {
  void runOnOperation() override {
    SmallVector<linalg::FillOp> fills;
    getOperation()->walk([&](linalg::FillOp fill) {
      if (fill.hasPureTensorSemantics() && !fill->hasOneUse() &&
          fill.getDpsInits().front().getDefiningOp<tensor::EmptyOp>())
        fills.push_back(fill);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::FillOp fill : fills) {
      Operation *empty = fill.getDpsInits().front().getDefiningOp();
      SmallVector<OpOperand *> writes;
      for (OpOperand &use : fill->getUses())
        if (auto user = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
            user && user.isDpsInit(&use))
          writes.push_back(&use);
      for (OpOperand *use : writes) {
        rewriter.setInsertionPoint(use->getOwner());
        Operation *ownEmpty = rewriter.clone(*empty);
        IRMapping mapping;
        mapping.map(empty->getResult(0), ownEmpty->getResult(0));
        Operation *ownFill = rewriter.clone(*fill, mapping);
        rewriter.modifyOpInPlace(use->getOwner(),
                                 [&] { use->set(ownFill->getResult(0)); });
        ++numDuplicated;
      }
      if (fill->use_empty())
        rewriter.eraseOp(fill);
    }
  }
};
} // namespace
