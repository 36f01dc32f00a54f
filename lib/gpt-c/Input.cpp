//===- Input.cpp - C API: text that MLIR's parser can read ------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Input.h.
//
//===----------------------------------------------------------------------===//

#include "gpt-c/Input.h"

#include "gpt/Input/GuardedInput.h"
#include "mlir/CAPI/Support.h"

MlirLogicalResult gptCheckNesting(MlirStringRef text,
                                  MlirStringCallback onError, void *userData) {
  llvm::Error error = mlir::gpt::checkNesting(unwrap(text));
  if (!error)
    return mlirLogicalResultSuccess();
  std::string message = llvm::toString(std::move(error));
  onError(wrap(llvm::StringRef(message)), userData);
  return mlirLogicalResultFailure();
}
