//===- WeightArguments.cpp - which arguments are weights --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See WeightArguments.h. Starts from the public functions and goes on to what
// they call until nothing is added.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/WeightArguments.h"
#include "gpt/GptDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

gpt::WeightArguments gpt::findWeightArguments(ModuleOp module) {
  SymbolTableCollection symbols;
  SymbolUserMap users(symbols, module);
  WeightArguments weights;
  auto isWeight = [&](Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && weights.contains(argument);
  };
  // Whether the argument is one because of what the function says, or of all
  // its calls.
  auto qualifies = [&](func::FuncOp function, BlockArgument argument) {
    ArrayRef<Operation *> uses = users.getUsers(function);
    unsigned index = argument.getArgNumber();
    if (function.isPublic())
      return uses.empty() && function.getArgAttr(index, kWeightAttr);
    return !uses.empty() && llvm::all_of(uses, [&](Operation *user) {
      auto call = dyn_cast<func::CallOp>(user);
      return call && isWeight(call.getOperand(index));
    });
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal())
        for (BlockArgument argument : function.getArguments())
          if (!weights.contains(argument) && qualifies(function, argument))
            changed |= weights.insert(argument).second;
  }
  return weights;
}
