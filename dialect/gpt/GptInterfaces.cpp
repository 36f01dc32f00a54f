//===- GptInterfaces.cpp - interfaces of gpt ops ----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules by which most ops pass on the sequence dimension.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptInterfaces.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace mlir::gpt;

#include "gpt/GptInterfaces.cpp.inc"

static int64_t getRank(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

LogicalResult
mlir::gpt::inferPositionwise(Operation *op, ArrayRef<int64_t> operandDims,
                             SmallVectorImpl<int64_t> &resultDims) {
  int64_t dim = operandDims[0];
  for (auto [index, other] : llvm::enumerate(operandDims.drop_front()))
    if (other != kNoSequenceDim)
      return op->emitOpError()
             << "combines operand #" << index + 1
             << ", which varies with the sequence, with every position";
  if (dim == getRank(op->getOperand(0)) - 1)
    return op->emitOpError() << "reduces over the sequence dimension";
  resultDims.append(op->getNumResults(), dim);
  return success();
}

LogicalResult
mlir::gpt::inferElementwise(Operation *op, ArrayRef<int64_t> operandDims,
                            SmallVectorImpl<int64_t> &resultDims) {
  // Dimensions counted from the last one, since operands are aligned there.
  int64_t fromEnd = kNoSequenceDim;
  int64_t rank = 0;
  for (Value operand : op->getOperands())
    rank = std::max(rank, getRank(operand));
  for (auto [operand, dim] : llvm::zip_equal(op->getOperands(), operandDims)) {
    if (dim == kNoSequenceDim)
      continue;
    int64_t distance = getRank(operand) - dim;
    if (fromEnd != kNoSequenceDim && fromEnd != distance)
      return op->emitOpError()
             << "combines operands with different sequence dimensions";
    fromEnd = distance;
  }
  // An operand without a sequence dimension must not have a static extent there
  // other than 1: it would fix the length of the sequence.
  for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
    auto type = cast<RankedTensorType>(operand.getType());
    if (operandDims[index] != kNoSequenceDim || type.getRank() < fromEnd)
      continue;
    if (type.getDimSize(type.getRank() - fromEnd) != 1)
      return op->emitOpError()
             << "combines operand #" << index
             << ", which does not vary with the sequence, along the sequence "
                "dimension";
  }
  resultDims.append(op->getNumResults(), rank - fromEnd);
  return success();
}
