//===- Emit.h - LLVM-dialect module to machine code -------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last step of the compiler: a module in the LLVM dialect becomes LLVM IR,
// assembly, an object or a shared library for one target.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TARGET_EMIT_H
#define GPT_TARGET_EMIT_H

#include "gpt/Input/Budget.h"
#include "gpt/Target/TargetOptions.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir::gpt {

/// The forms of output of `emit`.
enum class OutputKind {
  /// Textual LLVM IR after LLVM's optimizations.
  LLVMIR,
  /// Assembly text.
  Assembly,
  /// A relocatable object, position independent.
  Object,
  /// An ELF shared library, ready for dlopen.
  SharedLibrary
};

/// Translates `module` (LLVM dialect) to LLVM IR, optimizes it for the target
/// that `options` describe and writes it to `output` as `kind`, on up to
/// `numThreads` threads (0: as many as there are processors); what is written
/// does not depend on their number. LLVM's and lld's own fatal errors come back
/// as errors too, and so does a budget that is spent; nothing is written then.
llvm::Error emit(ModuleOp module, const TargetOptions &options, OutputKind kind,
                 unsigned numThreads, Budget &budget,
                 llvm::raw_ostream &output);

} // namespace mlir::gpt

#endif // GPT_TARGET_EMIT_H
