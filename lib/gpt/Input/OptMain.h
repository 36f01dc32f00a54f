//===- OptMain.h - The main function of gpt-opt -----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `mlir-opt` that refuses input which would crash it.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_INPUT_OPTMAIN_H
#define GPT_INPUT_OPTMAIN_H

#include "mlir/Support/LLVM.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::gpt {

/// Does what `MlirOptMain` does, with input that `checkInput` accepts.
LogicalResult optMain(int argc, char **argv, StringRef toolName,
                      DialectRegistry &registry);

} // namespace mlir::gpt

#endif // GPT_INPUT_OPTMAIN_H
