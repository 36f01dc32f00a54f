//===- AttentionTiles.cpp - attention as loops over tiles -------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See AttentionTiles.h.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptAttentionToVector/AttentionTiles.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::gpt;

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

Value AttentionTileBuilder::index(OpBuilder &b, int64_t value) const {
  return buildIndex(b, loc, value);
}
Value AttentionTileBuilder::add(OpBuilder &b, Value lhs, Value rhs) const {
  return b.createOrFold<arith::AddIOp>(loc, lhs, rhs);
}
Value AttentionTileBuilder::add(OpBuilder &b, Value lhs, int64_t rhs) const {
  return add(b, lhs, index(b, rhs));
}
Value AttentionTileBuilder::sub(OpBuilder &b, Value lhs, Value rhs) const {
  return b.createOrFold<arith::SubIOp>(loc, lhs, rhs);
}
Value AttentionTileBuilder::min(OpBuilder &b, Value lhs, Value rhs) const {
  return b.createOrFold<arith::MinSIOp>(loc, lhs, rhs);
}
Value AttentionTileBuilder::max(OpBuilder &b, Value lhs, Value rhs) const {
  return b.createOrFold<arith::MaxSIOp>(loc, lhs, rhs);
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

VectorType AttentionTileBuilder::vectorType(ArrayRef<int64_t> shape,
                                            Type element) const {
  return VectorType::get(shape, element);
}

Value AttentionTileBuilder::splat(OpBuilder &b, ArrayRef<int64_t> shape,
                                  double value) const {
  TypedAttr scalar = b.getF32FloatAttr(static_cast<float>(value));
  if (shape.empty())
    return arith::ConstantOp::create(b, loc, scalar);
  return arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(vectorType(shape, b.getF32Type()),
                             Attribute(scalar)));
}

Value AttentionTileBuilder::broadcast(OpBuilder &b, ArrayRef<int64_t> shape,
                                      Value value) const {
  VectorType type = vectorType(shape, getElementTypeOrSelf(value));
  return vector::BroadcastOp::create(b, loc, type, value);
}

Value AttentionTileBuilder::mul(OpBuilder &b, Value lhs, Value rhs) const {
  return arith::MulFOp::create(b, loc, lhs, rhs,
                               arith::FastMathFlags::contract);
}

Value AttentionTileBuilder::addf(OpBuilder &b, Value lhs, Value rhs) const {
  return arith::AddFOp::create(b, loc, lhs, rhs,
                               arith::FastMathFlags::contract);
}

Value AttentionTileBuilder::expOf(OpBuilder &b, Value x, Value limit) const {
  return math::ExpOp::create(b, loc, arith::SubFOp::create(b, loc, x, limit));
}

static ArrayRef<int64_t> getShape(Value value) {
  auto type = dyn_cast<VectorType>(value.getType());
  return type ? type.getShape() : ArrayRef<int64_t>();
}

Value AttentionTileBuilder::finite(OpBuilder &b, Value limit) const {
  Value hidden = splat(b, getShape(limit), kHidden);
  Value none =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, limit, hidden);
  return arith::SelectOp::create(b, loc, none, splat(b, getShape(limit), 0.0),
                                 limit);
}

Value AttentionTileBuilder::greater(OpBuilder &b, Value limit,
                                    Value candidate) const {
  Value above = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT,
                                      candidate, limit);
  return arith::SelectOp::create(b, loc, above, candidate, limit);
}

