//===- DecomposeAggregates.cpp - Decompose composite ops --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// linalg.softmax has no loops of its own; it says what it is made of through
// AggregatedOpInterface. Runs on tensors, so that bufferization sees the parts
// and can let them share the buffer.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_DECOMPOSEAGGREGATES
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

namespace {
struct DecomposeAggregates final
    : public gpt::impl::DecomposeAggregatesBase<DecomposeAggregates> {
  void runOnOperation() override {
    SmallVector<linalg::AggregatedOpInterface> ops;
    getOperation()->walk([&](linalg::AggregatedOpInterface op) {
      // The parts are made of tensors.
      auto style = dyn_cast<DestinationStyleOpInterface>(op.getOperation());
      if (!style || style.hasPureTensorSemantics())
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::AggregatedOpInterface op : ops) {
      rewriter.setInsertionPoint(op);
      FailureOr<SmallVector<Value>> parts = op.decomposeOperation(rewriter);
      if (failed(parts)) {
        op->emitOpError("cannot be decomposed");
        return signalPassFailure();
      }
      rewriter.replaceOp(op, *parts);
      ++numDecomposed;
    }
  }
};
} // namespace
