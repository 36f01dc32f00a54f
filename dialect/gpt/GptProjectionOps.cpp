//===- GptProjectionOps.cpp - matrix products -------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Type and shape rules of GptProjectionOps.td.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::gpt;

//===----------------------------------------------------------------------===//
// LinearOp
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                   SmallVectorImpl<Type> &types) {
  auto input = rule.floatTensor(adaptor.getInput(), "input", 1);
  auto weight = rule.floatTensor(adaptor.getWeight(), "weight", 2, 2);
  if (failed(input) || failed(weight))
    return failure();
  int64_t inputDim = adaptor.getWeightLayout() == WeightLayout::OutIn ? 1 : 0;
  int64_t outputDim = 1 - inputDim;
  if (failed(rule.sameDim({"weight", adaptor.getWeight(), inputDim},
                          {"input", adaptor.getInput(), input->getRank() - 1})))
    return failure();
  if (adaptor.getBias() &&
      failed(rule.featureVector(adaptor.getBias(), "bias",
                                {"weight", adaptor.getWeight(), outputDim})))
    return failure();
  SmallVector<int64_t> shape(input->getShape());
  shape.back() = weight->getDimSize(outputDim);
  types.push_back(RankedTensorType::get(shape, input->getElementType()));
  return success();
}

LogicalResult LinearOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> shape =
      getMixedShape(builder, getLoc(), getInput());
  shape.back() = tensor::getMixedSize(builder, getLoc(), getWeight(),
                                      1 - getWeightInputDim());
  shapes.push_back(shape);
  return success();
}

//===----------------------------------------------------------------------===//
// MatmulOp
//===----------------------------------------------------------------------===//

LogicalResult MatmulOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                   SmallVectorImpl<Type> &types) {
  auto lhs = rule.floatTensor(adaptor.getLhs(), "lhs", 2);
  auto rhs = rule.floatTensor(adaptor.getRhs(), "rhs", 2);
  if (failed(lhs) || failed(rhs) ||
      failed(rule.sameElementType("rhs", *rhs, "lhs", *lhs)))
    return failure();
  int64_t rank = lhs->getRank();
  if (rhs->getRank() != 2 && rhs->getRank() != rank)
    return rule.error("expected rhs of rank 2 or ", rank, ", but found ", *rhs);
  SmallVector<int64_t> shape(lhs->getShape());
  if (rhs->getRank() == rank) {
    for (int64_t dim = 0; dim < rank - 2; ++dim) {
      if (failed(rule.sameDim({"rhs", adaptor.getRhs(), dim},
                              {"lhs", adaptor.getLhs(), dim})))
        return failure();
      if (ShapedType::isDynamic(shape[dim]))
        shape[dim] = rhs->getDimSize(dim);
    }
  }
  if (failed(rule.sameDim({"rhs", adaptor.getRhs(), rhs->getRank() - 2},
                          {"lhs", adaptor.getLhs(), rank - 1})))
    return failure();
  shape.back() = rhs->getShape().back();
  types.push_back(RankedTensorType::get(shape, lhs->getElementType()));
  return success();
}

LogicalResult MatmulOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> shape = getMixedShape(builder, getLoc(), getLhs());
  auto rhsType = cast<RankedTensorType>(getRhs().getType());
  shape.back() =
      tensor::getMixedSize(builder, getLoc(), getRhs(), rhsType.getRank() - 1);
  shapes.push_back(shape);
  return success();
}

LogicalResult
MatmulOp::inferSequenceDims(ArrayRef<int64_t> operandDims,
                            SmallVectorImpl<int64_t> &resultDims) {
  int64_t rank = cast<RankedTensorType>(getLhs().getType()).getRank();
  int64_t dim = operandDims[0];
  if (operandDims[1] != kNoSequenceDim && operandDims[1] != dim)
    return emitOpError() << "combines every position with every other; use "
                            "gpt.attention with 'causal' instead";
  if (dim == rank - 1)
    return emitOpError() << "sums over the sequence dimension";
  if (operandDims[1] != kNoSequenceDim && dim == rank - 2)
    return emitOpError() << "combines every position with every other; use "
                            "gpt.attention with 'causal' instead";
  // A batch dim: each position has a matrix of its own in a batched rhs.
  int64_t rhsRank = cast<RankedTensorType>(getRhs().getType()).getRank();
  if (operandDims[1] == kNoSequenceDim && dim < rank - 2 && rhsRank > 2)
    return emitOpError() << "combines rhs, which does not vary with the "
                            "sequence, along the sequence dimension";
  resultDims.push_back(dim);
  return success();
}
