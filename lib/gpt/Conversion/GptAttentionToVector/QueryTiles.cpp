//===- QueryTiles.cpp - attention of many queries ---------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See QueryTiles.h.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptAttentionToVector/QueryTiles.h"

#include "gpt/GptParallel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::gpt;

Value QueryTileBuilder::getQueries(OpBuilder &b) const {
  return extractSlice(b, loc, operands.query,
                      {batch, row, head, b.getIndexAttr(0)},
                      {b.getIndexAttr(1), rows, b.getIndexAttr(1),
                       b.getIndexAttr(operands.headDim)},
                      {0, 2});
}

Value QueryTileBuilder::presentMask(OpBuilder &b, Value lane,
                                    int64_t count) const {
  return prefixMask(b, {tiles.vector, count},
                    {sub(b, rows, lane), index(b, count)});
}

QueryTileBuilder::State QueryTileBuilder::buildInitialState(OpBuilder &b) {
  Value zeros = splat(b, {tiles.queries}, 0.0);
  Value sum = emptyTensor(b, {operands.valueHeadDim, tiles.queries});
  sum = buildLoop(b, index(b, 0), index(b, operands.valueHeadDim), 1, sum,
                  [&](OpBuilder &nested, Value feature,
                      ValueRange carried) -> SmallVector<Value> {
                    return {write(nested, zeros, carried[0],
                                  {feature, index(nested, 0)})};
                  })
            .front();
  Value scores = emptyTensor(b, {tiles.keys, tiles.queries});
  return {sum, scores, splat(b, {tiles.queries}, kHidden), zeros};
}

Value QueryTileBuilder::buildMask(OpBuilder &b, Value scores, Value key,
                                  int64_t count) {
  // [query, key] of the mask, with the lanes last.
  RankedTensorType type = getTensorType(operands.mask);
  SmallVector<AffineExpr> exprs;
  SmallVector<int64_t> shape = {count, tiles.queries};
  int64_t rank = type.getRank();
  for (int64_t dim : {rank - 1, rank - 2}) {
    bool repeated = dim < 0 || type.getDimSize(dim) == 1;
    exprs.push_back(repeated ? getAffineConstantExpr(0, b.getContext())
                             : getAffineDimExpr(dim, b.getContext()));
  }
  AffineMap map = AffineMap::get(rank, 0, exprs, b.getContext());
  Value padding =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(type.getElementType()));
  // Lanes without a query may lie outside; keys never do.
  bool lanesInBounds = isa<AffineConstantExpr>(exprs[1]);
  Value added = vector::TransferReadOp::create(
      b, loc, vectorType(shape, type.getElementType()), operands.mask,
      maskIndices(b, batch, head, row, key), padding, map,
      ArrayRef<bool>{true, lanesInBounds});
  return addf(b, scores, convert(b, added, b.getF32Type()));
}

Value QueryTileBuilder::hideKeys(OpBuilder &b, Value scores, Value key,
                                 int64_t count) {
  // Query `lane` sees key `key + i` where `lane - i >= key - first`; with a
  // window, only where also `lane - i < key - first + window`.
  Value distance = sub(b, key, range.first);
  Value hiddenAhead =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt,
                            add(b, distance, count - 1), index(b, 0));
  Value crosses = hiddenAhead, nearEnd;
  if (operands.window) {
    nearEnd = add(b, distance, *operands.window);
    Value hiddenBehind =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, nearEnd, rows);
    crosses = arith::OrIOp::create(b, loc, hiddenAhead, hiddenBehind);
  }

  VectorType type = vectorType({count, tiles.queries}, b.getI32Type());
  SmallVector<int32_t> differences;
  for (int64_t i = 0; i < count; ++i)
    for (int64_t lane = 0; lane < tiles.queries; ++lane)
      differences.push_back(static_cast<int32_t>(lane - i));
  auto compare = [&](OpBuilder &nested, arith::CmpIPredicate predicate,
                     Value bound) -> Value {
    // All differences are between these limits, and i32 holds them.
    bound = max(nested, min(nested, bound, index(nested, tiles.queries)),
                index(nested, -count));
    bound = arith::IndexCastOp::create(nested, loc, nested.getI32Type(), bound);
    Value all = arith::ConstantOp::create(
        nested, loc, DenseIntElementsAttr::get(type, differences));
    return arith::CmpIOp::create(nested, loc, predicate, all,
                                 broadcast(nested, type.getShape(), bound));
  };
  auto hide = [&](OpBuilder &nested, Location l) {
    Value visible = compare(nested, arith::CmpIPredicate::sge, distance);
    if (operands.window)
      visible = arith::AndIOp::create(
          nested, l, visible,
          compare(nested, arith::CmpIPredicate::slt, nearEnd));
    Value hidden = splat(nested, type.getShape(), kHidden);
    scf::YieldOp::create(
        nested, l,
        arith::SelectOp::create(nested, l, visible, scores, hidden)
            .getResult());
  };
  auto keep = [&](OpBuilder &nested, Location l) {
    scf::YieldOp::create(nested, l, scores);
  };
  return scf::IfOp::create(b, loc, crosses, hide, keep).getResult(0);
}

