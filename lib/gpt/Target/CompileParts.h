//===- CompileParts.h - Optimize LLVM IR and generate code ------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's pipelines, run on each part of a module by a thread of its own. One
// TargetMachine serves the middle end (as source of cost models) and the back
// end of a part.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TARGET_COMPILEPARTS_H
#define GPT_TARGET_COMPILEPARTS_H

#include "gpt/Input/Budget.h"
#include "gpt/Target/Partition.h"
#include "gpt/Target/TargetOptions.h"

#include "llvm/Support/CodeGen.h"

#include <vector>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace mlir::gpt {

/// The bytes of a file.
using FileContent = llvm::SmallVector<char, 0>;

/// Returns `what`: `reason`.
llvm::Error makeError(llvm::StringRef what, llvm::StringRef reason);

/// Optimizes all parts of `partition` on up to `numThreads` threads (0: as many
/// as there are processors). Returns one object of each part, or its bitcode if
/// there is no `type`; an error is that of the first part that has one.
llvm::Expected<std::vector<FileContent>>
compileParts(const Partition &partition, const TargetOptions &options,
             std::optional<llvm::CodeGenFileType> type, unsigned numThreads,
             Budget &budget);

/// Links optimized parts into one module and returns its code; text of the
/// module if there is no `type`.
llvm::Expected<FileContent> joinParts(const Partition &partition,
                                      llvm::ArrayRef<FileContent> parts,
                                      const TargetOptions &options,
                                      std::optional<llvm::CodeGenFileType> type,
                                      Budget &budget);

} // namespace mlir::gpt

#endif // GPT_TARGET_COMPILEPARTS_H
