//===- GptOps.h - ops of the gpt dialect ------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kept beside GptDialect.h because MLIR users look for this name.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_GPTOPS_H
#define GPT_GPTOPS_H

#include "gpt/GptDialect.h"

#endif // GPT_GPTOPS_H
