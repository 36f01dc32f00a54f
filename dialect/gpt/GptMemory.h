//===- GptMemory.h - Attributes of memory -----------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of the attributes that carry what is known about memory from the memory
// plan to code generation.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_GPTMEMORY_H
#define GPT_GPTMEMORY_H

#include "llvm/ADT/StringRef.h"

namespace mlir::gpt {

/// On an allocation and on what frees it (a unit): the intermediates of one
/// call, which a runtime may keep for the next.
inline constexpr llvm::StringLiteral kWorkspaceAttr = "gpt.workspace";

/// On a global of the LLVM dialect (a unit): a loader writes to it.
inline constexpr llvm::StringLiteral kRuntimeAttr = "gpt.runtime";

/// On a function (an integer): its last argument is a table of so many
/// arguments, an array of pointers to memref descriptors.
inline constexpr llvm::StringLiteral kTableAttr = "gpt.table";

} // namespace mlir::gpt

#endif // GPT_GPTMEMORY_H
