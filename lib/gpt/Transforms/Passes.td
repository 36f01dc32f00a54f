//===- Passes.td - transformation passes -------------------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that stay within one level of the IR, and the contract passes between
// stages.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_PASSES_TD
#define GPT_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // GPT_TRANSFORMS_PASSES_TD
