//===- RopePatterns.cpp - rope ----------------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cosines and sines are computed once per position and pair; two generics then
// write the first and the second members of the rotated pairs of all heads.
// Each writes a slice of the result, which bufferizes to a view: for half_split
// a half of the rotated features, for interleaved a column of the features seen
// as [.., pair, 2].
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::gpt;

namespace {

/// Cosine and sine of each [sequence,] position and pair; f32.
struct RotationTable {
  Value cosines, sines;
  AffineMap map;
};

/// Where the members of the pairs are in [batch, seq, head, feature...].
struct PairSlices {
  SmallVector<OpFoldResult> firstOffsets, secondOffsets, sizes;
};

} // namespace

/// Yields `cos(p * f)` and `sin(p * f)`.
static void buildAngle(OpBuilder &b, Location loc, ValueRange args,
                       unsigned tokenDim) {
  Value position = linalg::IndexOp::create(b, loc, tokenDim);
  if (args.size() > 3) {
    Value first = arith::IndexCastOp::create(b, loc, b.getIndexType(), args[1]);
    position = arith::AddIOp::create(b, loc, first, position);
  }
  Value integer = arith::IndexCastOp::create(b, loc, b.getI64Type(), position);
  Value real = arith::SIToFPOp::create(b, loc, b.getF32Type(), integer);
  Value angle = arith::MulFOp::create(b, loc, real, args[0]);
  Value cosine = math::CosOp::create(b, loc, angle);
  Value sine = math::SinOp::create(b, loc, angle);
  linalg::YieldOp::create(b, loc, ValueRange{cosine, sine});
}

/// Builds [seq, pair], or [batch, seq, pair] when sequences start at different
/// positions.
static RotationTable buildTable(OpBuilder &builder, Location loc, RopeOp op,
                                Value input, Value positions) {
  SmallVector<float> frequencies = llvm::map_to_vector(
      op.getFrequencies(), [](double f) { return static_cast<float>(f); });
  int64_t numPairs = frequencies.size();
  auto type = RankedTensorType::get({numPairs}, builder.getF32Type());
  Value constant = arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(type, ArrayRef<float>(frequencies)));

  SmallVector<OpFoldResult> sizes;
  if (positions)
    sizes.push_back(tensor::getMixedSize(builder, loc, input, 0));
  sizes.push_back(tensor::getMixedSize(builder, loc, input, 1));
  sizes.push_back(builder.getIndexAttr(numPairs));
  unsigned rank = sizes.size();

  MLIRContext *context = builder.getContext();
  SmallVector<Value> inputs = {constant};
  SmallVector<AffineMap> maps = {getDimsMap(context, rank, {rank - 1})};
  if (positions) {
    inputs.push_back(positions);
    maps.push_back(getDimsMap(context, rank, {0}));
  }
  maps.append(2, builder.getMultiDimIdentityMap(rank));
  Value cosines = buildEmpty(builder, loc, sizes, builder.getF32Type());
  Value sines = buildEmpty(builder, loc, sizes, builder.getF32Type());
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, loc, TypeRange{cosines.getType(), sines.getType()}, inputs,
      ValueRange{cosines, sines}, maps, iterators,
      [&](OpBuilder &b, Location l, ValueRange args) {
        buildAngle(b, l, args, rank - 2);
      });
  AffineMap map = positions ? getDimsMap(context, 4, {0, 1, 3})
                            : getDimsMap(context, 4, {1, 3});
  return {generic.getResult(0), generic.getResult(1), map};
}

/// Locates the members of `numPairs` pairs in a tensor of the given sizes.
static PairSlices getPairSlices(OpBuilder &builder, RopeStyle style,
                                ArrayRef<OpFoldResult> sizes,
                                int64_t numPairs) {
  PairSlices slices;
  slices.sizes.assign(sizes.begin(), sizes.end());
  slices.firstOffsets.assign(sizes.size(), builder.getIndexAttr(0));
  slices.secondOffsets = slices.firstOffsets;
  slices.sizes[3] = builder.getIndexAttr(numPairs);
  if (style == RopeStyle::HalfSplit) {
    slices.secondOffsets[3] = builder.getIndexAttr(numPairs);
    return slices;
  }
  slices.sizes[4] = builder.getIndexAttr(1);
  slices.secondOffsets[4] = builder.getIndexAttr(1);
  return slices;
}

/// Writes one member of each rotated pair to `target` at `offsets`:
/// `x cos - y sin` of the first member or `y cos + x sin` of the second.
static Value buildMember(OpBuilder &builder, Location loc, bool isFirst,
                         Value x, Value y, Value target,
                         ArrayRef<OpFoldResult> offsets,
                         const PairSlices &slices, const RotationTable &table) {
  // The slices keep the dimension of interleaved pairs: of several extents of
  // 1, canonicalization would take another one for that which is dropped.
  unsigned rank = slices.sizes.size();
  AffineMap identity = builder.getMultiDimIdentityMap(rank);
  AffineMap angles =
      AffineMap::get(rank, 0, table.map.getResults(), builder.getContext());
  Value init = extractSlice(builder, loc, target, offsets, slices.sizes);
  Value rotated = buildParallel(
      builder, loc,
      {{x, identity},
       {y, identity},
       {table.cosines, angles},
       {table.sines, angles}},
      init, [&](OpBuilder &b, Location l, ValueRange args) -> Value {
        Value own = isFirst ? args[0] : args[1];
        Value other = isFirst ? args[1] : args[0];
        Value straight = arith::MulFOp::create(b, l, own, args[2]);
        Value crossed = arith::MulFOp::create(b, l, other, args[3]);
        if (isFirst)
          return arith::SubFOp::create(b, l, straight, crossed);
        return arith::AddFOp::create(b, l, straight, crossed);
      });
  return insertSlice(builder, loc, rotated, target, offsets, slices.sizes);
}

