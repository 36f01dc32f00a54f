//===- Partition.h - Parts of an LLVM module --------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM compiles one module on one thread. A module is cut into parts that are
// compiled independently and linked. How it is cut depends on the module alone:
// the code must not change with the number of processors.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TARGET_PARTITION_H
#define GPT_TARGET_PARTITION_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

namespace mlir::gpt {

/// A module cut into parts of similar size. A function that only one other
/// function calls is in the part of that one, so all that can be inlined once
/// still is; small functions that several call are in each part that does. What
/// one part defines and another uses becomes a hidden symbol.
class Partition {
public:
  /// Cuts `module`, which is of no use afterwards.
  explicit Partition(llvm::Module &module);

  unsigned size() const { return numParts; }

  /// Reads part `number` into `context`.
  llvm::Expected<std::unique_ptr<llvm::Module>>
  load(unsigned number, llvm::LLVMContext &context) const;

  /// Gives symbols of `module`, which all parts were linked into again, the
  /// linkage they had.
  void restoreLinkage(llvm::Module &module) const;

private:
  unsigned numParts = 1;
  /// The module, with the linkage that parts need.
  llvm::SmallVector<char, 0> bitcode;
  /// The part that defines a symbol; a local one that is missing is defined
  /// where it is used.
  llvm::StringMap<unsigned> owners;
  /// Hidden symbols that were internal.
  llvm::StringSet<> shared;
};

} // namespace mlir::gpt

#endif // GPT_TARGET_PARTITION_H
