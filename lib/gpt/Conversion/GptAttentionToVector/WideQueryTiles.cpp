//===- WideQueryTiles.cpp - attention of f32 --------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The products of a tile of queries in f32, whatever type operands are stored
// in: an element of a key or value times a row of queries or weights.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptAttentionToVector/QueryTiles.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::gpt;

namespace {

class WideQueryTileBuilder final : public QueryTileBuilder {
public:
  using QueryTileBuilder::QueryTileBuilder;

private:
  /// The queries times the scale, transposed to [feature, lane].
  Value packQueries(OpBuilder &b) override;
  Value multiplyKeys(OpBuilder &b, Value key, int64_t count) override;
  /// In place of the scores.
  Value buildWeights(OpBuilder &b, Value size, Value limit,
                     State &state) override;
  Value buildSum(OpBuilder &b, Value key, Value size, Value factor,
                 Value weights, Value sum) override;
};

} // namespace

Value WideQueryTileBuilder::packQueries(OpBuilder &b) {
  Value source = getQueries(b);
  Value packed = emptyTensor(b, {operands.headDim, tiles.queries});
  auto pack = [&](OpBuilder &nested, Value feature, int64_t count,
                  ValueRange carried) -> SmallVector<Value> {
    Value result = carried[0];
    for (int64_t lane = 0; lane < tiles.queries; lane += tiles.vector) {
      Value first = index(nested, lane);
      Value block =
          read(nested, source, {first, feature}, {tiles.vector, count},
               presentMask(nested, first, count));
      block = mul(nested, block,
                  splat(nested, {tiles.vector, count}, operands.scale));
      block = vector::TransposeOp::create(nested, loc, block,
                                          ArrayRef<int64_t>{1, 0});
      result = write(nested, block, result, {feature, first});
    }
    return {result};
  };
  return buildSteps(b, operands.headDim, tiles.rows, packed, pack).front();
}

Value WideQueryTileBuilder::multiplyKeys(OpBuilder &b, Value key,
                                         int64_t count) {
  SmallVector<Value> keys;
  for (int64_t i = 0; i < count; ++i)
    keys.push_back(add(b, key, i));
  Type element = b.getF32Type();
  auto multiply = [&](OpBuilder &nested, Value feature,
                      ValueRange carried) -> SmallVector<Value> {
    SmallVector<Value> column;
    for (Value at : keys) {
      Value scalar = tensor::ExtractOp::create(
          nested, loc, operands.key, keyIndices(batch, kvHead, at, feature));
      column.push_back(convert(nested, scalar, element));
    }
    Value lhs = vector::FromElementsOp::create(
        nested, loc, vectorType({count}, element), column);
    Value rhs =
        read(nested, queries, {feature, index(nested, 0)}, {tiles.queries});
    return {vector::OuterProductOp::create(nested, loc, lhs, rhs, carried[0])};
  };
  return buildLoop(b, index(b, 0), index(b, operands.headDim), 1,
                   splat(b, {count, tiles.queries}, 0.0), multiply)
      .front();
}

Value WideQueryTileBuilder::buildWeights(OpBuilder &b, Value size, Value limit,
                                         State &state) {
  auto weigh = [&](OpBuilder &nested, Value at,
                   ValueRange carried) -> SmallVector<Value> {
    SmallVector<Value> place = {at, index(nested, 0)};
    Value weight =
        expOf(nested, read(nested, carried[0], place, {tiles.queries}), limit);
    return {write(nested, weight, carried[0], place),
            addf(nested, carried[1], weight)};
  };
  SmallVector<Value> weighed =
      buildLoop(b, index(b, 0), size, 1, {state.scores, state.total}, weigh);
  state.scores = weighed[0];
  state.total = weighed[1];
  return state.scores;
}

Value WideQueryTileBuilder::buildSum(OpBuilder &b, Value key, Value size,
                                     Value factor, Value weights, Value sum) {
  auto accumulate = [&](OpBuilder &nested, Value feature, int64_t count,
                        ValueRange carried) -> SmallVector<Value> {
    SmallVector<int64_t> shape = {count, tiles.queries};
    SmallVector<Value> place = {feature, index(nested, 0)};
    Value scaled = mul(nested, read(nested, carried[0], place, shape),
                       broadcast(nested, shape, factor));
    auto multiply = [&](OpBuilder &inner, Value at,
                        ValueRange sums) -> SmallVector<Value> {
      Value lhs = read(inner, operands.value,
                       keyIndices(batch, kvHead, add(inner, key, at), feature),
                       {count});
      Value rhs = read(inner, weights, {at, index(inner, 0)}, {tiles.queries});
      return {vector::OuterProductOp::create(inner, loc, lhs, rhs, sums[0])};
    };
    scaled =
        buildLoop(nested, index(nested, 0), size, 1, scaled, multiply).front();
    return {write(nested, scaled, carried[0], place)};
  };
  return buildSteps(b, operands.valueHeadDim, tiles.rows, sum, accumulate)
      .front();
}

std::unique_ptr<QueryTileBuilder>
gpt::createWideQueryTile(Location loc, const AttentionOperands &operands,
                         const AttentionTileSizes &tiles) {
  return std::make_unique<WideQueryTileBuilder>(loc, operands, tiles);
}
