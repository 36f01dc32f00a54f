//===- LibraryFunctions.cpp - Functions of the C library --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See LibraryFunctions.h.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/LibraryFunctions.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

Type gpt::getMathFunctionType(MLIRContext *context, StringRef name) {
  static constexpr StringRef kNames[] = {
      "acos",  "acosh", "asin", "asinh", "atan",  "atan2",     "atanh",
      "cbrt",  "ceil",  "cos",  "cosh",  "erf",   "erfc",      "exp",
      "exp2",  "expm1", "fabs", "floor", "fma",   "fmod",      "log",
      "log10", "log1p", "log2", "pow",   "round", "roundeven", "sin",
      "sinh",  "sqrt",  "tan",  "tanh",  "trunc"};
  if (llvm::is_contained(kNames, name))
    return Float64Type::get(context);
  if (name.consume_back("f") && llvm::is_contained(kNames, name))
    return Float32Type::get(context);
  return {};
}

bool gpt::isLibraryFunction(MLIRContext *context, StringRef name) {
  static constexpr StringRef kNames[] = {
      "abort",   "aligned_alloc", "free", "malloc", "memcpy",
      "memmove", "memset",        "puts", "sincos", "sincosf"};
  return llvm::is_contained(kNames, name) || getMathFunctionType(context, name);
}
