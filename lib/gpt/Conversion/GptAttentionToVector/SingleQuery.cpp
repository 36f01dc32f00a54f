//===- SingleQuery.cpp - attention of one query -----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A sequence with one new token reads all its keys and values once: time is
// that of the memory. The features of a key are in the lanes of vectors, and
// all query heads of a kv head use a key while it is in registers.
//
// The keys of a sequence are cut into parts of a fixed number of keys, so that
// few heads with a long past keep all threads busy. Each part has its own
// greatest score, sum of weights and weighted sum of values; a second loop
// merges them, in order: no result depends on the number of threads.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptAttentionToVector/AttentionTiles.h"

#include "gpt/GptParallel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::gpt;

namespace {

/// Builds the loop over parts and the one that merges them.
class SingleQueryBuilder : public AttentionTileBuilder {
public:
  using AttentionTileBuilder::AttentionTileBuilder;

  Value build(OpBuilder &b, Value init);

private:
  /// Results of the parts of all sequences and kv heads: [batch, kv head, part,
  /// query head of the group (, feature)].
  struct Parts {
    Value limits, totals, sums;
  };
  /// The keys [begin, begin + size) of one sequence and kv head. Without any,
  /// the size is 0 or less.
  struct Part {
    Value batch, kvHead, begin, size;
  };
  /// The weights of the keys of a part, [query head of the group, key], with
  /// the greatest score and the sum of weights of one of these heads.
  struct Weights {
    Value weights, limit, total;
  };

  /// The features of a vector from `block` on: fewer than lanes for the last.
  int64_t countFeatures(int64_t dim, int64_t block) const {
    return std::min(tiles.vector, dim - block);
  }
  /// Reads one vector of features; the last may be masked.
  Value readFeatures(OpBuilder &b, Value tensor, ValueRange indices,
                     int64_t count) const;

  /// The number of parts that so many keys have at most.
  Value buildNumParts(OpBuilder &b, Value numKeys);
  /// The greatest number of keys of a sequence.
  Value buildLongest(OpBuilder &b);
  Parts buildParts(OpBuilder &b, Value numParts);
  /// The scores of a part, [query head of the group, key].
  Value buildScores(OpBuilder &b, const Part &part);
  /// Replaces the scores of one query head of the group by weights.
  Weights buildWeights(OpBuilder &b, const Part &part, Value scores,
                       int64_t head);
  /// Writes the weighted sums of values of a part, [query head, feature].
  Value buildSums(OpBuilder &b, const Part &part, Value weights, Value sums);
  /// The result of all parts, normalised.
  Value buildMerge(OpBuilder &b, Value numParts, const Parts &parts,
                   Value init);

  int64_t group() const { return operands.getGroupSize(); }
  int64_t paddedFeatures() const {
    return llvm::alignTo(operands.valueHeadDim, tiles.vector);
  }
};

} // namespace

Value SingleQueryBuilder::readFeatures(OpBuilder &b, Value tensor,
                                       ValueRange indices,
                                       int64_t count) const {
  Value mask;
  if (count < tiles.vector)
    mask = prefixMask(b, {tiles.vector}, index(b, count));
  return read(b, tensor, indices, {tiles.vector}, mask);
}

Value SingleQueryBuilder::buildNumParts(OpBuilder &b, Value numKeys) {
  if (operands.window)
    numKeys = min(b, numKeys, index(b, *operands.window));
  return b.createOrFold<arith::CeilDivSIOp>(loc, numKeys, index(b, tiles.part));
}

Value SingleQueryBuilder::buildLongest(OpBuilder &b) {
  if (!operands.caches)
    return operands.numKeys;
  auto longer = [&](OpBuilder &nested, Value batch,
                    ValueRange carried) -> SmallVector<Value> {
    Value length = add(nested, buildFirstPosition(nested, batch), 1);
    return {max(nested, carried[0], length)};
  };
  return buildLoop(b, index(b, 0), operands.numSequences, 1, index(b, 0),
                   longer)
      .front();
}

