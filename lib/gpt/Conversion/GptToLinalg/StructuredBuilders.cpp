//===- StructuredBuilders.cpp - structured ops of all patterns --*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See StructuredBuilders.h. A result that replaces an operand element by
// element has that operand as its init too: one-shot bufferization then needs
// no second buffer. The body reads the input and never the init, as fusion
// expects.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/StructuredBuilders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"

using namespace mlir;
using namespace mlir::gpt;

RankedTensorType gpt::getTensorType(Value tensor) {
  return cast<RankedTensorType>(tensor.getType());
}

AffineMap gpt::getDimsMap(MLIRContext *context, unsigned rank,
                          ArrayRef<unsigned> dims) {
  SmallVector<AffineExpr> exprs = llvm::map_to_vector(
      dims, [&](unsigned dim) { return getAffineDimExpr(dim, context); });
  return AffineMap::get(rank, 0, exprs, context);
}

SmallVector<unsigned> gpt::getDimRange(unsigned begin, unsigned end) {
  return llvm::to_vector(llvm::seq(begin, end));
}

AffineMap gpt::getBroadcastMap(RankedTensorType type,
                               ArrayRef<OpFoldResult> sizes) {
  MLIRContext *context = type.getContext();
  unsigned missing = sizes.size() - type.getRank();
  SmallVector<AffineExpr> exprs;
  for (auto [dim, extent] : llvm::enumerate(type.getShape())) {
    bool repeated = extent == 1 && !isOneInteger(sizes[missing + dim]);
    exprs.push_back(repeated ? getAffineConstantExpr(0, context)
                             : getAffineDimExpr(missing + dim, context));
  }
  return AffineMap::get(sizes.size(), 0, exprs, context);
}

Value gpt::buildF32(OpBuilder &builder, Location loc, double value) {
  return arith::ConstantOp::create(
      builder, loc, builder.getF32FloatAttr(static_cast<float>(value)));
}

