//===- Shape.h - C API: where sizes come from ---------------------*- C -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Questions about dynamic dimensions, answered by the shape reification of the
// ops, so that a client needs no shape rule of its own.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_C_SHAPE_H
#define GPT_C_SHAPE_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Follows dimension `*axis` of the tensor `*value` back to where its size
/// comes from: through ops that say by reification which dimension of an
/// operand it equals, and through calls. Ends at a block argument, or at the
/// first value whose size is computed. The IR is unchanged afterwards.
MLIR_CAPI_EXPORTED void gptFindDimSource(MlirValue *value, intptr_t *axis);

#ifdef __cplusplus
}
#endif

#endif // GPT_C_SHAPE_H
