//===- Pipelines.cpp - named pipelines --------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The stages of the compiler as named pipelines.
//
//===----------------------------------------------------------------------===//

#include "gpt/Pipelines/Pipelines.h"

void mlir::gpt::registerGptPipelines() {}
