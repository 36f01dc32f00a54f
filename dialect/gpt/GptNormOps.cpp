//===- GptNormOps.cpp - normalisation ---------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Type rules of GptNormOps.td.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"

using namespace mlir;
using namespace mlir::gpt;

/// Checks what both norms share and gives the type of the result.
static LogicalResult inferNorm(const TypeRule &rule, Value input, Value weight,
                               Value bias, FloatAttr epsilon,
                               SmallVectorImpl<Type> &types) {
  auto type = rule.floatTensor(input, "input", 1);
  if (failed(type))
    return failure();
  DimRef features("input", input, type->getRank() - 1);
  if (failed(rule.featureVector(weight, "weight", features)) ||
      (bias && failed(rule.featureVector(bias, "bias", features))))
    return failure();
  if (!epsilon)
    return rule.error("requires attribute 'epsilon'");
  if (!(epsilon.getValueAsDouble() >= 0))
    return rule.error("expected epsilon not to be negative, but found ",
                      epsilon.getValueAsDouble());
  types.push_back(*type);
  return success();
}

LogicalResult LayerNormOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  return inferNorm(rule, adaptor.getInput(), adaptor.getWeight(),
                   adaptor.getBias(), adaptor.getEpsilonAttr(), types);
}

LogicalResult RmsNormOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                    SmallVectorImpl<Type> &types) {
  return inferNorm(rule, adaptor.getInput(), adaptor.getWeight(),
                   /*bias=*/Value(), adaptor.getEpsilonAttr(), types);
}
