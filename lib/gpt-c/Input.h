//===- Input.h - C API: text that MLIR's parser can read ----------*- C -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a client asks of text that it did not write, before it has it parsed.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_C_INPUT_H
#define GPT_C_INPUT_H

#include "mlir-c/IR.h"
#include "mlir-c/Support.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Checks that brackets of `text` are not nested so deeply that the parser
/// would run out of stack. If they are, passes the reason, with the line, to
/// `onError` and fails.
MLIR_CAPI_EXPORTED MlirLogicalResult gptCheckNesting(MlirStringRef text,
                                                     MlirStringCallback onError,
                                                     void *userData);

#ifdef __cplusplus
}
#endif

#endif // GPT_C_INPUT_H
