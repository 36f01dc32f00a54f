//===- Passes.td - conversion passes -----------------------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes that convert the `gpt` dialect to upstream dialects.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_CONVERSION_PASSES_TD
#define GPT_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // GPT_CONVERSION_PASSES_TD
