//===- Threads.h - C API: the threads of contexts -----------------*- C -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One pool of threads for all contexts of a process, which survives a fork.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_C_THREADS_H
#define GPT_C_THREADS_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Lets a context run on the threads that all contexts share, in place of a
/// pool of its own. In the child of a fork these threads are started anew where
/// they are needed, and a context is destroyed without waiting for those of the
/// parent.
MLIR_CAPI_EXPORTED void gptShareThreads(MlirContext context);

#ifdef __cplusplus
}
#endif

#endif // GPT_C_THREADS_H
