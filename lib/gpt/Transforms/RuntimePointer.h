//===- RuntimePointer.h - what a loader fills -------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled code has no undefined symbols and runs without a runtime: it reaches
// one through pointers that it exports.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_RUNTIMEPOINTER_H
#define GPT_TRANSFORMS_RUNTIMEPOINTER_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::gpt {

/// Emits an error on what has a name that compiled code needs.
LogicalResult verifyReserved(ModuleOp module, StringRef name);

/// Makes an exported pointer, null until a loader sets it. Fails if the name is
/// taken.
FailureOr<LLVM::GlobalOp> buildRuntimePointer(ModuleOp module, StringRef name);

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_RUNTIMEPOINTER_H
