//===- LibraryFunctions.h - Functions of the C library ----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled code calls functions of libc and libm by their names and no others,
// so nothing that it consists of can have one of these names.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_LIBRARYFUNCTIONS_H
#define GPT_TRANSFORMS_LIBRARYFUNCTIONS_H

#include "mlir/IR/Types.h"

namespace mlir::gpt {

/// Returns the type of what the function of libm of this name takes and
/// returns, or null if compiled code calls none.
Type getMathFunctionType(MLIRContext *context, StringRef name);

/// Whether compiled code may call a function of libc or libm of this name.
bool isLibraryFunction(MLIRContext *context, StringRef name);

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_LIBRARYFUNCTIONS_H