QueryTileBuilder::State QueryTileBuilder::buildScores(OpBuilder &b, Value key,
                                                      Value offset,
                                                      int64_t count,
                                                      State state) {
  Value scores = multiplyKeys(b, key, count);
  if (operands.mask)
    scores = buildMask(b, scores, key, count);
  if (range.first)
    scores = hideKeys(b, scores, key, count);
  for (int64_t i = 0; i < count; ++i) {
    Value line = vector::ExtractOp::create(b, loc, scores, i);
    state.limit = greater(b, state.limit, line);
    state.scores =
        write(b, line, state.scores, {add(b, offset, i), index(b, 0)});
  }
  return state;
}

QueryTileBuilder::State QueryTileBuilder::buildKeyTile(OpBuilder &b, Value key,
                                                       Value size,
                                                       State state) {
  Value before = state.limit;
  // Scores: several keys at a time, then the rest one by one.
  Value whole = sub(
      b, size, b.createOrFold<arith::RemUIOp>(loc, size, index(b, tiles.rows)));
  auto score = [&](int64_t count) {
    return [&, count](OpBuilder &nested, Value at, ValueRange carried) {
      State inner = State{state.sum, carried[0], carried[1], state.total};
      inner = buildScores(nested, add(nested, key, at), at, count, inner);
      return SmallVector<Value>{inner.scores, inner.limit};
    };
  };
  SmallVector<Value> scored = {state.scores, state.limit};
  scored =
      buildLoop(b, index(b, 0), whole, tiles.rows, scored, score(tiles.rows));
  scored = buildLoop(b, whole, size, 1, scored, score(1));
  state.scores = scored[0];
  state.limit = scored[1];

  Value limit = finite(b, state.limit);
  Value factor = expOf(b, before, limit);
  state.total = mul(b, state.total, factor);
  Value weights = buildWeights(b, size, limit, state);
  state.sum = buildSum(b, key, size, factor, weights, state.sum);
  return state;
}

Value QueryTileBuilder::writeResult(OpBuilder &b, State state, Value init) {
  Value inverse = arith::DivFOp::create(b, loc, splat(b, {tiles.queries}, 1.0),
                                        state.total);
  Value scaled =
      buildLoop(b, index(b, 0), index(b, operands.valueHeadDim), 1, state.sum,
                [&](OpBuilder &nested, Value feature,
                    ValueRange carried) -> SmallVector<Value> {
                  SmallVector<Value> place = {feature, index(nested, 0)};
                  Value line = read(nested, carried[0], place, {tiles.queries});
                  return {write(nested, mul(nested, line, inverse), carried[0],
                                place)};
                })
          .front();
  auto unpack = [&](OpBuilder &nested, Value feature, int64_t count,
                    ValueRange carried) -> SmallVector<Value> {
    Value result = carried[0];
    for (int64_t lane = 0; lane < tiles.queries; lane += tiles.vector) {
      Value first = index(nested, lane);
      Value block =
          read(nested, scaled, {feature, first}, {count, tiles.vector});
      block = vector::TransposeOp::create(nested, loc, block,
                                          ArrayRef<int64_t>{1, 0});
      result = write(nested, block, result, {first, feature},
                     presentMask(nested, first, count));
    }
    return {result};
  };
  return buildSteps(b, operands.valueHeadDim, tiles.rows, init, unpack).front();
}

