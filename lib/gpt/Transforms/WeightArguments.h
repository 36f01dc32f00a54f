//===- WeightArguments.h - which arguments are weights ----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Public functions say which of their arguments are weights (`gpt.weight`);
// private functions, which receive them through calls, do not.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_WEIGHTARGUMENTS_H
#define GPT_TRANSFORMS_WEIGHTARGUMENTS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::gpt {

/// Arguments that hold a weight in every call of their function.
using WeightArguments = llvm::DenseSet<BlockArgument>;

/// Collects the arguments that are weights: those of public functions that say
/// so, and those of private functions that are weights in every call. A public
/// function that is called from inside has none, since it is called with other
/// values, too.
WeightArguments findWeightArguments(ModuleOp module);

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_WEIGHTARGUMENTS_H
