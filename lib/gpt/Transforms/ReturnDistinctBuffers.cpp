//===- ReturnDistinctBuffers.cpp - One owner per buffer ---------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The caller of a function releases each result on its own, so two results
// must not be views of one allocation. Buffer deallocation sees to it that a
// function owns what it returns, but not that it returns it once.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_RETURNDISTINCTBUFFERS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// What `memref` is a view of: a value, or an op whose results may be views of
/// each other.
static void *getBase(Value memref) {
  while (auto view = memref.getDefiningOp<ViewLikeOpInterface>())
    memref = view.getViewSource();
  Operation *op = memref.getDefiningOp();
  bool mayMix = op && op->getNumRegions() > 0;
  return mayMix ? static_cast<void *>(op) : memref.getAsOpaquePointer();
}

namespace {
struct ReturnDistinctBuffers final
    : public gpt::impl::ReturnDistinctBuffersBase<ReturnDistinctBuffers> {
  void runOnOperation() override {
    getOperation()->walk([&](func::ReturnOp op) {
      OpBuilder builder(op);
      DenseSet<void *> bases;
      for (OpOperand &operand : op->getOpOperands()) {
        if (!isa<BaseMemRefType>(operand.get().getType()) ||
            bases.insert(getBase(operand.get())).second)
          continue;
        operand.set(bufferization::CloneOp::create(builder, op.getLoc(),
                                                   operand.get()));
        ++numCloned;
      }
    });
  }
};
} // namespace
