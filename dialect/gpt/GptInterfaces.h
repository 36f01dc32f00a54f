//===- GptInterfaces.h - interfaces of gpt ops ------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interfaces, and the two rules of SequenceOpInterface that most ops share.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_GPTINTERFACES_H
#define GPT_GPTINTERFACES_H

#include "gpt/GptShape.h"

#include "mlir/IR/OpDefinition.h"

namespace mlir::gpt {

/// Marks a value without a sequence dimension.
inline constexpr int64_t kNoSequenceDim = -1;

/// Rule of ops that compute each position from the same position of their first
/// operand and reduce or rearrange at most the last dimension. Every other
/// operand is used at all positions: weights, and the like.
LogicalResult inferPositionwise(Operation *op, ArrayRef<int64_t> operandDims,
                                SmallVectorImpl<int64_t> &resultDims);

/// Rule of element-wise ops with operands aligned at the last dimension.
LogicalResult inferElementwise(Operation *op, ArrayRef<int64_t> operandDims,
                               SmallVectorImpl<int64_t> &resultDims);

} // namespace mlir::gpt

#include "gpt/GptInterfaces.h.inc"

#endif // GPT_GPTINTERFACES_H
