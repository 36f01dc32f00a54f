//===- Passes.h - conversion passes -----------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Creation and registration of the passes in Conversion/Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_CONVERSION_PASSES_H
#define GPT_CONVERSION_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::gpt {

#define GEN_PASS_DECL
#include "gpt/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "gpt/Conversion/Passes.h.inc"

} // namespace mlir::gpt

#endif // GPT_CONVERSION_PASSES_H
