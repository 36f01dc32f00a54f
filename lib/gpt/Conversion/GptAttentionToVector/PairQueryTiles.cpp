//===- PairQueryTiles.cpp - attention of pairs of bf16 ----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The products of a tile of queries as sums of products of pairs of bf16, in
// f32, for processors that have an instruction for them. It wants both elements
// of a pair next to each other:
//
// * scores pair features. Those of a key are read as they are stored; those of
//   the queries of a lane are put together once per tile of queries.
// * the sum pairs keys. Weights are rounded to bf16 and interleaved as they are
//   made, values once per tile of keys. Behind an odd last key there is a key
//   of zeros whose weight is 0: nothing is read that no key has stored.
//
// The total is that of the rounded weights: then the weights that values meet
// add up to 1, and a rounding that all of them share has no effect. The scale
// is applied to the scores, not to the queries, which it would round.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptAttentionToVector/QueryTiles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::gpt;

namespace {

class PairQueryTileBuilder final : public QueryTileBuilder {
public:
  using QueryTileBuilder::QueryTileBuilder;

private:
  /// The pairs of features of the queries: [pair, 2 * lane].
  Value packQueries(OpBuilder &b) override;
  Value multiplyKeys(OpBuilder &b, Value key, int64_t count) override;
  /// The weights in pairs of keys: [pair, 2 * lane].
  Value buildWeights(OpBuilder &b, Value size, Value limit,
                     State &state) override;
  Value buildSum(OpBuilder &b, Value key, Value size, Value factor,
                 Value weights, Value sum) override;

  /// The values of a tile of keys in pairs of keys: [pair, 2 * feature].
  Value packValues(OpBuilder &b, Value key, Value size);
  /// Features of `count` keys from `key` on, [key, feature].
  Value readKeys(OpBuilder &b, Value key, Value feature,
                 ArrayRef<int64_t> shape);
  /// Uninitialised pairs, two elements of a row of `width`: [rows, 2 * width].
  Value emptyPairs(OpBuilder &b, int64_t rows, int64_t width);
  /// `count` pairs of a row from `first` on: [count, 2].
  Value readPairs(OpBuilder &b, Value pairs, Value row, Value first,
                  int64_t count);
  /// Two vectors, element by element next to each other.
  Value interleave(OpBuilder &b, Value first, Value second);
  /// Adds the products of `rows`, [row, 2] or [2], and `columns`, [column, 2],
  /// to `sums`, [row, column] or [column].
  Value addProducts(OpBuilder &b, Value rows, Value columns, Value sums);

