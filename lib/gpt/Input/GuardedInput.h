//===- GuardedInput.h - Modules that MLIR's readers can read ----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a reader would crash on is refused before it sees it.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_INPUT_GUARDEDINPUT_H
#define GPT_INPUT_GUARDEDINPUT_H

#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::gpt {

/// Brackets within each other that text may have. The parser takes about one
/// kilobyte of stack for each.
inline constexpr unsigned kMaxNesting = 1000;

/// Returns an error, with the line, if brackets of `text` are nested deeper
/// than `kMaxNesting`.
llvm::Error checkNesting(llvm::StringRef text);

/// Returns an error if MLIR's readers cannot be trusted with `buffer`: text
/// that is nested too deeply, or bytecode that crashes a child process.
llvm::Error checkInput(llvm::MemoryBufferRef buffer,
                       const DialectRegistry &registry);

} // namespace mlir::gpt

#endif // GPT_INPUT_GUARDEDINPUT_H
