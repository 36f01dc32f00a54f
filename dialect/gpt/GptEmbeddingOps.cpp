//===- GptEmbeddingOps.cpp - token and position embeddings ------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Type and shape rules of GptEmbeddingOps.td.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::gpt;

//===----------------------------------------------------------------------===//
// EmbeddingOp
//===----------------------------------------------------------------------===//

LogicalResult EmbeddingOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  auto table = rule.floatTensor(adaptor.getTable(), "table", 2, 2);
  auto ids = rule.integerTensor(adaptor.getIds(), "ids");
  if (failed(table) || failed(ids) ||
      failed(rule.nonEmpty({"table", adaptor.getTable(), 0})))
    return failure();
  SmallVector<int64_t> shape(ids->getShape());
  shape.push_back(table->getDimSize(1));
  types.push_back(RankedTensorType::get(shape, table->getElementType()));
  return success();
}

LogicalResult
EmbeddingOp::reifyResultShapes(OpBuilder &builder,
                               ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> shape = getMixedShape(builder, getLoc(), getIds());
  shape.push_back(tensor::getMixedSize(builder, getLoc(), getTable(), 1));
  shapes.push_back(shape);
  return success();
}

LogicalResult
EmbeddingOp::inferSequenceDims(ArrayRef<int64_t> operandDims,
                               SmallVectorImpl<int64_t> &resultDims) {
  if (operandDims[0] != kNoSequenceDim)
    return emitOpError() << "looks up a table that varies with the sequence";
  resultDims.push_back(operandDims[1]);
  return success();
}

//===----------------------------------------------------------------------===//
// PositionIdsOp
//===----------------------------------------------------------------------===//

LogicalResult PositionIdsOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  auto like = dyn_cast<RankedTensorType>(adaptor.getLike().getType());
  if (!like || like.getRank() < 2)
    return rule.error("expected like to be a ranked tensor of rank 2 or more, "
                      "but found ",
                      adaptor.getLike().getType());
  if (failed(rule.positions(adaptor.getPositions(),
                            {"like", adaptor.getLike(), 0})))
    return failure();
  types.push_back(RankedTensorType::get(
      like.getShape().take_front(2), IntegerType::get(like.getContext(), 64)));
  return success();
}

LogicalResult
PositionIdsOp::reifyResultShapes(OpBuilder &builder,
                                 ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back({tensor::getMixedSize(builder, getLoc(), getLike(), 0),
                    tensor::getMixedSize(builder, getLoc(), getLike(), 1)});
  return success();
}

LogicalResult
PositionIdsOp::inferSequenceDims(ArrayRef<int64_t> operandDims,
                                 SmallVectorImpl<int64_t> &resultDims) {
  if (operandDims[0] != 1)
    return emitOpError() << "counts along dim 1 of like, but the sequence is "
                            "not there";
  resultDims.push_back(1);
  return success();
}