Value gpt::buildIndex(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

Value gpt::convertFloat(OpBuilder &builder, Location loc, Value scalar,
                        Type type) {
  Type from = scalar.getType();
  if (from == type)
    return scalar;
  unsigned fromWidth = from.getIntOrFloatBitWidth();
  unsigned toWidth = type.getIntOrFloatBitWidth();
  if (fromWidth < toWidth)
    return arith::ExtFOp::create(builder, loc, type, scalar);
  // bf16 and f16 hold different values; f32 holds both.
  if (fromWidth == toWidth)
    scalar = arith::ExtFOp::create(builder, loc, builder.getF32Type(), scalar);
  return arith::TruncFOp::create(builder, loc, type, scalar);
}

Value gpt::buildEmpty(OpBuilder &builder, Location loc,
                      ArrayRef<OpFoldResult> sizes, Type elementType) {
  return tensor::EmptyOp::create(builder, loc, sizes, elementType);
}

Value gpt::buildFilled(OpBuilder &builder, Location loc,
                       ArrayRef<OpFoldResult> sizes, TypedAttr value) {
  Value scalar = arith::ConstantOp::create(builder, loc, value);
  Value empty = buildEmpty(builder, loc, sizes, value.getType());
  return linalg::FillOp::create(builder, loc, scalar, empty).getResult(0);
}

Value gpt::buildFill(OpBuilder &builder, Location loc, double value,
                     Value init) {
  return linalg::FillOp::create(builder, loc, buildF32(builder, loc, value),
                                init)
      .getResult(0);
}

/// Calls `body` with float arguments widened to f32 and yields its result in
/// the given type.
static void buildScalarBody(OpBuilder &builder, Location loc, ValueRange args,
                            Type resultType, ScalarBody body) {
  SmallVector<Value> scalars = llvm::map_to_vector(args, [&](Value arg) {
    return isa<FloatType>(arg.getType())
               ? convertFloat(builder, loc, arg, builder.getF32Type())
               : arg;
  });
  Value result = body(builder, loc, scalars);
  if (isa<FloatType>(resultType))
    result = convertFloat(builder, loc, result, resultType);
  linalg::YieldOp::create(builder, loc, result);
}

Value gpt::buildParallel(OpBuilder &builder, Location loc,
                         ArrayRef<Access> inputs, Value init, ScalarBody body) {
  RankedTensorType type = getTensorType(init);
  SmallVector<Value> tensors;
  SmallVector<AffineMap> maps;
  for (const Access &input : inputs) {
    tensors.push_back(input.tensor);
    maps.push_back(input.map);
  }
  maps.push_back(builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, loc, type, tensors, init, maps, iterators,
      [&](OpBuilder &nested, Location nestedLoc, ValueRange args) {
        buildScalarBody(nested, nestedLoc, args.drop_back(),
                        type.getElementType(), body);
      });
  return generic.getResult(0);
}

Value gpt::buildUpdate(OpBuilder &builder, Location loc,
                       ArrayRef<Access> inputs, Value tensor, ScalarBody body) {
  SmallVector<Access> all(inputs);
  all.push_back({tensor, builder.getMultiDimIdentityMap(
                             getTensorType(tensor).getRank())});
  return buildParallel(builder, loc, all, tensor, body);
}

Value gpt::buildLastDimReduction(OpBuilder &builder, Location loc,
                                 ArrayRef<Access> inputs, Value init,
                                 ScalarBody combine) {
  RankedTensorType type = getTensorType(init);
  unsigned rank = type.getRank() + 1;
  SmallVector<Value> tensors;
  SmallVector<AffineMap> maps;
  for (const Access &input : inputs) {
    tensors.push_back(input.tensor);
    maps.push_back(input.map);
  }
  maps.push_back(
      getDimsMap(builder.getContext(), rank, getDimRange(0, rank - 1)));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  iterators.back() = utils::IteratorType::reduction;
  auto generic = linalg::GenericOp::create(
      builder, loc, type, tensors, init, maps, iterators,
      [&](OpBuilder &nested, Location nestedLoc, ValueRange args) {
        buildScalarBody(nested, nestedLoc, args, type.getElementType(),
                        combine);
      });
  return generic.getResult(0);
}

Value gpt::buildLastDimSum(OpBuilder &builder, Location loc,
                           ArrayRef<Access> inputs,
                           ArrayRef<OpFoldResult> sizes, ScalarBody term) {
  Value zero = buildFilled(builder, loc, sizes, builder.getF32FloatAttr(0.0f));
  return buildLastDimReduction(
      builder, loc, inputs, zero,
      [&](OpBuilder &b, Location l, ValueRange scalars) -> Value {
        Value value = term(b, l, scalars.drop_back());
        return arith::AddFOp::create(b, l, scalars.back(), value);
      });
}

Value gpt::buildContract(OpBuilder &builder, Location loc, Access lhs,
                         Access rhs, Access init) {
  ArrayAttr maps = builder.getAffineMapArrayAttr({lhs.map, rhs.map, init.map});
  return linalg::ContractOp::create(builder, loc, init.tensor.getType(),
                                    ValueRange{lhs.tensor, rhs.tensor},
                                    ValueRange{init.tensor}, maps)
      .getResult(0);
}

Value gpt::buildSoftmax(OpBuilder &builder, Location loc, Value scores,
                        Value init) {
  int64_t last = getTensorType(scores).getRank() - 1;
  return linalg::SoftmaxOp::create(builder, loc, TypeRange{init.getType()},
                                   scores, init, last)
      .getResult()
      .front();
}

Value gpt::buildVisibility(OpBuilder &builder, Location loc, Value first,
                           std::optional<int64_t> window, unsigned queryDim,
                           unsigned keyDim) {
  Value query = linalg::IndexOp::create(builder, loc, queryDim);
  Value key = linalg::IndexOp::create(builder, loc, keyDim);
  Value position = arith::AddIOp::create(builder, loc, first, query);
  Value visible = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sle,
                                        key, position);
  if (!window)
    return visible;
  Value hidden = arith::SubIOp::create(builder, loc, position,
                                       buildIndex(builder, loc, *window));
  Value near = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sgt,
                                     key, hidden);
  return arith::AndIOp::create(builder, loc, visible, near);
}

Value gpt::buildElementCast(OpBuilder &builder, Location loc, Value tensor,
                            Type elementType) {
  if (getTensorType(tensor).getElementType() == elementType)
    return tensor;
  Value init = buildEmpty(
      builder, loc, tensor::getMixedSizes(builder, loc, tensor), elementType);
  return buildElementCastInto(builder, loc, tensor, init);
}