  /// As many pairs as hold `count` elements.
  static int64_t countPairs(int64_t count) {
    return llvm::divideCeil(count, 2);
  }
  /// `ceil(size / 2)`.
  Value countPairs(OpBuilder &b, Value size) const {
    return b.createOrFold<arith::CeilDivUIOp>(loc, size, index(b, 2));
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// Pairs
//===----------------------------------------------------------------------===//

Value PairQueryTileBuilder::emptyPairs(OpBuilder &b, int64_t rows,
                                       int64_t width) {
  return buildEmpty(
      b, loc,
      getAsIndexOpFoldResult(b.getContext(), ArrayRef({rows, 2 * width})),
      b.getBF16Type());
}

Value PairQueryTileBuilder::readPairs(OpBuilder &b, Value pairs, Value row,
                                      Value first, int64_t count) {
  // Not of a view of three dimensions: upstream folds those into reads of the
  // wrong elements.
  Value at = b.createOrFold<arith::MulIOp>(loc, first, index(b, 2));
  Value flat = readStored(b, pairs, {row, at}, {2 * count});
  return vector::ShapeCastOp::create(
      b, loc, vectorType({count, 2}, b.getBF16Type()), flat);
}

Value PairQueryTileBuilder::interleave(OpBuilder &b, Value first,
                                       Value second) {
  return vector::InterleaveOp::create(b, loc, first, second);
}

Value PairQueryTileBuilder::addProducts(OpBuilder &b, Value rows, Value columns,
                                        Value sums) {
  MLIRContext *context = b.getContext();
  bool isRow = cast<VectorType>(rows.getType()).getRank() == 1;
  AffineExpr m, n, k;
  if (isRow)
    bindDims(context, n, k);
  else
    bindDims(context, m, n, k);
  SmallVector<AffineExpr, 3> left{m, k}, right{n, k}, out{m, n};
  if (isRow) {
    left = {k};
    out = {n};
  }
  SmallVector<AffineMap> maps =
      AffineMap::inferFromExprList({left, right, out}, context);
  SmallVector<vector::IteratorType> iterators(out.size(),
                                              vector::IteratorType::parallel);
  iterators.push_back(vector::IteratorType::reduction);
  auto attributes = llvm::map_to_vector(
      iterators, [&](vector::IteratorType iterator) -> Attribute {
        return vector::IteratorTypeAttr::get(context, iterator);
      });
  return vector::ContractionOp::create(b, loc, rows, columns, sums,
                                       b.getAffineMapArrayAttr(maps),
                                       b.getArrayAttr(attributes));
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

Value PairQueryTileBuilder::packQueries(OpBuilder &b) {
  Value source = getQueries(b);
  int64_t numPairs = countPairs(operands.headDim);
  Value packed = emptyPairs(b, numPairs, tiles.queries);
  // A pair is transposed as one integer.
  auto pack = [&](OpBuilder &nested, Value pair, int64_t count,
                  ValueRange carried) -> SmallVector<Value> {
    Value result = carried[0];
    Value feature =
        nested.createOrFold<arith::MulIOp>(loc, pair, index(nested, 2));
    SmallVector<int64_t> shape = {tiles.vector, 2 * count};
    // Behind an odd last feature there is a zero.
    Value features = min(nested, index(nested, 2 * count),
                         sub(nested, index(nested, operands.headDim), feature));
    for (int64_t lane = 0; lane < tiles.queries; lane += tiles.vector) {
      Value first = index(nested, lane);
      Value present =
          prefixMask(nested, shape, {sub(nested, rows, first), features});
      Value block =
          readStored(nested, source, {first, feature}, shape, present);
      block = vector::BitCastOp::create(
          nested, loc, vectorType({tiles.vector, count}, b.getI32Type()),
          block);
      block = vector::TransposeOp::create(nested, loc, block,
                                          ArrayRef<int64_t>{1, 0});
      block = vector::BitCastOp::create(
          nested, loc, vectorType({count, 2 * tiles.vector}, b.getBF16Type()),
          block);
      result = write(nested, block, result, {pair, index(nested, 2 * lane)});
    }
    return {result};
  };
  return buildSteps(b, numPairs, tiles.rows, packed, pack).front();
}

Value PairQueryTileBuilder::readKeys(OpBuilder &b, Value key, Value feature,
                                     ArrayRef<int64_t> shape) {
  MLIRContext *context = b.getContext();
  AffineMap map = AffineMap::get(
      4, 0,
      {getAffineDimExpr(operands.keysBeforeHeads ? 1 : 2, context),
       getAffineDimExpr(3, context)},
      context);
  Value padding =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(b.getBF16Type()));
  return vector::TransferReadOp::create(
      b, loc, vectorType(shape, b.getBF16Type()), operands.key,
      keyIndices(batch, kvHead, key, feature), padding, map,
      ArrayRef<bool>{true, true});
}

Value PairQueryTileBuilder::multiplyKeys(OpBuilder &b, Value key,
                                         int64_t count) {
  Value zero = index(b, 0);
  auto readQueries = [&](OpBuilder &nested, Value pair) {
    return readPairs(nested, queries, pair, zero, tiles.queries);
  };
  auto multiply = [&](OpBuilder &nested, Value pair,
                      ValueRange carried) -> SmallVector<Value> {
    Value feature =
        nested.createOrFold<arith::MulIOp>(loc, pair, index(nested, 2));
    return {addProducts(nested, readKeys(nested, key, feature, {count, 2}),
                        readQueries(nested, pair), carried[0])};
  };
  int64_t whole = operands.headDim / 2;
  Value scores = splat(b, {count, tiles.queries}, 0.0);
  if (whole > 0)
    scores = buildLoop(b, zero, index(b, whole), 1, scores, multiply).front();
  if (operands.headDim % 2 != 0) {
    Value last = readKeys(b, key, index(b, operands.headDim - 1), {count, 1});
    Value pairs = arith::ConstantOp::create(
        b, loc, b.getZeroAttr(vectorType({count, 2}, b.getBF16Type())));
    pairs = vector::InsertStridedSliceOp::create(
        b, loc, last, pairs, ArrayRef<int64_t>{0, 0}, ArrayRef<int64_t>{1, 1});
    scores = addProducts(b, pairs, readQueries(b, index(b, whole)), scores);
  }
  return mul(b, scores, splat(b, {count, tiles.queries}, operands.scale));
}

//===----------------------------------------------------------------------===//
// Weights and values
//===----------------------------------------------------------------------===//

Value PairQueryTileBuilder::buildWeights(OpBuilder &b, Value size, Value limit,
                                         State &state) {
  Value zero = index(b, 0);
  Value numPairs = countPairs(b, size);
  // A key behind an odd last one is hidden from all lanes.
  Value scores =
      buildLoop(b, size,
                b.createOrFold<arith::MulIOp>(loc, numPairs, index(b, 2)), 1,
                state.scores,
                [&](OpBuilder &nested, Value at,
                    ValueRange carried) -> SmallVector<Value> {
                  return {write(nested, splat(nested, {tiles.queries}, kHidden),
                                carried[0], {at, index(nested, 0)})};
                })
          .front();
  Value ones = arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(vectorType({2}, b.getBF16Type()),
                             b.getFloatAttr(b.getBF16Type(), 1.0)));
  VectorType pairsType = vectorType({tiles.queries, 2}, b.getBF16Type());
  auto weigh = [&](OpBuilder &nested, Value pair,
                   ValueRange carried) -> SmallVector<Value> {
    Value key = nested.createOrFold<arith::MulIOp>(loc, pair, index(nested, 2));
    auto weightOf = [&](Value at) {
      Value score = read(nested, scores, {at, zero}, {tiles.queries});
      return convert(nested, expOf(nested, score, limit), b.getBF16Type());
    };
    Value first = weightOf(key);
    Value both = interleave(nested, first, weightOf(add(nested, key, 1)));
    Value pairs = vector::ShapeCastOp::create(nested, loc, pairsType, both);
    return {write(nested, both, carried[0], {pair, zero}),
            addProducts(nested, ones, pairs, carried[1])};
  };
  Value weights = emptyPairs(b, tiles.keys / 2, tiles.queries);
  SmallVector<Value> weighed =
      buildLoop(b, zero, numPairs, 1, {weights, state.total}, weigh);
  state.scores = scores;
  state.total = weighed[1];
  return weighed[0];
}

Value PairQueryTileBuilder::packValues(OpBuilder &b, Value key, Value size) {
  // A register of bf16 has twice as many elements as one of f32.
  int64_t step = 2 * tiles.vector;
  int64_t width = llvm::alignTo(operands.valueHeadDim, step);
  auto pack = [&](OpBuilder &nested, Value pair, bool isWhole, Value packed) {
    Value at =
        add(nested, key,
            nested.createOrFold<arith::MulIOp>(loc, pair, index(nested, 2)));
    for (int64_t feature = 0; feature < operands.valueHeadDim;
         feature += step) {
      int64_t count = std::min(step, operands.valueHeadDim - feature);
      Value present;
      if (count < step)
        present = prefixMask(nested, {step}, index(nested, count));
      auto readValues = [&](Value from) {
        return readStored(
            nested, operands.value,
            keyIndices(batch, kvHead, from, index(nested, feature)), {step},
            present);
      };
      Value first = readValues(at);
      Value second = isWhole
                         ? readValues(add(nested, at, 1))
                         : arith::ConstantOp::create(
                               nested, loc, nested.getZeroAttr(first.getType()))
                               .getResult();
      packed = write(nested, interleave(nested, first, second), packed,
                     {pair, index(nested, 2 * feature)});
    }
    return packed;
  };
  Value whole = b.createOrFold<arith::DivUIOp>(loc, size, index(b, 2));
  auto loop = [&](Value begin, Value end, bool isWhole, Value packed) {
    return buildLoop(b, begin, end, 1, packed,
                     [&](OpBuilder &nested, Value pair,
                         ValueRange carried) -> SmallVector<Value> {
                       return {pack(nested, pair, isWhole, carried[0])};
                     })
        .front();
  };
  Value packed = emptyPairs(b, tiles.keys / 2, width);
  packed = loop(index(b, 0), whole, /*isWhole=*/true, packed);
  return loop(whole, countPairs(b, size), /*isWhole=*/false, packed);
}

Value PairQueryTileBuilder::buildSum(OpBuilder &b, Value key, Value size,
                                     Value factor, Value weights, Value sum) {
  Value zero = index(b, 0);
  Value values = packValues(b, key, size);
  Value numPairs = countPairs(b, size);
  auto accumulate = [&](OpBuilder &nested, Value feature, int64_t count,
                        ValueRange carried) -> SmallVector<Value> {
    SmallVector<int64_t> shape = {count, tiles.queries};
    SmallVector<Value> place = {feature, zero};
    Value scaled = mul(nested, read(nested, carried[0], place, shape),
                       broadcast(nested, shape, factor));
    auto multiply = [&](OpBuilder &inner, Value pair,
                        ValueRange sums) -> SmallVector<Value> {
      Value rows = readPairs(inner, values, pair, feature, count);
      Value columns = readPairs(inner, weights, pair, zero, tiles.queries);
      return {addProducts(inner, rows, columns, sums[0])};
    };
    scaled = buildLoop(nested, zero, numPairs, 1, scaled, multiply).front();
    return {write(nested, scaled, carried[0], place)};
  };
  return buildSteps(b, operands.valueHeadDim, tiles.rows, sum, accumulate)
      .front();
}

std::unique_ptr<QueryTileBuilder>
gpt::createPairQueryTile(Location loc, const AttentionOperands &operands,
                         const AttentionTileSizes &tiles) {
  return std::make_unique<PairQueryTileBuilder>(loc, operands, tiles);
}
