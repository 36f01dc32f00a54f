//===- DropCacheResults.cpp - Return no cache updated in place --*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's drop-equivalent-buffer-results leaves public functions alone,
// because it cannot know who calls them. For KV caches the contract is ours:
// a cache result is the cache argument, changed in place. This pass drops such
// results, and is where it shows if bufferization had to copy a cache after
// all.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_DROPCACHERESULTS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// The function argument that `value` is, or null.
static BlockArgument getArgument(Value value) {
  while (auto cast = value.getDefiningOp<memref::CastOp>())
    value = cast.getSource();
  // Whichever branch is taken: it is the same argument.
  if (auto branch = value.getDefiningOp<scf::IfOp>()) {
    unsigned index = cast<OpResult>(value).getResultNumber();
    BlockArgument argument = getArgument(branch.thenYield().getOperand(index));
    return argument == getArgument(branch.elseYield().getOperand(index))
               ? argument
               : BlockArgument();
  }
  auto argument = dyn_cast<BlockArgument>(value);
  if (argument && isa<func::FuncOp>(argument.getOwner()->getParentOp()) &&
      argument.getOwner()->isEntryBlock())
    return argument;
  return {};
}

/// The argument that each cache result is, by result number; fails with an
/// error if one is a buffer of its own.
static FailureOr<DenseMap<unsigned, unsigned>>
matchCacheResults(func::FuncOp function) {
  DenseMap<unsigned, unsigned> arguments;
  for (unsigned index = 0, end = function.getNumResults(); index < end;
       ++index) {
    if (!function.getResultAttr(index, gpt::kCacheAttr))
      continue;
    WalkResult walked = function.walk([&](func::ReturnOp op) {
      BlockArgument argument = getArgument(op.getOperand(index));
      if (!argument) {
        InFlightDiagnostic diagnostic = function.emitOpError("cache result ")
                                        << index << " is not updated in place";
        diagnostic.attachNote(op.getOperand(index).getLoc())
            << "a new buffer is returned";
        return WalkResult::interrupt();
      }
      auto [entry, isNew] =
          arguments.try_emplace(index, argument.getArgNumber());
      if (!isNew && entry->second != argument.getArgNumber()) {
        function.emitOpError("cache result ")
            << index << " is a different argument in each return";
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return failure();
  }
  return arguments;
}

/// Erases the listed results of `function` and of its calls.
static void eraseResults(func::FuncOp function,
                         const DenseMap<unsigned, unsigned> &arguments,
                         IRRewriter &rewriter) {
  BitVector erased(function.getNumResults());
  for (auto [result, argument] : arguments)
    erased.set(result);
  function.walk([&](func::ReturnOp op) { op->eraseOperands(erased); });
  (void)function.eraseResults(erased);

  auto module = function->getParentOfType<ModuleOp>();
  std::optional<SymbolTable::UseRange> uses = function.getSymbolUses(module);
  if (!uses)
    return;
  SmallVector<func::CallOp> calls;
  for (SymbolTable::SymbolUse use : *uses)
    if (auto call = dyn_cast<func::CallOp>(use.getUser()))
      calls.push_back(call);
  for (func::CallOp call : calls) {
    rewriter.setInsertionPoint(call);
    auto kept = func::CallOp::create(rewriter, call.getLoc(), function,
                                     call.getOperands());
    SmallVector<Value> results;
    unsigned next = 0;
    for (unsigned index = 0, end = call.getNumResults(); index < end; ++index) {
      auto found = arguments.find(index);
      results.push_back(found == arguments.end()
                            ? kept.getResult(next++)
                            : call.getOperand(found->second));
    }
    rewriter.replaceOp(call, results);
  }
}

/// Drops the results of private functions that are arguments. Upstream visits
/// the functions in the order of the module; a function that returns what it
/// got from a call can be settled only after the function it calls.
static LogicalResult dropPrivateResults(ModuleOp module) {
  auto countResults = [&] {
    unsigned count = 0;
    for (auto function : module.getOps<func::FuncOp>())
      count += function.getNumResults();
    return count;
  };
  for (unsigned before = countResults(), after = 0;; before = after) {
    if (failed(bufferization::dropEquivalentBufferResults(module)))
      return failure();
    after = countResults();
    if (after == before)
      return success();
  }
}

namespace {
struct DropCacheResults final
    : public gpt::impl::DropCacheResultsBase<DropCacheResults> {
  void runOnOperation() override {
    if (failed(dropPrivateResults(getOperation())))
      return signalPassFailure();
    IRRewriter rewriter(&getContext());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function.isPublic() || function.isExternal())
        continue;
      FailureOr<DenseMap<unsigned, unsigned>> arguments =
          matchCacheResults(function);
      if (failed(arguments))
        return signalPassFailure();
      if (arguments->empty())
        continue;
      eraseResults(function, *arguments, rewriter);
      numDropped += arguments->size();
    }
  }
};
} // namespace
