//===- SeededFaults.h - miscompiles on purpose ------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Faults that a pass could have, each a change of the IR that stays valid and
// computes something else. Ops of the gpt dialect are known by name: the plugin
// links no copy of the dialect.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TEST_PLUGINS_SEEDEDFAULTS_H
#define GPT_TEST_PLUGINS_SEEDEDFAULTS_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::gpt::test {

/// A fault; `apply` does nothing where nothing in `root` fits.
struct Fault {
  llvm::StringRef name;
  void (*apply)(Operation *root);
};

/// Faults in ops of the gpt dialect.
llvm::ArrayRef<Fault> getGptFaults();

/// Faults in linalg and vector ops on tensors.
llvm::ArrayRef<Fault> getTensorFaults();

/// Faults in loops on memory and in the LLVM dialect.
llvm::ArrayRef<Fault> getMemoryFaults();

/// Faults in what lowering makes of an op: for inside of passes that every
/// lowering needs.
llvm::ArrayRef<Fault> getLoweringFaults();

/// Calls `change` with each op of that name until it returns true.
void changeFirst(Operation *root, llvm::StringRef name,
                 llvm::function_ref<bool(Operation *)> change);

/// Calls `change` with each op of that name.
void changeAll(Operation *root, llvm::StringRef name,
               llvm::function_ref<void(Operation *)> change);

} // namespace mlir::gpt::test

#endif // GPT_TEST_PLUGINS_SEEDEDFAULTS_H
