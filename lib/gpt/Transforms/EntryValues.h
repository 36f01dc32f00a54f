//===- EntryValues.h - Values that arguments alone decide -------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The size of most buffers is arithmetic on sizes of a function's arguments.
// Such a value can be computed at the beginning of the function, and in its
// callers ahead of the call.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_ENTRYVALUES_H
#define GPT_TRANSFORMS_ENTRYVALUES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::gpt {

/// Reduces sizes of buffers to sizes of arguments where possible, and lets
/// equal computations of `function` be one value.
LogicalResult simplifySizes(func::FuncOp function);

/// Which values of a function are computed from its arguments by ops without
/// side effects, and the means to compute them elsewhere.
class EntryValues {
public:
  explicit EntryValues(func::FuncOp function);

  /// Whether `value` is decided by the arguments.
  bool contains(Value value);
  bool contains(ValueRange values);

  /// Moves what computes `value` to the beginning of the function.
  void hoist(Value value);

  /// Where ops that use hoisted values can be inserted.
  Operation *getInsertionPoint() const { return end; }

private:
  Block *entry;
  /// The first op behind those that were hoisted.
  Operation *end;
  DenseMap<Value, bool> known;
};

/// Clones in front of `builder`'s insertion point what computes `value` in a
/// called function. `mapping` holds what arguments and other values are there.
Value cloneEntryValue(OpBuilder &builder, Value value, IRMapping &mapping);

/// The functions of `module` with a body, called ones ahead of their callers.
SmallVector<func::FuncOp> getCalleesFirst(ModuleOp module);

/// Who uses the functions of a module, collected in one walk. Valid as long as
/// no call is created or erased.
class CallIndex {
public:
  explicit CallIndex(ModuleOp module);

  /// Whether nothing in the module uses `function`.
  bool isUnused(func::FuncOp function) const;

  /// The calls of `function`, or failure if it is used by anything else, can be
  /// called from outside of the module, or calls itself.
  FailureOr<SmallVector<func::CallOp>> getAllCalls(func::FuncOp function) const;

private:
  bool isRecursive(func::FuncOp function) const;

  /// False if an op of unknown kind may use symbols in ways of its own.
  bool isComplete = false;
  DenseMap<Operation *, SmallVector<Operation *>> users;
  DenseMap<Operation *, SetVector<Operation *>> callees;
};

/// The same for one function. Walks all of the module.
FailureOr<SmallVector<func::CallOp>> getAllCalls(func::FuncOp function);

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_ENTRYVALUES_H
