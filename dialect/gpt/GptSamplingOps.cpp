//===- GptSamplingOps.cpp - choice of the next token ------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Type and shape rules of GptSamplingOps.td.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"

using namespace mlir;
using namespace mlir::gpt;

/// The result of a reduction of the last dimension of `input` to an index.
static FailureOr<RankedTensorType> inferIndices(const TypeRule &rule,
                                                Value input, StringRef name) {
  auto type = rule.floatTensor(input, name, 1);
  if (failed(type) || failed(rule.nonEmpty({name, input, type->getRank() - 1})))
    return failure();
  return RankedTensorType::get(type->getShape().drop_back(),
                               IntegerType::get(type->getContext(), 64));
}

static LogicalResult reifyIndices(OpBuilder &builder, Location loc, Value input,
                                  ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> shape = getMixedShape(builder, loc, input);
  shape.pop_back();
  shapes.push_back(shape);
  return success();
}

//===----------------------------------------------------------------------===//
// ArgmaxOp
//===----------------------------------------------------------------------===//

LogicalResult ArgmaxOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                   SmallVectorImpl<Type> &types) {
  auto result = inferIndices(rule, adaptor.getInput(), "input");
  if (failed(result))
    return failure();
  types.push_back(*result);
  return success();
}

LogicalResult ArgmaxOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  return reifyIndices(builder, getLoc(), getInput(), shapes);
}

//===----------------------------------------------------------------------===//
// SampleOp
//===----------------------------------------------------------------------===//

LogicalResult SampleOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                   SmallVectorImpl<Type> &types) {
  auto result = inferIndices(rule, adaptor.getLogits(), "logits");
  if (failed(result))
    return failure();
  auto uniform = rule.floatTensor(adaptor.getUniform(), "uniform",
                                  result->getRank(), result->getRank());
  if (failed(uniform))
    return failure();
  for (int64_t dim = 0; dim < result->getRank(); ++dim)
    if (failed(rule.sameDim({"uniform", adaptor.getUniform(), dim},
                            {"logits", adaptor.getLogits(), dim})))
      return failure();
  types.push_back(*result);
  return success();
}

LogicalResult SampleOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  return reifyIndices(builder, getLoc(), getLogits(), shapes);
}

LogicalResult
SampleOp::inferSequenceDims(ArrayRef<int64_t> operandDims,
                            SmallVectorImpl<int64_t> &resultDims) {
  if (operandDims[0] != operandDims[1])
    return emitOpError() << "expected uniform to vary with the sequence as "
                            "logits do";
  return inferPositionwise(*this, operandDims.take_front(), resultDims);
}
