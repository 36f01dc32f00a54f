//===- AttentionBuilder.cpp - scores, softmax and weighted sum --*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See AttentionBuilder.h. Scores are scaled and masked in place by one generic
// and stay in f32 until the weighted sum is complete.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/AttentionBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace mlir::gpt;

AffineMap AttentionBuilder::getMap(ArrayRef<unsigned> dims) const {
  SmallVector<unsigned> all;
  if (batched)
    all.push_back(0);
  llvm::append_range(all, dims);
  return getDimsMap(builder.getContext(), feature() + 1, all);
}

AffineMap AttentionBuilder::getQueryMap() const {
  return getMap({queryRow(), kvHead(), group(), feature()});
}

AffineMap AttentionBuilder::getKeyMap() const {
  if (keysBeforeHeads)
    return getMap({keyRow(), kvHead(), feature()});
  return getMap({kvHead(), keyRow(), feature()});
}

AffineMap AttentionBuilder::getScoreMap() const {
  return getMap({kvHead(), group(), queryRow(), keyRow()});
}

OpFoldResult AttentionBuilder::getNumKeys(Value key) const {
  return tensor::getMixedSize(builder, loc, key,
                              keysBeforeHeads ? kvHead() : kvHead() + 1);
}

Value AttentionBuilder::buildScores(Value query, Value key) const {
  // Sizes of the scores, from those of query and key.
  SmallVector<OpFoldResult> querySizes =
      tensor::getMixedSizes(builder, loc, query);
  unsigned first = kvHead();
  SmallVector<OpFoldResult> sizes(ArrayRef(querySizes).take_front(first));
  sizes.push_back(querySizes[first + 1]);
  sizes.push_back(querySizes[first + 2]);
  sizes.push_back(querySizes[first]);
  sizes.push_back(getNumKeys(key));

  Value zero = buildFilled(builder, loc, sizes, builder.getF32FloatAttr(0.0f));
  Value products = buildContract(builder, loc, {query, getQueryMap()},
                                 {key, getKeyMap()}, {zero, getScoreMap()});

  SmallVector<Access> inputs;
  if (mask)
    inputs.push_back({mask, getBroadcastMap(getTensorType(mask), sizes)});
  return buildUpdate(
      builder, loc, inputs, products,
      [&](OpBuilder &b, Location l, ValueRange args) -> Value {
        Value score =
            arith::MulFOp::create(b, l, args.back(), buildF32(b, l, scale));
        if (mask)
          score = arith::AddFOp::create(b, l, score, args.front());
        if (!firstPosition)
          return score;
        Value visible =
            buildVisibility(b, l, firstPosition, window, queryRow(), keyRow());
        Value hidden = buildF32(b, l, -std::numeric_limits<double>::infinity());
        return arith::SelectOp::create(b, l, visible, score, hidden);
      });
}

Value AttentionBuilder::buildInitialSum(Value key) const {
  Value zero = buildF32(builder, loc, 0.0);
  // A cache has the new keys at least.
  if (!batched)
    return zero;
  OpFoldResult numKeys = getNumKeys(key);
  if (std::optional<int64_t> known = getConstantIntValue(numKeys);
      known && *known != 0)
    return zero;
  Value none = arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::eq,
      getValueOrCreateConstantIndexOp(builder, loc, numKeys),
      buildIndex(builder, loc, 0));
  Value nan = buildF32(builder, loc, std::numeric_limits<double>::quiet_NaN());
  return arith::SelectOp::create(builder, loc, none, nan, zero);
}

Value AttentionBuilder::build(Value query, Value key, Value value,
                              Value init) const {
  Value scores = buildScores(query, key);
  Value weights = buildSoftmax(builder, loc, scores, scores);

  Value accumulator = init;
  bool narrow = !getTensorType(init).getElementType().isF32();
  if (narrow)
    accumulator =
        buildEmpty(builder, loc, tensor::getMixedSizes(builder, loc, init),
                   builder.getF32Type());
  accumulator =
      linalg::FillOp::create(builder, loc, buildInitialSum(key), accumulator)
          .getResult(0);
  // Same roles: the key map reads values, the query map writes the result.
  Value sum = buildContract(builder, loc, {weights, getScoreMap()},
                            {value, getKeyMap()}, {accumulator, getQueryMap()});
  return narrow ? buildElementCastInto(builder, loc, sum, init) : sum;
}
