//===- PrepareExports.cpp - Decide what a module exports --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs before func-to-llvm, while visibility and shaped types still say what
// is callable from outside. The attributes that describe arguments to the
// runtime (names, weights, caches) are dropped here: whoever calls the
// compiled code has read them from the module as it was written, and below
// this point arguments are no longer one value each.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/LibraryFunctions.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_PREPAREEXPORTS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Returns why a value of `type` cannot cross the binary interface, or an
/// empty string if it can.
static StringRef getObstacle(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!isa<TensorType, BaseMemRefType>(type))
    return "is neither a tensor nor a memref";
  if (!shaped.hasRank())
    return "is unranked";
  if (!shaped.getElementType().isIntOrFloat())
    return "has an element type that is neither an integer nor a float";
  if (auto memref = dyn_cast<MemRefType>(type))
    if (!memref.getLayout().isIdentity())
      return "has a layout other than row-major and contiguous";
  return "";
}

/// Checks the arguments or results of an exported function.
static LogicalResult verifyTypes(func::FuncOp function, StringRef what,
                                 TypeRange types) {
  for (auto [index, type] : llvm::enumerate(types)) {
    StringRef obstacle = getObstacle(type);
    if (!obstacle.empty())
      return function.emitOpError("cannot be exported: ")
             << what << " " << index << " of type " << type << " " << obstacle;
  }
  return success();
}

/// Returns `attributes` without those of the `gpt` and `bufferization`
/// dialects, which have no meaning below this point.
static DictionaryAttr dropInterfaceAttributes(MLIRContext *context,
                                              DictionaryAttr attributes) {
  if (!attributes)
    return DictionaryAttr::get(context);
  SmallVector<NamedAttribute> kept;
  for (NamedAttribute attribute : attributes) {
    StringRef dialect = attribute.getName().getValue().split('.').first;
    if (dialect != "gpt" && dialect != "bufferization")
      kept.push_back(attribute);
  }
  return DictionaryAttr::get(context, kept);
}

static void dropInterfaceAttributes(func::FuncOp function) {
  MLIRContext *context = function.getContext();
  for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i)
    function.setArgAttrs(
        i, dropInterfaceAttributes(context, function.getArgAttrDict(i)));
  for (unsigned i = 0, e = function.getNumResults(); i < e; ++i)
    function.setResultAttrs(
        i, dropInterfaceAttributes(context, function.getResultAttrDict(i)));
}

/// Whether `op` declares a function of libm as lowering would.
static bool declaresMathFunction(Operation *op) {
  auto function = dyn_cast<func::FuncOp>(op);
  if (!function || !function.isExternal())
    return false;
  Type type = gpt::getMathFunctionType(op->getContext(), function.getName());
  auto isType = [&](Type other) { return other == type; };
  return type && function.getNumResults() == 1 &&
         llvm::all_of(function.getResultTypes(), isType) &&
         llvm::all_of(function.getArgumentTypes(), isType);
}

/// Checks that nothing takes the place of a function that compiled code calls.
static LogicalResult verifyNames(ModuleOp module) {
  for (auto symbol : module.getOps<SymbolOpInterface>())
    if (gpt::isLibraryFunction(module.getContext(), symbol.getName()) &&
        !declaresMathFunction(symbol))
      return symbol.emitOpError("has the name '")
             << symbol.getName()
             << "', which is a function of the C library that compiled code "
                "calls";
  return success();
}

namespace {
struct PrepareExports final
    : public gpt::impl::PrepareExportsBase<PrepareExports> {
  void runOnOperation() override {
    if (failed(verifyNames(getOperation())))
      return signalPassFailure();
    auto internal =
        LLVM::LinkageAttr::get(&getContext(), LLVM::Linkage::Internal);
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      dropInterfaceAttributes(function);
      if (function.isExternal())
        continue;
      if (!function.isPublic()) {
        function->setAttr("llvm.linkage", internal);
        continue;
      }
      FunctionType type = function.getFunctionType();
      if (failed(verifyTypes(function, "argument", type.getInputs())) ||
          failed(verifyTypes(function, "result", type.getResults())))
        return signalPassFailure();
      function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                        UnitAttr::get(&getContext()));
    }
  }
};
} // namespace
