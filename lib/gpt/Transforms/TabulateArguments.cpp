//===- TabulateArguments.cpp - Pass arguments as one table ------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Func-to-llvm passes each memref as five or more values. A model with hundreds
// of weights and caches then has thousands of arguments, stored to the stack at
// each call, and code generation takes time that grows with the square of what
// stands in one block. Callers of compiled code have an array of pointers to
// descriptors anyway: exported functions, and the private ones that they hand
// their arguments on to, read it themselves.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptMemory.h"
#include "gpt/GptParallel.h"
#include "gpt/Transforms/ArgumentTable.h"
#include "gpt/Transforms/EntryValues.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/BitVector.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_TABULATEARGUMENTS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// For each argument of a function, its place in the table or nothing.
using Places = SmallVector<std::optional<int64_t>>;

/// The places of the arguments of an exported function, in order; empty if it
/// cannot take a table.
static Places placeExported(func::FuncOp function,
                            const gpt::CallIndex &index) {
  Places places;
  if (!function->hasAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName()) ||
      !index.isUnused(function))
    return {};
  for (Type type : function.getArgumentTypes()) {
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref || !memref.getLayout().isIdentity())
      return {};
    places.push_back(places.size());
  }
  return places;
}

/// The places of the arguments of a private function for which all callers pass
/// the same entry of their own table; empty if these are less than two.
static Places placePassedOn(func::FuncOp function,
                            ArrayRef<func::CallOp> calls) {
  Places places(function.getNumArguments());
  for (auto [number, call] : llvm::enumerate(calls)) {
    auto caller = call->getParentOfType<func::FuncOp>();
    if (!caller || caller.getNumArguments() == 0)
      return {};
    for (auto [place, operand] : llvm::zip_equal(places, call->getOperands())) {
      std::optional<gpt::TableEntry> entry = gpt::matchTableEntry(operand);
      if (!entry || entry->table != caller.getArgument(0))
        place.reset();
      else if (number == 0)
        place = entry->index;
      else if (place != entry->index)
        place.reset();
    }
  }
  if (llvm::count_if(places, [](auto &place) { return place.has_value(); }) < 2)
    return {};
  return places;
}

/// Passes the table of the caller instead of entries of it.
static void passTable(func::CallOp call, const Places &places) {
  SmallVector<Value> operands = {
      call->getParentOfType<func::FuncOp>().getArgument(0)};
  for (auto [place, operand] : llvm::zip_equal(places, call->getOperands()))
    if (!place)
      operands.push_back(operand);
  call->setOperands(operands);
}

/// Makes the table the first argument of `function` in place of those that have
/// a place in it.
static LogicalResult takeTable(func::FuncOp function, const Places &places) {
  auto pointer = LLVM::LLVMPointerType::get(function.getContext());
  if (failed(function.insertArgument(0, pointer, {}, function.getLoc())))
    return failure();
  ImplicitLocOpBuilder builder(function.getLoc(), function.getContext());
  builder.setInsertionPointToStart(&function.front());
  BitVector tabulated(function.getNumArguments());
  for (auto [index, place] : llvm::enumerate(places)) {
    BlockArgument argument = function.getArgument(index + 1);
    if (!place)
      continue;
    tabulated.set(index + 1);
    if (argument.use_empty())
      continue;
    Value entry = gpt::buildTableEntry(builder, function.getArgument(0),
                                       static_cast<int32_t>(*place),
                                       cast<MemRefType>(argument.getType()));
    argument.replaceAllUsesWith(entry);
  }
  return function.eraseArguments(tabulated);
}

/// Erases what reads entries that are passed on only.
static void eraseDeadOps(func::FuncOp function) {
  function.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (isOpTriviallyDead(op))
      op->erase();
  });
}

namespace {
struct TabulateArguments final
    : public gpt::impl::TabulateArgumentsBase<TabulateArguments> {
  void runOnOperation() override {
    // Calls change their operands only.
    gpt::CallIndex index(getOperation());
    // Callers first: what they pass on is an entry of their table by then.
    SmallVector<func::FuncOp> functions = gpt::getCalleesFirst(getOperation());
    for (func::FuncOp function : llvm::reverse(functions))
      if (failed(convert(function, index)))
        return signalPassFailure();
    for (func::FuncOp function : changed)
      eraseDeadOps(function);
    numFunctions += changed.size();
    changed.clear();
  }

private:
  /// Before:
  /// ```mlir
  /// func.func @f(%x: memref<4xf32>, %w: memref<4xf32>) {
  ///   call @g(%x, %w, %n) : (memref<4xf32>, memref<4xf32>, index) -> ()
  /// ```
  /// After:
  /// ```mlir
  /// func.func @f(%table: !llvm.ptr) attributes {gpt.table = 2 : i64} {
  ///   call @g(%table, %n) : (!llvm.ptr, index) -> ()
  /// ```
  LogicalResult convert(func::FuncOp function, const gpt::CallIndex &index) {
    if (function.isPublic()) {
      Places places = placeExported(function, index);
      if (places.empty())
        return success();
      function->setAttr(
          gpt::kTableAttr,
          IntegerAttr::get(IntegerType::get(&getContext(), 64), places.size()));
      changed.push_back(function);
      return takeTable(function, places);
    }
    // What such a function takes is what it hands on to threads.
    if (function->hasAttr(gpt::kParallelAttr))
      return success();
    FailureOr<SmallVector<func::CallOp>> calls = index.getAllCalls(function);
    if (failed(calls) || calls->empty())
      return success();
    Places places = placePassedOn(function, *calls);
    if (places.empty())
      return success();
    for (func::CallOp call : *calls)
      passTable(call, places);
    changed.push_back(function);
    return takeTable(function, places);
  }

  SmallVector<func::FuncOp> changed;
};
} // namespace
