//===- WorkEstimate.h - How much a loop does --------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Work decides how many threads a loop is worth. It is counted in the time of
// one multiply-add, as a value that the program computes: sizes of batch and
// sequence are known only when it runs.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_WORKESTIMATE_H
#define GPT_TRANSFORMS_WORKESTIMATE_H

#include "mlir/Interfaces/LoopLikeInterface.h"

#include <optional>

namespace mlir::gpt {

/// Returns the number of iterations of a loop, if that is a constant.
std::optional<int64_t>
getConstantTripCount(OpFoldResult lower, OpFoldResult upper, OpFoldResult step);

/// Builds the number of iterations of a loop, 0 or more.
Value createTripCount(OpBuilder &builder, Location loc, OpFoldResult lower,
                      OpFoldResult upper, OpFoldResult step);

/// Builds, in front of `loop`, an estimate of the work of all its iterations.
/// The attribute `gpt.work` says how much one iteration is; without it, ops are
/// counted. An inner loop whose bounds depend on the iteration counts with what
/// bounds them, or as one iteration.
Value createWorkEstimate(LoopLikeOpInterface loop);

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_WORKESTIMATE_H