/// Rotates the pairs of `source` into `target`, both seen as
/// [batch, seq, head, feature...].
static Value buildRotation(OpBuilder &builder, Location loc, Value source,
                           Value target, const PairSlices &slices,
                           const RotationTable &table) {
  Value x =
      extractSlice(builder, loc, source, slices.firstOffsets, slices.sizes);
  Value y =
      extractSlice(builder, loc, source, slices.secondOffsets, slices.sizes);
  target = buildMember(builder, loc, /*isFirst=*/true, x, y, target,
                       slices.firstOffsets, slices, table);
  return buildMember(builder, loc, /*isFirst=*/false, x, y, target,
                     slices.secondOffsets, slices, table);
}

/// Copies the features from `first` on, counted in the fourth dimension.
static Value buildCopyOfRest(OpBuilder &builder, Location loc, Value source,
                             Value target, int64_t first) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, source);
  int64_t extent = getTensorType(source).getDimSize(3);
  if (first == extent)
    return target;
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0));
  offsets[3] = builder.getIndexAttr(first);
  sizes[3] = builder.getIndexAttr(extent - first);
  Value rest = extractSlice(builder, loc, source, offsets, sizes);
  return insertSlice(builder, loc, rest, target, offsets, sizes);
}

/// An uninitialised tensor like `tensor`.
static Value buildEmptyLike(OpBuilder &builder, Location loc, Value tensor) {
  return buildEmpty(builder, loc, tensor::getMixedSizes(builder, loc, tensor),
                    getTensorType(tensor).getElementType());
}

/// Rotates all pairs of `source`, seen as [batch, seq, head, feature] or, for
/// interleaved pairs, as [batch, seq, head, pair, 2].
static Value buildRotated(OpBuilder &builder, Location loc, Value source,
                          RopeStyle style, int64_t numPairs,
                          const RotationTable &table) {
  Value target = buildEmptyLike(builder, loc, source);
  bool columns = style == RopeStyle::Interleaved;
  target = buildCopyOfRest(builder, loc, source, target,
                           columns ? numPairs : 2 * numPairs);
  PairSlices slices = getPairSlices(
      builder, style, tensor::getMixedSizes(builder, loc, source), numPairs);
  return buildRotation(builder, loc, source, target, slices, table);
}

/// Interleaved pairs of a head with an odd number of features, which cannot be
/// seen as pairs as a whole: the pairs are rotated on their own and then put
/// beside the rest.
static Value buildOddInterleaved(OpBuilder &builder, Location loc, Value heads,
                                 int64_t numPairs, const RotationTable &table) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, heads);
  SmallVector<OpFoldResult> offsets(4, builder.getIndexAttr(0));
  sizes[3] = builder.getIndexAttr(2 * numPairs);
  Value pairs = extractSlice(builder, loc, heads, offsets, sizes);
  pairs = splitLastDim(builder, loc, pairs, {numPairs, 2});
  Value rotated = buildRotated(builder, loc, pairs, RopeStyle::Interleaved,
                               numPairs, table);
  rotated = mergeLastDims(builder, loc, rotated, 2);
  Value target = buildEmptyLike(builder, loc, heads);
  target = buildCopyOfRest(builder, loc, heads, target, 2 * numPairs);
  return insertSlice(builder, loc, rotated, target, offsets, sizes);
}

namespace {

struct RopeLowering final : public LoweringPattern<RopeOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(RopeOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    int64_t numHeads = op.getNumHeads();
    int64_t headDim = op.getHeadDim();
    int64_t numPairs = op.getEffectiveRotaryDims() / 2;
    RotationTable table = buildTable(builder, loc, op, adaptor.getInput(),
                                     adaptor.getPositions());

    if (op.getStyle() == RopeStyle::Interleaved && headDim % 2 != 0) {
      Value heads =
          splitLastDim(builder, loc, adaptor.getInput(), {numHeads, headDim});
      Value rotated = buildOddInterleaved(builder, loc, heads, numPairs, table);
      results.push_back(mergeLastDims(builder, loc, rotated, 2));
      return success();
    }

    SmallVector<int64_t> split = {numHeads, headDim};
    if (op.getStyle() == RopeStyle::Interleaved)
      split = {numHeads, headDim / 2, 2};
    Value source = splitLastDim(builder, loc, adaptor.getInput(), split);
    Value rotated =
        buildRotated(builder, loc, source, op.getStyle(), numPairs, table);
    results.push_back(mergeLastDims(builder, loc, rotated, split.size()));
    return success();
  }
};

} // namespace

void gpt::populateRopeToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<RopeLowering>(patterns.getContext());
}
