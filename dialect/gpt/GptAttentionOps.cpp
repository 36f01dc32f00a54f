//===- GptAttentionOps.cpp - attention, rotary embedding and the KV cache -*-
// C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Type and shape rules of GptAttentionOps.td, and the numbers that their
// attributes stand for (head dimensions, scale, RoPE frequencies).
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace mlir::gpt;

static int64_t getLastExtent(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

//===----------------------------------------------------------------------===//
// RopeOp
//===----------------------------------------------------------------------===//

/// Checks the attributes that shape the frequencies (C3 to C6).
static LogicalResult verifyFrequencies(const TypeRule &rule,
                                       RopeOp::Adaptor adaptor,
                                       int64_t headDim) {
  int64_t rotaryDims = adaptor.getRotaryDims().value_or(headDim);
  if (rotaryDims <= 0 || rotaryDims % 2 != 0 || rotaryDims > headDim)
    return rule.error("expected ",
                      adaptor.getRotaryDims() ? "rotary_dims" : "head_dim",
                      " to be even and between 2 and head_dim (", headDim,
                      "), but found ", rotaryDims);
  // Written so that NaN fails too.
  auto isPositive = [](const APFloat &value) {
    return value.isFiniteNonZero() && !value.isNegative();
  };
  if (!isPositive(adaptor.getTheta()))
    return rule.error("expected theta to be positive, but found ",
                      adaptor.getTheta().convertToDouble());
  if (!isPositive(adaptor.getScalingFactor()))
    return rule.error("expected scaling_factor to be positive, but found ",
                      adaptor.getScalingFactor().convertToDouble());
  if (adaptor.getScaling() != RopeScaling::Llama3)
    return success();
  double low = adaptor.getLowFreqFactor().convertToDouble();
  double high = adaptor.getHighFreqFactor().convertToDouble();
  if (!(low > 0 && low < high))
    return rule.error("expected 0 < low_freq_factor < high_freq_factor, but "
                      "found ",
                      low, " and ", high);
  return rule.positive("original_context_length",
                       adaptor.getOriginalContextLength());
}

LogicalResult RopeOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                 SmallVectorImpl<Type> &types) {
  auto input = rule.floatTensor(adaptor.getInput(), "input", 3, 3);
  if (failed(input))
    return failure();
  if (!adaptor.getNumHeadsAttr())
    return rule.error("requires attribute 'num_heads'");
  auto headDim =
      rule.headDim("input", *input, "num_heads", adaptor.getNumHeads());
  if (failed(headDim) || failed(verifyFrequencies(rule, adaptor, *headDim)) ||
      failed(rule.positions(adaptor.getPositions(),
                            {"input", adaptor.getInput(), 0})))
    return failure();
  types.push_back(*input);
  return success();
}

int64_t RopeOp::getHeadDim() {
  return getLastExtent(getInput()) / getNumHeads();
}

int64_t RopeOp::getEffectiveRotaryDims() {
  return getRotaryDims().value_or(getHeadDim());
}

SmallVector<double> RopeOp::getFrequencies() {
  int64_t rotaryDims = getEffectiveRotaryDims();
  double theta = getTheta().convertToDouble();
  double factor = getScalingFactor().convertToDouble();
  double low = getLowFreqFactor().convertToDouble();
  double high = getHighFreqFactor().convertToDouble();
  auto context = static_cast<double>(getOriginalContextLength());

  SmallVector<double> frequencies;
  for (int64_t pair = 0; pair < rotaryDims / 2; ++pair) {
    double exponent =
        static_cast<double>(2 * pair) / static_cast<double>(rotaryDims);
    double frequency = std::pow(theta, -exponent);
    double wavelength = 2.0 * llvm::numbers::pi / frequency;
    if (getScaling() == RopeScaling::Linear) {
      frequency /= factor;
    } else if (getScaling() == RopeScaling::Llama3) {
      double blend = (context / wavelength - low) / (high - low);
      blend = std::clamp(blend, 0.0, 1.0);
      frequency = (1.0 - blend) * frequency / factor + blend * frequency;
    }
    frequencies.push_back(frequency);
  }
  return frequencies;
}

//===----------------------------------------------------------------------===//
// AttentionOp
//===----------------------------------------------------------------------===//

namespace {
/// Operands of attention after the checks that both forms share.
struct AttentionTypes {
  RankedTensorType query, key, value;
  int64_t headDim, valueHeadDim;
};
} // namespace

