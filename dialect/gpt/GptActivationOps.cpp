//===- GptActivationOps.cpp - activations and softmax -----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Type rules and verifiers of GptActivationOps.td.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::gpt;

//===----------------------------------------------------------------------===//
// SoftmaxOp
//===----------------------------------------------------------------------===//

LogicalResult SoftmaxOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                    SmallVectorImpl<Type> &types) {
  auto input = rule.floatTensor(adaptor.getInput(), "input", 1);
  if (failed(input))
    return failure();
  types.push_back(*input);
  return success();
}

//===----------------------------------------------------------------------===//
// MaskedSoftmaxOp
//===----------------------------------------------------------------------===//

LogicalResult MaskedSoftmaxOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  auto input = rule.floatTensor(adaptor.getInput(), "input", 1);
  auto mask = rule.floatTensor(adaptor.getMask(), "mask");
  if (failed(input) || failed(mask) ||
      failed(rule.broadcastsTo("mask", adaptor.getMask(),
                               getDims("input", adaptor.getInput()))))
    return failure();
  types.push_back(*input);
  return success();
}

LogicalResult
MaskedSoftmaxOp::inferSequenceDims(ArrayRef<int64_t> operandDims,
                                   SmallVectorImpl<int64_t> &resultDims) {
  // The mask is added before the last dimension is reduced.
  SmallVector<int64_t> sumDims;
  if (failed(inferElementwise(*this, operandDims, sumDims)))
    return failure();
  return inferPositionwise(*this, operandDims.take_front(), resultDims);
}

//===----------------------------------------------------------------------===//
// CausalMaskOp
//===----------------------------------------------------------------------===//

void CausalMaskOp::getShapeConstraints(
    SmallVectorImpl<ShapeConstraint> &constraints) {
  TypeRule rule(getLoc(), getOperationName(), &constraints);
  (void)rule.positions(getPositions(), {"result", getResult(), 0});
}

LogicalResult CausalMaskOp::verify() {
  auto type = cast<RankedTensorType>(getResult().getType());
  TypeRule rule(getLoc(), getOperationName());
  int64_t rank = getPositions() ? 4 : 2;
  if (type.getRank() != rank)
    return emitOpError() << "expected a result of rank " << rank
                         << (getPositions() ? " with" : " without")
                         << " positions, but found " << type;
  if (getPositions()) {
    if (type.getDimSize(1) != 1)
      return emitOpError() << "expected result dim 1 to be 1, but found "
                           << type;
    if (failed(rule.positions(getPositions(), {"result", getResult(), 0})))
      return failure();
  }
  if (static_cast<int64_t>(getSizes().size()) !=
      static_cast<int64_t>(type.getNumDynamicDims()))
    return emitOpError() << "expected " << type.getNumDynamicDims()
                         << " sizes for " << type << ", but found "
                         << getSizes().size();
  if (getWindow())
    return rule.positive("window", *getWindow());
  return success();
}

LogicalResult
CausalMaskOp::reifyResultShapes(OpBuilder &builder,
                                ReifiedRankedShapedTypeDims &shapes) {
  auto type = cast<RankedTensorType>(getResult().getType());
  SmallVector<OpFoldResult> shape;
  auto nextSize = getSizes().begin();
  for (int64_t size : type.getShape()) {
    if (ShapedType::isDynamic(size))
      shape.push_back(*nextSize++);
    else
      shape.push_back(builder.getIndexAttr(size));
  }
  shapes.push_back(shape);
  return success();
}

LogicalResult CausalMaskOp::inferSequenceDims(ArrayRef<int64_t>,
                                              SmallVectorImpl<int64_t> &) {
  return emitOpError() << "builds a mask over the whole sequence; use "
                          "gpt.attention with 'causal' instead";
}
