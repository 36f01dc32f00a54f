//===- GptTypes.td - type constraints of the gpt dialect ---*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The element types and ranks that ops accept, named once so that verifier
// messages and documentation use the same words.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TYPES_TD
#define GPT_TYPES_TD

include "mlir/IR/CommonTypeConstraints.td"

def Gpt_FloatTensor : RankedTensorOf<[F32, BF16, F16]>;
def Gpt_IdTensor : RankedTensorOf<[I32, I64]>;
def Gpt_AnyTensor : RankedTensorOf<[F32, BF16, F16, I32, I64]>;
def Gpt_FloatVector : TensorRankOf<[F32, BF16, F16], [1]>;
def Gpt_FloatMatrix : TensorRankOf<[F32, BF16, F16], [2]>;
def Gpt_Activation : TensorRankOf<[F32, BF16, F16], [3]>;
def Gpt_CacheTensor : TensorRankOf<[F32, BF16, F16], [4]>;
def Gpt_PositionTensor : TensorRankOf<[I64], [1]>;

#endif // GPT_TYPES_TD