/// Checks query, key and value and their heads (C1 to C4 and the element
/// types).
template <typename Adaptor>
static FailureOr<AttentionTypes> checkHeads(const TypeRule &rule,
                                            Adaptor adaptor) {
  auto query = rule.floatTensor(adaptor.getQuery(), "query", 3, 3);
  auto key = rule.floatTensor(adaptor.getKey(), "key", 3, 3);
  auto value = rule.floatTensor(adaptor.getValue(), "value", 3, 3);
  if (failed(query) || failed(key) || failed(value) ||
      failed(rule.sameElementType("key", *key, "query", *query)) ||
      failed(rule.sameElementType("value", *value, "query", *query)))
    return failure();
  if (!adaptor.getNumHeadsAttr() || !adaptor.getNumKvHeadsAttr()) {
    (void)rule.error("requires attributes 'num_heads' and 'num_kv_heads'");
    return failure();
  }
  int64_t numHeads = adaptor.getNumHeads();
  int64_t numKvHeads = adaptor.getNumKvHeads();
  auto headDim = rule.headDim("query", *query, "num_heads", numHeads);
  auto keyDim = rule.headDim("key", *key, "num_kv_heads", numKvHeads);
  auto valueDim = rule.headDim("value", *value, "num_kv_heads", numKvHeads);
  if (failed(headDim) || failed(keyDim) || failed(valueDim))
    return failure();
  if (numHeads % numKvHeads != 0) {
    (void)rule.error("expected num_kv_heads (", numKvHeads,
                     ") to divide num_heads (", numHeads, ")");
    return failure();
  }
  if (*headDim != *keyDim) {
    (void)rule.error("expected key head_dim (", *keyDim,
                     ") to match query head_dim (", *headDim, ")");
    return failure();
  }
  DimRef batch("query", adaptor.getQuery(), 0);
  if (failed(rule.sameDim({"key", adaptor.getKey(), 0}, batch)) ||
      failed(rule.sameDim({"value", adaptor.getValue(), 0}, batch)) ||
      failed(rule.sameDim({"value", adaptor.getValue(), 1},
                          {"key", adaptor.getKey(), 1})))
    return failure();
  return AttentionTypes{*query, *key, *value, *headDim, *valueDim};
}

static RankedTensorType getAttentionResult(const AttentionTypes &types,
                                           int64_t numHeads) {
  return RankedTensorType::get({types.query.getDimSize(0),
                                types.query.getDimSize(1),
                                numHeads * types.valueHeadDim},
                               types.query.getElementType());
}

LogicalResult AttentionOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  auto heads = checkHeads(rule, adaptor);
  if (failed(heads))
    return failure();
  int64_t numHeads = adaptor.getNumHeads();
  DimRef queries("query", adaptor.getQuery(), 1);
  DimRef keys("key", adaptor.getKey(), 1);
  if (Value mask = adaptor.getMask()) {
    auto maskType = rule.floatTensor(mask, "mask");
    if (failed(maskType) ||
        failed(rule.broadcastsTo("mask", mask,
                                 {{"query", adaptor.getQuery(), 0},
                                  {"num_heads", numHeads},
                                  queries,
                                  keys})))
      return failure();
  }
  if (adaptor.getWindow()) {
    if (failed(rule.positive("window", *adaptor.getWindow())))
      return failure();
    if (!adaptor.getCausal())
      return rule.error("expected 'causal' with window");
  }
  // Only a mistake where it is plain to see: rows without keys have a meaning.
  if (adaptor.getCausal() && ShapedType::isStatic(queries.size()) &&
      ShapedType::isStatic(keys.size()) && queries.size() > keys.size())
    return rule.error("expected query dim 1 (", queries.size(),
                      ") of at most key dim 1 (", keys.size(),
                      ") with 'causal'");
  types.push_back(getAttentionResult(*heads, numHeads));
  return success();
}

int64_t AttentionOp::getHeadDim() {
  return getLastExtent(getQuery()) / getNumHeads();
}

int64_t AttentionOp::getValueHeadDim() {
  return getLastExtent(getValue()) / getNumKvHeads();
}

double AttentionOp::getEffectiveScale() {
  return getScale() ? getScale()->convertToDouble()
                    : 1.0 / std::sqrt(static_cast<double>(getHeadDim()));
}

LogicalResult
AttentionOp::reifyResultShapes(OpBuilder &builder,
                               ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> shape =
      getMixedShape(builder, getLoc(), getQuery());
  shape.back() = builder.getIndexAttr(getNumHeads() * getValueHeadDim());
  shapes.push_back(shape);
  return success();
}