Value gpt::buildElementCastInto(OpBuilder &builder, Location loc, Value tensor,
                                Value init) {
  AffineMap identity =
      builder.getMultiDimIdentityMap(getTensorType(init).getRank());
  return buildParallel(
      builder, loc, {{tensor, identity}}, init,
      [](OpBuilder &, Location, ValueRange args) { return args[0]; });
}

Value gpt::splitLastDim(OpBuilder &builder, Location loc, Value tensor,
                        ArrayRef<int64_t> extents) {
  RankedTensorType type = getTensorType(tensor);
  int64_t last = type.getRank() - 1;
  SmallVector<int64_t> shape(type.getShape().drop_back());
  llvm::append_range(shape, extents);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, tensor);
  sizes.pop_back();
  llvm::append_range(sizes, getAsIndexOpFoldResult(type.getContext(), extents));
  SmallVector<ReassociationIndices> groups;
  for (int64_t dim = 0; dim < last; ++dim)
    groups.push_back({dim});
  groups.push_back(
      llvm::to_vector<2>(llvm::seq<int64_t>(last, last + extents.size())));
  return tensor::ExpandShapeOp::create(builder, loc, type.clone(shape), tensor,
                                       groups, sizes);
}

Value gpt::mergeLastDims(OpBuilder &builder, Location loc, Value tensor,
                         unsigned count) {
  int64_t rank = getTensorType(tensor).getRank();
  SmallVector<ReassociationIndices> groups;
  for (int64_t dim = 0; dim < rank - count; ++dim)
    groups.push_back({dim});
  groups.push_back(llvm::to_vector<2>(llvm::seq<int64_t>(rank - count, rank)));
  return tensor::CollapseShapeOp::create(builder, loc, tensor, groups);
}

/// Whether an extent is known to be 0: MLIR has no place where such a slice of
/// a dimension without elements could be, not even the offset 0.
static bool isWithoutElements(ArrayRef<OpFoldResult> sizes) {
  return llvm::any_of(
      sizes, [](OpFoldResult size) { return isConstantIntValue(size, 0); });
}

/// The same sizes, those that are constants as attributes: the static type of a
/// slice must say what its sizes do.
static SmallVector<OpFoldResult> foldConstants(ArrayRef<OpFoldResult> sizes) {
  SmallVector<OpFoldResult> folded(sizes);
  (void)foldDynamicIndexList(folded);
  return folded;
}

Value gpt::extractSlice(OpBuilder &builder, Location loc, Value tensor,
                        ArrayRef<OpFoldResult> offsets,
                        ArrayRef<OpFoldResult> sizes,
                        ArrayRef<unsigned> dropped) {
  SmallVector<OpFoldResult> folded = foldConstants(sizes);
  SmallVector<OpFoldResult> kept;
  for (auto [dim, size] : llvm::enumerate(folded))
    if (!llvm::is_contained(dropped, dim))
      kept.push_back(size);
  RankedTensorType type = getTensorType(tensor);
  if (isWithoutElements(folded))
    return tensor::EmptyOp::create(builder, loc, kept, type.getElementType());
  SmallVector<int64_t> shape = decomposeMixedValues(kept).first;
  SmallVector<OpFoldResult> strides(sizes.size(), builder.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(builder, loc, type.clone(shape), tensor,
                                        offsets, folded, strides);
}

Value gpt::insertSlice(OpBuilder &builder, Location loc, Value slice,
                       Value tensor, ArrayRef<OpFoldResult> offsets,
                       ArrayRef<OpFoldResult> sizes) {
  if (isWithoutElements(sizes))
    return tensor;
  SmallVector<OpFoldResult> strides(sizes.size(), builder.getIndexAttr(1));
  return tensor::InsertSliceOp::create(builder, loc, slice, tensor, offsets,
                                       foldConstants(sizes), strides);
}

Value gpt::castToType(OpBuilder &builder, Location loc, Value tensor,
                      Type type) {
  if (tensor.getType() == type)
    return tensor;
  return tensor::CastOp::create(builder, loc, type, tensor);
}