Value SingleQueryBuilder::buildScores(OpBuilder &b, const Part &part) {
  Value scores = emptyTensor(b, {group(), tiles.part});
  Value zero = index(b, 0);
  int64_t step = tiles.vector;
  // The queries do not change: they are read in front of the loop.
  SmallVector<SmallVector<Value>> queries(group());
  SmallVector<Value> heads;
  for (int64_t head = 0; head < group(); ++head) {
    Value at = add(
        b, b.createOrFold<arith::MulIOp>(loc, part.kvHead, index(b, group())),
        head);
    heads.push_back(at);
    for (int64_t block = 0; block < operands.headDim; block += step)
      queries[head].push_back(readFeatures(
          b, operands.query, {part.batch, zero, at, index(b, block)},
          countFeatures(operands.headDim, block)));
  }
  auto score = [&](OpBuilder &nested, Value at,
                   ValueRange carried) -> SmallVector<Value> {
    Value key = add(nested, part.begin, at);
    SmallVector<Value> sums(group(), splat(nested, {step}, 0.0));
    for (int64_t block = 0; block < operands.headDim; block += step) {
      Value features = readFeatures(
          nested, operands.key,
          keyIndices(part.batch, part.kvHead, key, index(nested, block)),
          countFeatures(operands.headDim, block));
      for (int64_t head = 0; head < group(); ++head)
        sums[head] = addf(nested, sums[head],
                          mul(nested, queries[head][block / step], features));
    }
    Value result = carried[0];
    for (int64_t head = 0; head < group(); ++head) {
      Value sum = vector::ReductionOp::create(
          nested, loc, vector::CombiningKind::ADD, sums[head],
          arith::FastMathFlags::reassoc);
      sum = mul(nested, sum, splat(nested, {}, operands.scale));
      if (operands.mask)
        sum = addf(nested, sum,
                   convert(nested,
                           tensor::ExtractOp::create(
                               nested, loc, operands.mask,
                               maskIndices(nested, part.batch, heads[head],
                                           zero, key)),
                           nested.getF32Type()));
      result = tensor::InsertOp::create(nested, loc, sum, result,
                                        {index(nested, head), at});
    }
    return {result};
  };
  return buildLoop(b, zero, part.size, 1, scores, score).front();
}

SingleQueryBuilder::Weights SingleQueryBuilder::buildWeights(OpBuilder &b,
                                                             const Part &part,
                                                             Value scores,
                                                             int64_t head) {
  int64_t step = tiles.vector;
  Value zero = index(b, 0), row = index(b, head);
  Value hidden = splat(b, {step}, kHidden);
  auto readScores = [&](OpBuilder &nested, Value from, Value at) {
    Value present = prefixMask(nested, {step}, sub(nested, part.size, at));
    Value read = this->read(nested, from, {row, at}, {step});
    return arith::SelectOp::create(nested, loc, present, read, hidden)
        .getResult();
  };
  Value limits = buildLoop(b, zero, part.size, step, hidden,
                           [&](OpBuilder &nested, Value at,
                               ValueRange carried) -> SmallVector<Value> {
                             return {greater(nested, carried[0],
                                             readScores(nested, scores, at))};
                           })
                     .front();
  Value limit = vector::ReductionOp::create(
      b, loc, vector::CombiningKind::MAXNUMF, limits);
  Value bound = broadcast(b, {step}, finite(b, limit));
  SmallVector<Value> weighed =
      buildLoop(b, zero, part.size, step, {scores, splat(b, {step}, 0.0)},
                [&](OpBuilder &nested, Value at,
                    ValueRange carried) -> SmallVector<Value> {
                  Value weight =
                      expOf(nested, readScores(nested, carried[0], at), bound);
                  return {write(nested, weight, carried[0], {row, at}),
                          addf(nested, carried[1], weight)};
                });
  Value total =
      vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD,
                                  weighed[1], arith::FastMathFlags::reassoc);
  return {weighed[0], limit, total};
}

