//===- RuntimePointer.cpp - what a loader fills -----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See RuntimePointer.h.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/RuntimePointer.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

LogicalResult gpt::verifyReserved(ModuleOp module, StringRef name) {
  if (Operation *other = module.lookupSymbol(name))
    return other->emitOpError("has the name '")
           << name << "', which is reserved";
  return success();
}

FailureOr<LLVM::GlobalOp> gpt::buildRuntimePointer(ModuleOp module,
                                                   StringRef name) {
  if (failed(verifyReserved(module, name)))
    return failure();
  auto builder =
      ImplicitLocOpBuilder::atBlockBegin(module.getLoc(), module.getBody());
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  auto global = LLVM::GlobalOp::create(builder, pointer, /*isConstant=*/false,
                                       LLVM::Linkage::External, name,
                                       /*value=*/Attribute());
  builder.createBlock(&global.getInitializerRegion());
  Value null = LLVM::ZeroOp::create(builder, pointer);
  LLVM::ReturnOp::create(builder, null);
  return global;
}