Value QueryTileBuilder::build(OpBuilder &b, Value init) {
  queries = packQueries(b);
  range = buildKeyRange(b, batch, row, rows);
  // A row is summed up tile by tile: the result would have other bits if tiles
  // began at the window of whatever row is the first beside it.
  if (operands.window)
    range.begin = sub(
        b, range.begin,
        b.createOrFold<arith::RemUIOp>(loc, range.begin, index(b, tiles.keys)));
  SmallVector<Value> carried = buildLoop(
      b, range.begin, range.end, tiles.keys, buildInitialState(b).get(),
      [&](OpBuilder &nested, Value key, ValueRange values) {
        Value size =
            min(nested, index(nested, tiles.keys), sub(nested, range.end, key));
        return buildKeyTile(nested, key, size, State::from(values)).get();
      });
  return writeResult(b, State::from(carried), init);
}

/// Whether both products are made of pairs of bf16.
static bool hasPairs(const AttentionOperands &operands,
                     const AttentionTileSizes &tiles) {
  return tiles.pairs &&
         llvm::all_of(
             ArrayRef({operands.query, operands.key, operands.value}),
             [](Value value) { return getElementTypeOrSelf(value).isBF16(); });
}

Value gpt::buildQueryTiles(OpBuilder &builder, Location loc,
                           const AttentionOperands &operands,
                           const AttentionTileSizes &tiles, Value init) {
  auto toValue = [&](OpBuilder &b, OpFoldResult size) {
    return getValueOrCreateConstantIndexOp(b, loc, size);
  };
  OpFoldResult numHeads = builder.getIndexAttr(operands.numHeads);
  Value numTiles = builder.createOrFold<arith::CeilDivSIOp>(
      loc, toValue(builder, operands.numQueries),
      buildIndex(builder, loc, tiles.queries));
  auto body = [&](OpBuilder &b, Location l, ValueRange args) {
    std::unique_ptr<QueryTileBuilder> tileBuilder =
        hasPairs(operands, tiles) ? createPairQueryTile(l, operands, tiles)
                                  : createWideQueryTile(l, operands, tiles);
    QueryTileBuilder &tile = *tileBuilder;
    tile.batch = args[0];
    tile.head = args[1];
    tile.kvHead = b.createOrFold<arith::DivUIOp>(
        l, tile.head, buildIndex(b, l, operands.getGroupSize()));
    Value size = buildIndex(b, l, tiles.queries);
    tile.row = b.createOrFold<arith::MulIOp>(l, args[2], size);
    tile.rows = b.createOrFold<arith::MinSIOp>(
        l, size,
        b.createOrFold<arith::SubIOp>(l, toValue(b, operands.numQueries),
                                      tile.row));
    OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
    SmallVector<OpFoldResult> offsets = {tile.batch, tile.row, tile.head, zero};
    SmallVector<OpFoldResult> sizes = {one, tile.rows, one,
                                       b.getIndexAttr(operands.valueHeadDim)};
    Value block = extractSlice(b, l, args[3], offsets, sizes, {0, 2});
    Value result = tile.build(b, block);
    auto yield = scf::InParallelOp::create(b, l);
    b.setInsertionPointToStart(yield.getBody());
    tensor::ParallelInsertSliceOp::create(
        b, l, result, args[3], offsets, sizes,
        SmallVector<OpFoldResult>(offsets.size(), one));
  };
  auto loop = scf::ForallOp::create(
      builder, loc,
      ArrayRef<OpFoldResult>{operands.numSequences, numHeads, numTiles}, init,
      std::nullopt, body);
  // One tile of keys: the least that such a tile of queries costs.
  loop->setAttr(kWorkAttr, builder.getIndexAttr(
                               tiles.queries * tiles.keys *
                               (operands.headDim + operands.valueHeadDim)));
  return loop.getResult(0);
}
