//===- Dialects.h - C API: dialect and pass registration ----------*- C -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a C client needs to work with the `gpt` dialect through MLIR's C API.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_C_DIALECTS_H
#define GPT_C_DIALECTS_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

MLIR_DECLARE_CAPI_DIALECT_REGISTRATION(Gpt, gpt);

/// Adds every upstream dialect and extension, the `gpt` dialect and its
/// interface implementations to the registry, as gpt-opt does.
MLIR_CAPI_EXPORTED void gptRegisterAllDialects(MlirDialectRegistry registry);

/// Registers all upstream passes and the passes and pipelines of this project.
/// May be called more than once.
MLIR_CAPI_EXPORTED void gptRegisterAllPasses(void);

#ifdef __cplusplus
}
#endif

#endif // GPT_C_DIALECTS_H