Value SingleQueryBuilder::buildSums(OpBuilder &b, const Part &part,
                                    Value weights, Value sums) {
  int64_t step = tiles.vector;
  // As many features at a time as registers hold the sums of, which are those
  // that hold the sums of many queries.
  int64_t registers = tiles.rows * tiles.queries / step;
  int64_t width = std::max<int64_t>(1, registers / group()) * step;
  for (int64_t first = 0; first < operands.valueHeadDim; first += width) {
    int64_t last = std::min(first + width, operands.valueHeadDim);
    int64_t blocks = llvm::divideCeil(last - first, step);
    auto accumulate = [&](OpBuilder &nested, Value at,
                          ValueRange carried) -> SmallVector<Value> {
      Value key = add(nested, part.begin, at);
      SmallVector<Value> next(carried);
      SmallVector<Value> scale;
      for (int64_t head = 0; head < group(); ++head) {
        Value weight = tensor::ExtractOp::create(
            nested, loc, weights, ValueRange{index(nested, head), at});
        scale.push_back(broadcast(nested, {step}, weight));
      }
      for (int64_t block = 0; block < blocks; ++block) {
        int64_t feature = first + block * step;
        Value features = readFeatures(
            nested, operands.value,
            keyIndices(part.batch, part.kvHead, key, index(nested, feature)),
            countFeatures(operands.valueHeadDim, feature));
        for (int64_t head = 0; head < group(); ++head) {
          Value &sum = next[head * blocks + block];
          sum = addf(nested, sum, mul(nested, scale[head], features));
        }
      }
      return next;
    };
    SmallVector<Value> zeros(group() * blocks, splat(b, {step}, 0.0));
    SmallVector<Value> results =
        buildLoop(b, index(b, 0), part.size, 1, zeros, accumulate);
    for (int64_t head = 0; head < group(); ++head)
      for (int64_t block = 0; block < blocks; ++block)
        sums = write(b, results[head * blocks + block], sums,
                     {index(b, head), index(b, first + block * step)});
  }
  return sums;
}

SingleQueryBuilder::Parts SingleQueryBuilder::buildParts(OpBuilder &b,
                                                         Value numParts) {
  OpFoldResult kvHeads = b.getIndexAttr(operands.numKvHeads);
  OpFoldResult groupSize = b.getIndexAttr(group());
  // Room for all that shapes allow: the memory plan knows these, but not what
  // is in `positions`.
  Value capacity =
      operands.caches ? operands.caches->capacity : operands.numKeys;
  SmallVector<OpFoldResult> sizes = {
      tensor::getMixedSize(b, loc, operands.query, 0), kvHeads,
      getAsOpFoldResult(buildNumParts(b, capacity)), groupSize};
  Value limits = emptyTensor(b, sizes);
  Value totals = emptyTensor(b, sizes);
  sizes.push_back(b.getIndexAttr(paddedFeatures()));
  Value sums = emptyTensor(b, sizes);
  auto body = [&](OpBuilder &nested, Location l, ValueRange args) {
    OpFoldResult zero = nested.getIndexAttr(0), one = nested.getIndexAttr(1);
    SmallVector<OpFoldResult> offsets = {args[0], args[1], args[2], zero};
    SmallVector<OpFoldResult> extents = {one, one, one, groupSize};
    Value limit = extractSlice(nested, l, args[3], offsets, extents, {0, 1, 2});
    Value total = extractSlice(nested, l, args[4], offsets, extents, {0, 1, 2});
    SmallVector<OpFoldResult> allOffsets(offsets), allExtents(extents);
    allOffsets.push_back(zero);
    allExtents.push_back(nested.getIndexAttr(paddedFeatures()));
    Value sum =
        extractSlice(nested, l, args[5], allOffsets, allExtents, {0, 1, 2});

    KeyRange range =
        buildKeyRange(nested, args[0], index(nested, 0), index(nested, 1));
    Value begin = add(nested, range.begin,
                      nested.createOrFold<arith::MulIOp>(
                          l, args[2], index(nested, tiles.part)));
    Value size =
        min(nested, index(nested, tiles.part), sub(nested, range.end, begin));
    Part part{args[0], args[1], begin, size};
    Value weights = buildScores(nested, part);
    for (int64_t head = 0; head < group(); ++head) {
      Weights weighed = buildWeights(nested, part, weights, head);
      weights = weighed.weights;
      Value at = index(nested, head);
      limit = tensor::InsertOp::create(nested, l, weighed.limit, limit, at);
      total = tensor::InsertOp::create(nested, l, weighed.total, total, at);
    }
    sum = buildSums(nested, part, weights, sum);

    auto yield = scf::InParallelOp::create(nested, l);
    nested.setInsertionPointToStart(yield.getBody());
    auto insert = [&](Value slice, Value tensor,
                      ArrayRef<OpFoldResult> sliceOffsets,
                      ArrayRef<OpFoldResult> sliceSizes) {
      tensor::ParallelInsertSliceOp::create(
          nested, l, slice, tensor, sliceOffsets, sliceSizes,
          SmallVector<OpFoldResult>(sliceOffsets.size(), one));
    };
    insert(limit, args[3], offsets, extents);
    insert(total, args[4], offsets, extents);
    insert(sum, args[5], allOffsets, allExtents);
  };
  auto loop = scf::ForallOp::create(
      b, loc, ArrayRef<OpFoldResult>{operands.numSequences, kvHeads, numParts},
      ValueRange{limits, totals, sums}, std::nullopt, body);
  // The last part of each sequence is half full on the average.
  loop->setAttr(kWorkAttr,
                b.getIndexAttr(tiles.part / 2 * group() *
                               (operands.headDim + operands.valueHeadDim)));
  return {loop.getResult(0), loop.getResult(1), loop.getResult(2)};
}

