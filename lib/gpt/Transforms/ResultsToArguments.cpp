//===- ResultsToArguments.cpp - Results in memory of the caller -*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A function that allocates what it returns hides the lifetime of that memory
// from its caller. Here the caller allocates and passes the buffer, so that a
// memory plan of the caller can place it. Upstream's
// buffer-results-to-out-params does the same for static shapes; sizes here are
// those of the arguments, as is usual for activations, and a result may be a
// view of what was allocated, such as rows without their padding.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/EntryValues.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_RESULTSTOARGUMENTS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

namespace {
/// A result that is a buffer of its own.
struct BufferResult {
  unsigned index;
  memref::AllocOp buffer;
  /// The ops that make the result of the buffer, the last one first.
  SmallVector<Operation *> views;
};
} // namespace

/// Finds the allocation that `value` is a view of, if a caller can make both.
static std::optional<BufferResult> findBuffer(Value value, unsigned index,
                                              gpt::EntryValues &entry) {
  BufferResult result{index, {}, {}};
  while (auto view = value.getDefiningOp<ViewLikeOpInterface>()) {
    for (Value operand : view->getOperands())
      if (operand != view.getViewSource() && !entry.contains(operand))
        return std::nullopt;
    result.views.push_back(view);
    value = view.getViewSource();
  }
  result.buffer = value.getDefiningOp<memref::AllocOp>();
  if (!result.buffer || !isa<func::FuncOp>(result.buffer->getParentOp()) ||
      !entry.contains(result.buffer.getDynamicSizes()))
    return std::nullopt;
  return result;
}

/// Replaces `call` by one that passes memory for the given results:
///
///   %y = call @f(%x) : (memref<?xf32>) -> memref<?xf32>
///
///   %n = memref.dim %x, %c0
///   %y = memref.alloc(%n) : memref<?xf32>
///   call @f(%x, %y) : (memref<?xf32>, memref<?xf32>) -> ()
static void passBuffers(func::CallOp call, func::FuncOp callee,
                        ArrayRef<BufferResult> buffers,
                        const BitVector &passed) {
  OpBuilder builder(call);
  IRMapping mapping;
  mapping.map(callee.getArguments(), call.getOperands());
  SmallVector<Value> operands(call.getOperands());
  for (const BufferResult &result : buffers) {
    memref::AllocOp buffer = result.buffer;
    for (Value size : buffer.getDynamicSizes())
      gpt::cloneEntryValue(builder, size, mapping);
    operands.push_back(builder.clone(*buffer, mapping)->getResult(0));
  }
  SmallVector<Type> types;
  for (auto [index, type] : llvm::enumerate(call.getResultTypes()))
    if (!passed.test(index))
      types.push_back(type);
  auto replacement = func::CallOp::create(builder, call.getLoc(),
                                          call.getCallee(), types, operands);
  for (const BufferResult &result : buffers) {
    memref::AllocOp buffer = result.buffer;
    Value value = mapping.lookup(buffer.getResult());
    for (Operation *view : llvm::reverse(result.views)) {
      for (Value operand : view->getOperands())
        gpt::cloneEntryValue(builder, operand, mapping);
      value = builder.clone(*view, mapping)->getResult(0);
    }
    call.getResult(result.index).replaceAllUsesWith(value);
  }
  unsigned kept = 0;
  for (auto [index, result] : llvm::enumerate(call.getResults()))
    if (!passed.test(index))
      result.replaceAllUsesWith(replacement.getResult(kept++));
  call.erase();
}

namespace {
struct ResultsToArguments final
    : public gpt::impl::ResultsToArgumentsBase<ResultsToArguments> {
  void runOnOperation() override {
    for (func::FuncOp function : gpt::getCalleesFirst(getOperation()))
      if (failed(convert(function)))
        return signalPassFailure();
  }

private:
  LogicalResult convert(func::FuncOp function);
};
} // namespace

LogicalResult ResultsToArguments::convert(func::FuncOp function) {
  // The buffers of what this function calls have become its own by now.
  if (failed(gpt::simplifySizes(function)))
    return failure();
  if (function.getNumResults() == 0 ||
      !llvm::hasSingleElement(function.getBody()))
    return success();
  FailureOr<SmallVector<func::CallOp>> calls = gpt::getAllCalls(function);
  if (failed(calls))
    return success();

  Operation *terminator = function.front().getTerminator();
  gpt::EntryValues entry(function);
  SmallVector<BufferResult> buffers;
  BitVector passed(function.getNumResults());
  for (auto [index, value] : llvm::enumerate(terminator->getOperands())) {
    if (!isa<MemRefType>(value.getType()))
      continue;
    std::optional<BufferResult> buffer = findBuffer(value, index, entry);
    bool isTaken = buffer && llvm::any_of(buffers, [&](auto &other) {
                     return other.buffer == buffer->buffer;
                   });
    if (!buffer || isTaken) {
      emitRemark(function.getLoc(), "'")
          << function.getName() << "' allocates result " << index
          << " itself: its size is not decided by the arguments";
      continue;
    }
    buffers.push_back(*buffer);
    passed.set(index);
  }
  if (buffers.empty())
    return success();

  for (func::CallOp call : *calls)
    passBuffers(call, function, buffers, passed);
  terminator->eraseOperands(passed);
  if (failed(function.eraseResults(passed)))
    return failure();
  for (BufferResult &result : buffers) {
    unsigned index = function.getNumArguments();
    memref::AllocOp buffer = result.buffer;
    if (failed(function.insertArgument(index, buffer.getType(), {},
                                       buffer.getLoc())))
      return failure();
    buffer.getResult().replaceAllUsesWith(function.getArgument(index));
    buffer.erase();
    ++numPassed;
  }
  return success();
}
