//===- GptOps.td - all ops of the gpt dialect --------------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Includes the op families and nothing else.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_OPS_TD
#define GPT_OPS_TD

include "gpt/GptActivationOps.td"
include "gpt/GptAttentionOps.td"
include "gpt/GptElementwiseOps.td"
include "gpt/GptEmbeddingOps.td"
include "gpt/GptNormOps.td"
include "gpt/GptProjectionOps.td"
include "gpt/GptSamplingOps.td"

#endif // GPT_OPS_TD
