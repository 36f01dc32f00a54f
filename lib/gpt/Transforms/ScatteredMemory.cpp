//===- ScatteredMemory.cpp - Vectors of elements that are apart -*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops on vectors want memory whose last dimension is contiguous, so everything
// here is on a view with one dimension and indices are computed.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/ScatteredMemory.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::gpt;

/// The greatest distance for which the elements between are read, too: a gather
/// takes about as long as that many loads.
static constexpr int64_t kMostDense = 4;

static Value buildIndex(ImplicitLocOpBuilder &builder, int64_t value) {
  return arith::ConstantIndexOp::create(builder, value);
}

static Value toValue(ImplicitLocOpBuilder &builder, OpFoldResult value) {
  return getValueOrCreateConstantIndexOp(builder, builder.getLoc(), value);
}

/// A scalar index in all lanes.
static Value broadcast(ImplicitLocOpBuilder &builder, Value scalar,
                       int64_t count) {
  return vector::BroadcastOp::create(
      builder, VectorType::get(count, builder.getIndexType()), scalar);
}

static Value buildMask(ImplicitLocOpBuilder &builder,
                       const ScatteredLanes &lanes) {
  auto type = VectorType::get(lanes.count, builder.getI1Type());
  if (lanes.present)
    return vector::CreateMaskOp::create(builder, type, lanes.present);
  return arith::ConstantOp::create(builder, DenseElementsAttr::get(type, true));
}

/// How far the places of `lanes` are from the first one.
static Value buildDistances(ImplicitLocOpBuilder &builder,
                            const ScatteredLanes &lanes) {
  Value steps = vector::StepOp::create(
      builder, VectorType::get(lanes.count, builder.getIndexType()));
  return arith::MulIOp::create(
      builder, steps,
      broadcast(builder, toValue(builder, lanes.stride), lanes.count));
}

/// The distance of lanes if elements between them are accessed with them.
static std::optional<int64_t> getDenseStride(const ScatteredLanes &lanes) {
  std::optional<int64_t> stride = getConstantIntValue(lanes.stride);
  if (!stride || *stride < 2 || *stride > kMostDense)
    return std::nullopt;
  return stride;
}

/// Of `count * stride` neighbours, those that are lanes.
static Value buildDenseMask(ImplicitLocOpBuilder &builder,
                            const ScatteredLanes &lanes, int64_t stride) {
  auto type = VectorType::get(lanes.count * stride, builder.getI1Type());
  SmallVector<bool> isLane;
  for (int64_t element = 0; element < type.getNumElements(); ++element)
    isLane.push_back(element % stride == 0);
  Value mask =
      arith::ConstantOp::create(builder, DenseElementsAttr::get(type, isLane));
  if (!lanes.present)
    return mask;
  Value elements = arith::MulIOp::create(builder, lanes.present,
                                         buildIndex(builder, stride));
  return arith::AndIOp::create(
      builder, mask, vector::CreateMaskOp::create(builder, type, elements));
}

ScatteredMemory::ScatteredMemory(ImplicitLocOpBuilder &builder, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  auto metadata = memref::ExtractStridedMetadataOp::create(builder, memref);
  strides = metadata.getConstifiedMixedStrides();
  // Up to the last element.
  Value size = buildIndex(builder, 1);
  for (auto [extent, stride] :
       llvm::zip(metadata.getConstifiedMixedSizes(), strides)) {
    Value steps = builder.createOrFold<arith::SubIOp>(toValue(builder, extent),
                                                      buildIndex(builder, 1));
    size = builder.createOrFold<arith::AddIOp>(
        size,
        builder.createOrFold<arith::MulIOp>(steps, toValue(builder, stride)));
  }
  auto flatType = MemRefType::get(
      ShapedType::kDynamic, type.getElementType(),
      StridedLayoutAttr::get(builder.getContext(), ShapedType::kDynamic, 1),
      type.getMemorySpace());
  OpFoldResult one = builder.getIndexAttr(1);
  flat = memref::ReinterpretCastOp::create(
      builder, flatType, metadata.getBaseBuffer(),
      OpFoldResult(metadata.getOffset()), ArrayRef<OpFoldResult>{size},
      ArrayRef<OpFoldResult>{one});
}

Type ScatteredMemory::getElementType() const {
  return cast<MemRefType>(flat.getType()).getElementType();
}

Value ScatteredMemory::getPlace(ImplicitLocOpBuilder &builder,
                                ValueRange indices) const {
  Value place = buildIndex(builder, 0);
  for (auto [index, stride] : llvm::zip_equal(indices, strides)) {
    Value factor = toValue(builder, stride);
    if (auto type = dyn_cast<VectorType>(index.getType())) {
      factor = broadcast(builder, factor, type.getNumElements());
      if (!isa<VectorType>(place.getType()))
        place = broadcast(builder, place, type.getNumElements());
    }
    Value term = builder.createOrFold<arith::MulIOp>(index, factor);
    if (auto type = dyn_cast<VectorType>(place.getType());
        type && !isa<VectorType>(term.getType()))
      term = broadcast(builder, term, type.getNumElements());
    place = builder.createOrFold<arith::AddIOp>(place, term);
  }
  return place;
}

Value ScatteredMemory::read(ImplicitLocOpBuilder &builder,
                            const ScatteredLanes &lanes) const {
  std::optional<int64_t> stride = getDenseStride(lanes);
  auto type =
      VectorType::get(lanes.count * stride.value_or(1), getElementType());
  Value zeros = arith::ConstantOp::create(builder, builder.getZeroAttr(type));
  if (!stride)
    return vector::GatherOp::create(builder, type, flat, lanes.first,
                                    buildDistances(builder, lanes),
                                    buildMask(builder, lanes), zeros);
  Value dense = vector::MaskedLoadOp::create(
      builder, type, flat, lanes.first, buildDenseMask(builder, lanes, *stride),
      zeros);
  SmallVector<int64_t> chosen;
  for (int64_t lane = 0; lane < lanes.count; ++lane)
    chosen.push_back(lane * *stride);
  return vector::ShuffleOp::create(builder, dense, dense, chosen);
}

void ScatteredMemory::write(ImplicitLocOpBuilder &builder, Value vector,
                            const ScatteredLanes &lanes) const {
  std::optional<int64_t> stride = getDenseStride(lanes);
  if (!stride) {
    vector::ScatterOp::create(builder, /*resultType=*/Type(), flat, lanes.first,
                              buildDistances(builder, lanes),
                              buildMask(builder, lanes), vector);
    return;
  }
  SmallVector<int64_t> sources;
  for (int64_t element = 0; element < lanes.count * *stride; ++element)
    sources.push_back(element / *stride);
  Value spread = vector::ShuffleOp::create(builder, vector, vector, sources);
  vector::MaskedStoreOp::create(builder, flat, lanes.first,
                                buildDenseMask(builder, lanes, *stride),
                                spread);
}

Value ScatteredMemory::gather(ImplicitLocOpBuilder &builder, Value places,
                              Value mask) const {
  int64_t count = cast<VectorType>(places.getType()).getNumElements();
  auto type = VectorType::get(count, getElementType());
  if (!mask)
    mask = buildMask(builder, {Value(), OpFoldResult(), count, Value()});
  Value zeros = arith::ConstantOp::create(builder, builder.getZeroAttr(type));
  return vector::GatherOp::create(builder, type, flat, buildIndex(builder, 0),
                                  places, mask, zeros);
}
