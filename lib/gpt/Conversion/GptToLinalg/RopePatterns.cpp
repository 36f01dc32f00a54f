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
  /// Dimension of size 1 that a slice does not keep.
  SmallVector<unsigned> dropped;
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
  slices.dropped = {4};
  return slices;
}

/// Writes one member of each rotated pair to `target` at `offsets`:
/// `x cos - y sin` of the first member or `y cos + x sin` of the second.
static Value buildMember(OpBuilder &builder, Location loc, bool isFirst,
                         Value x, Value y, Value target,
                         ArrayRef<OpFoldResult> offsets,
                         const PairSlices &slices, const RotationTable &table) {
  AffineMap identity = builder.getMultiDimIdentityMap(4);
  Value init =
      extractSlice(builder, loc, target, offsets, slices.sizes, slices.dropped);
  Value rotated = buildParallel(
      builder, loc,
      {{x, identity},
       {y, identity},
       {table.cosines, table.map},
       {table.sines, table.map}},
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
  Value x = extractSlice(builder, loc, source, slices.firstOffsets,
                         slices.sizes, slices.dropped);
  Value y = extractSlice(builder, loc, source, slices.secondOffsets,
                         slices.sizes, slices.dropped);
  target = buildMember(builder, loc, /*isFirst=*/true, x, y, target,
                       slices.firstOffsets, slices, table);
  return buildMember(builder, loc, /*isFirst=*/false, x, y, target,
                     slices.secondOffsets, slices, table);
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
    bool interleaved = op.getStyle() == RopeStyle::Interleaved;
    if (interleaved && headDim % 2 != 0)
      return op.emitOpError("cannot be converted to linalg: interleaved pairs "
                            "need an even head dimension, got ")
             << headDim;

    RotationTable table = buildTable(builder, loc, op, adaptor.getInput(),
                                     adaptor.getPositions());
    SmallVector<int64_t> split = {numHeads, headDim};
    if (interleaved)
      split = {numHeads, headDim / 2, 2};
    Value source = splitLastDim(builder, loc, adaptor.getInput(), split);
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(builder, loc, source);
    Value target =
        buildEmpty(builder, loc, sizes, getTensorType(source).getElementType());

    // Features that are not rotated.
    int64_t perStep = interleaved ? 2 : 1;
    int64_t numRotated = 2 * numPairs / perStep;
    if (2 * numPairs < headDim) {
      SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0));
      SmallVector<OpFoldResult> restSizes(sizes);
      offsets[3] = builder.getIndexAttr(numRotated);
      restSizes[3] = builder.getIndexAttr(headDim / perStep - numRotated);
      Value rest = extractSlice(builder, loc, source, offsets, restSizes);
      target = insertSlice(builder, loc, rest, target, offsets, restSizes);
    }
    PairSlices slices = getPairSlices(builder, op.getStyle(), sizes, numPairs);
    Value rotated = buildRotation(builder, loc, source, target, slices, table);
    results.push_back(mergeLastDims(builder, loc, rotated, split.size()));
    return success();
  }
};

} // namespace

void gpt::populateRopeToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<RopeLowering>(patterns.getContext());
}