Value AttentionTileBuilder::convert(OpBuilder &b, Value value,
                                    Type element) const {
  Type from = getElementTypeOrSelf(value);
  if (from == element)
    return value;
  Type type = element;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(element);
  if (from.getIntOrFloatBitWidth() < element.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(b, loc, type, value);
  return arith::TruncFOp::create(b, loc, type, value);
}

Value AttentionTileBuilder::readStored(OpBuilder &b, Value tensor,
                                       ValueRange indices,
                                       ArrayRef<int64_t> shape,
                                       Value mask) const {
  RankedTensorType source = getTensorType(tensor);
  Type element = source.getElementType();
  VectorType type = vectorType(shape, element);
  AffineMap map = AffineMap::getMinorIdentityMap(source.getRank(), shape.size(),
                                                 b.getContext());
  Value padding = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  return vector::TransferReadOp::create(
      b, loc, type, tensor, indices, AffineMapAttr::get(map), padding, mask,
      b.getBoolArrayAttr(SmallVector<bool>(shape.size(), true)));
}

Value AttentionTileBuilder::read(OpBuilder &b, Value tensor, ValueRange indices,
                                 ArrayRef<int64_t> shape, Value mask) const {
  return convert(b, readStored(b, tensor, indices, shape, mask),
                 b.getF32Type());
}

Value AttentionTileBuilder::write(OpBuilder &b, Value vector, Value tensor,
                                  ValueRange indices, Value mask) const {
  RankedTensorType dest = getTensorType(tensor);
  vector = convert(b, vector, dest.getElementType());
  unsigned rank = cast<VectorType>(vector.getType()).getRank();
  AffineMap map =
      AffineMap::getMinorIdentityMap(dest.getRank(), rank, b.getContext());
  return vector::TransferWriteOp::create(
             b, loc, vector, tensor, indices, AffineMapAttr::get(map), mask,
             b.getBoolArrayAttr(SmallVector<bool>(rank, true)))
      .getResult();
}

Value AttentionTileBuilder::prefixMask(OpBuilder &b, ArrayRef<int64_t> shape,
                                       ValueRange sizes) const {
  return vector::CreateMaskOp::create(b, loc, vectorType(shape, b.getI1Type()),
                                      sizes);
}

//===----------------------------------------------------------------------===//
// Tensors and loops
//===----------------------------------------------------------------------===//

Value AttentionTileBuilder::emptyTensor(OpBuilder &b,
                                        ArrayRef<OpFoldResult> sizes) const {
  return buildEmpty(b, loc, sizes, b.getF32Type());
}

Value AttentionTileBuilder::emptyTensor(OpBuilder &b,
                                        ArrayRef<int64_t> sizes) const {
  return emptyTensor(b, getAsIndexOpFoldResult(b.getContext(), sizes));
}

SmallVector<Value> AttentionTileBuilder::buildLoop(
    OpBuilder &b, Value begin, Value end, int64_t step, ValueRange carried,
    function_ref<SmallVector<Value>(OpBuilder &, Value, ValueRange)> body)
    const {
  auto loop = scf::ForOp::create(
      b, loc, begin, end, index(b, step), carried,
      [&](OpBuilder &nested, Location l, Value at, ValueRange values) {
        scf::YieldOp::create(nested, l, body(nested, at, values));
      });
  return llvm::to_vector_of<Value>(loop.getResults());
}

SmallVector<Value> AttentionTileBuilder::buildSteps(
    OpBuilder &b, int64_t size, int64_t step, ValueRange carried,
    function_ref<SmallVector<Value>(OpBuilder &, Value, int64_t, ValueRange)>
        body) const {
  SmallVector<Value> values(carried);
  int64_t whole = size - size % step;
  if (whole > 0)
    values = buildLoop(b, index(b, 0), index(b, whole), step, values,
                       [&](OpBuilder &nested, Value at, ValueRange inner) {
                         return body(nested, at, step, inner);
                       });
  if (whole < size)
    values = body(b, index(b, whole), size - whole, values);
  return values;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

SmallVector<Value> AttentionTileBuilder::keyIndices(Value batch, Value kvHead,
                                                    Value key,
                                                    Value feature) const {
  if (operands.keysBeforeHeads)
    return {batch, key, kvHead, feature};
  return {batch, kvHead, key, feature};
}

Value AttentionTileBuilder::buildFirstPosition(OpBuilder &b,
                                               Value batch) const {
  if (operands.caches)
    return operands.caches->buildPosition(b, batch);
  if (!operands.causal)
    return {};
  return sub(b, operands.numKeys,
             getValueOrCreateConstantIndexOp(b, loc, operands.numQueries));
}

AttentionTileBuilder::KeyRange
AttentionTileBuilder::buildKeyRange(OpBuilder &b, Value batch, Value row,
                                    Value count) const {
  Value begin = index(b, 0);
  Value first = buildFirstPosition(b, batch);
  if (!first)
    return {begin, operands.numKeys, Value()};
  first = add(b, first, row);
  // Rows in front of the first key see none: the range is empty for them.
  Value end = add(b, first, count);
  if (operands.window)
    begin = max(b, begin, add(b, first, 1 - *operands.window));
  return {begin, end, first};
}

SmallVector<Value> AttentionTileBuilder::maskIndices(OpBuilder &b, Value batch,
                                                     Value head, Value query,
                                                     Value key) const {
  RankedTensorType type = getTensorType(operands.mask);
  Value all[] = {batch, head, query, key};
  SmallVector<Value> indices(ArrayRef(all).take_back(type.getRank()));
  for (auto [dim, at] : llvm::enumerate(indices))
    if (type.getDimSize(dim) == 1)
      at = index(b, 0);
  return indices;
}
