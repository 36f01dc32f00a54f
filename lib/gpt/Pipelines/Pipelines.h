//===- Pipelines.h - named pipelines ------------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The stages of the compiler as named pipelines.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PIPELINES_PIPELINES_H
#define GPT_PIPELINES_PIPELINES_H

namespace mlir::gpt {

/// Registers every pipeline of this project by name.
void registerGptPipelines();

} // namespace mlir::gpt

#endif // GPT_PIPELINES_PIPELINES_H
