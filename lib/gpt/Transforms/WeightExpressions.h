//===- WeightExpressions.h - values made of weights only --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds what a function computes from its weights alone: packed panels, several
// of them joined, converted to a smaller type. Such a value is the same in
// every call, so it can be computed once.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_WEIGHTEXPRESSIONS_H
#define GPT_TRANSFORMS_WEIGHTEXPRESSIONS_H

#include "gpt/Transforms/WeightArguments.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::gpt {

/// A value that depends on weights only, and how it is computed.
struct WeightExpression {
  /// The value; its type is a static tensor.
  Value root;
  /// All ops that compute it, in an order in which they can be executed.
  SmallVector<Operation *> ops;
  /// The weights it is computed from.
  SmallVector<BlockArgument> leaves;
};

/// Whether `op` packs a weight for a projection.
bool isWeightPack(Operation *op);

/// Returns the largest expressions of `function` that contain a packed weight
/// and are no wider than the weights they are made of.
SmallVector<WeightExpression>
findWeightExpressions(func::FuncOp function, const WeightArguments &weights);

/// Makes a function that computes `expression` into memory of the caller's:
///
/// ```mlir
/// func.func @gpt_pack(%w: tensor<96x48xf32>, %dest: memref<3x48x32xf32>) {
///   %0 = bufferization.to_tensor %dest restrict writable
///   %1 = linalg.pack %w ... into %0
///   bufferization.materialize_in_destination %1 in restrict writable %dest
///   return
/// }
/// ```
OwningOpRef<func::FuncOp>
buildPackingFunction(const WeightExpression &expression);

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_WEIGHTEXPRESSIONS_H
