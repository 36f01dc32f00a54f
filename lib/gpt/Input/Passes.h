//===- Passes.h - passes that check input -----------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Creation and registration of the passes in Input/Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_INPUT_PASSES_H
#define GPT_INPUT_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::gpt {

#define GEN_PASS_DECL
#include "gpt/Input/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "gpt/Input/Passes.h.inc"

} // namespace mlir::gpt

#endif // GPT_INPUT_PASSES_H
