//===- Shape.cpp - C API: where sizes come from -----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Shape.h.
//
//===----------------------------------------------------------------------===//

#include "gpt-c/Shape.h"
#include "gpt/GptShape.h"

#include "mlir/CAPI/IR.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

using namespace mlir;

namespace {

/// One dimension of one tensor.
struct DimOf {
  Value value;
  int64_t axis;
};

} // namespace

/// Returns the dimension of an operand that `dim`, of a result of `op`, equals.
static std::optional<DimOf> getReifiedSource(Operation *op, DimOf dim) {
  if (!isa<ReifyRankedShapedTypeOpInterface>(op))
    return std::nullopt;
  gpt::ScratchBuilder scratch(op);
  FailureOr<OpFoldResult> size =
      reifyDimOfResult(scratch.builder, op,
                       cast<OpResult>(dim.value).getResultNumber(), dim.axis);
  if (failed(size))
    return std::nullopt;
  auto value = dyn_cast<Value>(*size);
  auto dimOp = value ? value.getDefiningOp<tensor::DimOp>() : nullptr;
  if (!dimOp || !dimOp.getConstantIndex())
    return std::nullopt;
  return DimOf{dimOp.getSource(), *dimOp.getConstantIndex()};
}

static DimOf findSource(DimOf dim);

/// Returns the dimension of an operand of `call` that `dim`, of one of its
/// results, equals.
static std::optional<DimOf> getCalledSource(func::CallOp call, DimOf dim) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      call, call.getCalleeAttr());
  if (!callee || callee.isExternal())
    return std::nullopt;
  Operation *terminator = callee.getBody().back().getTerminator();
  unsigned number = cast<OpResult>(dim.value).getResultNumber();
  if (number >= terminator->getNumOperands())
    return std::nullopt;
  DimOf source = findSource({terminator->getOperand(number), dim.axis});
  auto argument = dyn_cast<BlockArgument>(source.value);
  if (!argument || argument.getOwner() != &callee.getBody().front())
    return std::nullopt;
  return DimOf{call.getOperand(argument.getArgNumber()), source.axis};
}

static DimOf findSource(DimOf dim) {
  while (Operation *op = dim.value.getDefiningOp()) {
    auto call = dyn_cast<func::CallOp>(op);
    std::optional<DimOf> source =
        call ? getCalledSource(call, dim) : getReifiedSource(op, dim);
    if (!source)
      break;
    dim = *source;
  }
  return dim;
}

void gptFindDimSource(MlirValue *value, intptr_t *axis) {
  DimOf source = findSource({unwrap(*value), *axis});
  *value = wrap(source.value);
  *axis = source.axis;
}
