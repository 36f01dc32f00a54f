//===- Passes.h - transformation passes -------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Creation and registration of the passes in Transforms/Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_PASSES_H
#define GPT_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::gpt {

/// Which positions a prefill returns.
enum class PrefillLogits { Last, All };

/// Element type of KV caches.
enum class CacheElementType { AsActivations, F32, BF16, F16 };

#define GEN_PASS_DECL
#include "gpt/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "gpt/Transforms/Passes.h.inc"

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_PASSES_H