Value SingleQueryBuilder::buildMerge(OpBuilder &b, Value numParts,
                                     const Parts &parts, Value init) {
  int64_t step = tiles.vector;
  int64_t blocks = paddedFeatures() / step;
  auto body = [&](OpBuilder &nested, Location l, ValueRange args) {
    Value zero = index(nested, 0);
    Value kvHead =
        nested.createOrFold<arith::DivUIOp>(l, args[1], index(nested, group()));
    Value inGroup =
        nested.createOrFold<arith::RemUIOp>(l, args[1], index(nested, group()));
    auto extract = [&](OpBuilder &inner, Value from, Value part) -> Value {
      return tensor::ExtractOp::create(
          inner, l, from, ValueRange{args[0], kvHead, part, inGroup});
    };
    Value limit =
        buildLoop(nested, zero, numParts, 1, splat(nested, {}, kHidden),
                  [&](OpBuilder &inner, Value part,
                      ValueRange carried) -> SmallVector<Value> {
                    return {greater(inner, carried[0],
                                    extract(inner, parts.limits, part))};
                  })
            .front();
    limit = finite(nested, limit);
    SmallVector<Value> zeros(blocks, splat(nested, {step}, 0.0));
    zeros.push_back(splat(nested, {}, 0.0));
    SmallVector<Value> merged = buildLoop(
        nested, zero, numParts, 1, zeros,
        [&](OpBuilder &inner, Value part,
            ValueRange carried) -> SmallVector<Value> {
          Value weight =
              expOf(inner, extract(inner, parts.limits, part), limit);
          Value lanes = broadcast(inner, {step}, weight);
          SmallVector<Value> next;
          for (int64_t block = 0; block < blocks; ++block) {
            Value sum = read(
                inner, parts.sums,
                {args[0], kvHead, part, inGroup, index(inner, block * step)},
                {step});
            next.push_back(addf(inner, carried[block], mul(inner, lanes, sum)));
          }
          next.push_back(
              addf(inner, carried.back(),
                   mul(inner, weight, extract(inner, parts.totals, part))));
          return next;
        });
    Value total = broadcast(nested, {step}, merged.back());
    OpFoldResult nought = nested.getIndexAttr(0), one = nested.getIndexAttr(1);
    SmallVector<OpFoldResult> offsets = {args[0], nought, args[1], nought};
    SmallVector<OpFoldResult> sizes = {
        one, one, one, nested.getIndexAttr(operands.valueHeadDim)};
    Value result = extractSlice(nested, l, args[2], offsets, sizes, {0, 1, 2});
    for (int64_t block = 0; block < blocks; ++block) {
      int64_t count = countFeatures(operands.valueHeadDim, block * step);
      Value mask;
      if (count < step)
        mask = prefixMask(nested, {step}, index(nested, count));
      Value value = arith::DivFOp::create(nested, l, merged[block], total);
      result = write(nested, value, result, index(nested, block * step), mask);
    }
    auto yield = scf::InParallelOp::create(nested, l);
    nested.setInsertionPointToStart(yield.getBody());
    tensor::ParallelInsertSliceOp::create(
        nested, l, result, args[2], offsets, sizes,
        SmallVector<OpFoldResult>(offsets.size(), one));
  };
  auto loop = scf::ForallOp::create(
      b, loc,
      ArrayRef<OpFoldResult>{operands.numSequences,
                             b.getIndexAttr(operands.numHeads)},
      init, std::nullopt, body);
  loop->setAttr(kWorkAttr, b.getIndexAttr(operands.valueHeadDim));
  return loop.getResult(0);
}

Value SingleQueryBuilder::build(OpBuilder &b, Value init) {
  Value numParts = buildNumParts(b, buildLongest(b));
  Parts parts = buildParts(b, numParts);
  return buildMerge(b, numParts, parts, init);
}

Value gpt::buildSingleQuery(OpBuilder &builder, Location loc,
                            const AttentionOperands &operands,
                            const AttentionTileSizes &tiles, Value init) {
  return SingleQueryBuilder(loc, operands, tiles).build(builder, init);
}