LogicalResult
AttentionOp::inferSequenceDims(ArrayRef<int64_t> operandDims,
                               SmallVectorImpl<int64_t> &resultDims) {
  if (!getCausal())
    return emitOpError() << "attends to the future; expected 'causal'";
  if (getMask())
    return emitOpError() << "has a mask over the whole sequence; expected none";
  // zip keeps references: the names must outlive the loop.
  static constexpr StringRef names[] = {"query", "key", "value"};
  for (auto [name, dim] : llvm::zip(names, operandDims))
    if (dim != 1)
      return emitOpError() << "expected the sequence in dim 1 of " << name;
  resultDims.push_back(1);
  return success();
}

//===----------------------------------------------------------------------===//
// CachedAttentionOp
//===----------------------------------------------------------------------===//

/// Checks one cache against the new keys or values it takes (C4 to C6).
static FailureOr<RankedTensorType> checkCache(const TypeRule &rule, Value cache,
                                              StringRef name, DimRef entries,
                                              int64_t numKvHeads,
                                              int64_t headDim) {
  auto type = rule.floatTensor(cache, name, 4, 4);
  if (failed(type) ||
      failed(
          rule.sameDim({name, cache, 0}, {entries.operand, entries.tensor, 0})))
    return failure();
  auto expect = [&](int64_t dim, int64_t size,
                    StringRef what) -> LogicalResult {
    if (type->getDimSize(dim) == size)
      return success();
    return rule.error("expected ", name, " dim ", dim, " to be ", what, " (",
                      size, "), but found ", *type);
  };
  if (failed(expect(1, numKvHeads, "num_kv_heads")) ||
      failed(expect(3, headDim, "head_dim")))
    return failure();
  if (failed(rule.nonEmpty({name, cache, 2})) ||
      failed(rule.atMostDim(entries, {name, cache, 2})))
    return failure();
  return type;
}

LogicalResult CachedAttentionOp::inferTypes(const TypeRule &rule,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  auto heads = checkHeads(rule, adaptor);
  if (failed(heads) || failed(rule.sameDim({"key", adaptor.getKey(), 1},
                                           {"query", adaptor.getQuery(), 1})))
    return failure();
  int64_t numKvHeads = adaptor.getNumKvHeads();
  auto keyCache =
      checkCache(rule, adaptor.getKeyCache(), "key_cache",
                 {"key", adaptor.getKey(), 1}, numKvHeads, heads->headDim);
  if (failed(keyCache))
    return failure();
  auto valueCache = checkCache(rule, adaptor.getValueCache(), "value_cache",
                               {"value", adaptor.getValue(), 1}, numKvHeads,
                               heads->valueHeadDim);
  if (failed(valueCache) ||
      failed(rule.sameDim({"value_cache", adaptor.getValueCache(), 2},
                          {"key_cache", adaptor.getKeyCache(), 2})) ||
      failed(rule.positions(adaptor.getPositions(),
                            {"query", adaptor.getQuery(), 0})))
    return failure();
  if (adaptor.getWindow() &&
      failed(rule.positive("window", *adaptor.getWindow())))
    return failure();
  types.append({getAttentionResult(*heads, adaptor.getNumHeads()), *keyCache,
                *valueCache});
  return success();
}

int64_t CachedAttentionOp::getHeadDim() {
  return getLastExtent(getQuery()) / getNumHeads();
}

int64_t CachedAttentionOp::getValueHeadDim() {
  return getLastExtent(getValue()) / getNumKvHeads();
}

double CachedAttentionOp::getEffectiveScale() {
  return getScale() ? getScale()->convertToDouble()
                    : 1.0 / std::sqrt(static_cast<double>(getHeadDim()));
}

LogicalResult
CachedAttentionOp::reifyResultShapes(OpBuilder &builder,
                                     ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> shape =
      getMixedShape(builder, getLoc(), getQuery());
  shape.back() = builder.getIndexAttr(getNumHeads() * getValueHeadDim());
  shapes.push_back(shape);
  shapes.push_back(getMixedShape(builder, getLoc(), getKeyCache()));
  shapes.push_back(getMixedShape(builder, getLoc(), getValueCache()));
  return success();
}

LogicalResult CachedAttentionOp::inferSequenceDims(ArrayRef<int64_t>,
                                                   SmallVectorImpl<int64_t> &) {
  return emitOpError() << "has a KV cache already";
}
