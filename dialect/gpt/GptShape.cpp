//===- GptShape.cpp - type and shape rules that ops share -------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implements the checks and shape rules of GptShape.h.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptShape.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::gpt;

static bool isGptFloat(Type type) {
  return isa<Float32Type, BFloat16Type, Float16Type>(type);
}

static bool canBeEqual(int64_t lhs, int64_t rhs) {
  return ShapedType::isDynamic(lhs) || ShapedType::isDynamic(rhs) || lhs == rhs;
}

FailureOr<RankedTensorType> TypeRule::floatTensor(Value value,
                                                  StringRef operand,
                                                  int64_t minRank,
                                                  int64_t maxRank) const {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !isGptFloat(type.getElementType()))
    return error("expected ", operand,
                 " to be a ranked tensor of f32, bf16 or f16, but found ",
                 value.getType());
  if (type.getRank() >= minRank && type.getRank() <= maxRank)
    return type;
  if (minRank == maxRank)
    return error("expected ", operand, " of rank ", minRank, ", but found ",
                 type);
  return error("expected ", operand, " of rank ", minRank,
               " or more, but found ", type);
}

FailureOr<RankedTensorType> TypeRule::integerTensor(Value value,
                                                    StringRef operand) const {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !(type.getElementType().isSignlessInteger(32) ||
                 type.getElementType().isSignlessInteger(64)))
    return error("expected ", operand,
                 " to be a ranked tensor of i32 or i64, but found ",
                 value.getType());
  return type;
}

LogicalResult TypeRule::featureVector(Value value, StringRef operand,
                                      DimRef features) const {
  auto type = floatTensor(value, operand, 1, 1);
  if (failed(type))
    return failure();
  return sameDim({operand, value, 0}, features);
}

LogicalResult TypeRule::positions(Value positions, DimRef batch) const {
  if (!positions)
    return success();
  auto type = dyn_cast<RankedTensorType>(positions.getType());
  if (!type || type.getRank() != 1 ||
      !type.getElementType().isSignlessInteger(64))
    return error("expected positions to be a 1D tensor of i64, but found ",
                 positions.getType());
  return sameDim({"positions", positions, 0}, batch);
}

LogicalResult TypeRule::sameDim(DimRef actual, DimRef expected) const {
  note(actual, ShapeConstraint::Relation::Equal, expected);
  if (canBeEqual(actual.size(), expected.size()))
    return success();
  return error("expected ", actual.operand, " dim ", actual.dim, " (",
               actual.size(), ") to match ", expected.operand, " dim ",
               expected.dim, " (", expected.size(), ")");
}

LogicalResult TypeRule::atMostDim(DimRef actual, DimRef limit) const {
  note(actual, ShapeConstraint::Relation::AtMost, limit);
  if (ShapedType::isDynamic(actual.size()) ||
      ShapedType::isDynamic(limit.size()) || actual.size() <= limit.size())
    return success();
  return error("expected ", actual.operand, " dim ", actual.dim, " (",
               actual.size(), ") of at most ", limit.operand, " dim ",
               limit.dim, " (", limit.size(), ")");
}

LogicalResult TypeRule::nonEmpty(DimRef dim) const {
  note(DimRef("one", 1), ShapeConstraint::Relation::AtMost, dim);
  if (dim.size() != 0)
    return success();
  return error("expected ", dim.operand, " dim ", dim.dim,
               " to be at least 1, but found ", dim.tensor.getType());
}

LogicalResult TypeRule::sameElementType(StringRef lhs, RankedTensorType lhsType,
                                        StringRef rhs,
                                        RankedTensorType rhsType) const {
  if (lhsType.getElementType() == rhsType.getElementType())
    return success();
  return error("expected ", lhs, " element type (", lhsType.getElementType(),
               ") to match ", rhs, " element type (", rhsType.getElementType(),
               ")");
}

LogicalResult TypeRule::positive(StringRef attribute, int64_t value) const {
  if (value > 0)
    return success();
  return error("expected ", attribute, " to be positive, but found ", value);
}

LogicalResult TypeRule::broadcastsTo(StringRef operand, Value value,
                                     ArrayRef<DimRef> shape) const {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t offset = static_cast<int64_t>(shape.size()) - type.getRank();
  if (offset < 0)
    return error("expected ", operand, " of rank ", shape.size(),
                 " or less, but found ", type);
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    int64_t size = type.getDimSize(dim);
    if (size == 1)
      continue;
    DimRef expected = shape[dim + offset];
    note({operand, value, dim}, ShapeConstraint::Relation::Equal, expected);
    if (canBeEqual(size, expected.size()))
      continue;
    return error("expected ", operand, " dim ", dim, " (", size,
                 ") to be 1 or ", expected.size());
  }
  return success();
}

FailureOr<int64_t> TypeRule::headDim(StringRef operand, RankedTensorType type,
                                     StringRef headsName,
                                     int64_t numHeads) const {
  int64_t features = type.getDimSize(type.getRank() - 1);
  if (ShapedType::isDynamic(features))
    return error("expected a static last dim of ", operand, ", but found ",
                 type);
  if (failed(positive(headsName, numHeads)))
    return failure();
  if (features % numHeads != 0 || features == 0)
    return error("expected ", headsName, " (", numHeads, ") to divide ",
                 operand, " dim ", type.getRank() - 1, " (", features, ")");
  return features / numHeads;
}

bool mlir::gpt::areCompatibleTypes(TypeRange lhs, TypeRange rhs) {
  return llvm::equal(lhs, rhs, [](Type left, Type right) {
    return getElementTypeOrSelf(left) == getElementTypeOrSelf(right) &&
           succeeded(verifyCompatibleShape(left, right));
  });
}

SmallVector<DimRef> mlir::gpt::getDims(StringRef operand, Value tensor) {
  SmallVector<DimRef> dims;
  int64_t rank = cast<RankedTensorType>(tensor.getType()).getRank();
  for (int64_t dim = 0; dim < rank; ++dim)
    dims.emplace_back(operand, tensor, dim);
  return dims;
}

LogicalResult mlir::gpt::inferBroadcast(const TypeRule &rule, Value lhs,
                                        Value rhs,
                                        SmallVectorImpl<Type> &types) {
  auto lhsType = rule.floatTensor(lhs, "lhs");
  auto rhsType = rule.floatTensor(rhs, "rhs");
  if (failed(lhsType) || failed(rhsType) ||
      failed(rule.sameElementType("rhs", *rhsType, "lhs", *lhsType)))
    return failure();

  int64_t rank = std::max(lhsType->getRank(), rhsType->getRank());
  SmallVector<int64_t> shape(rank);
  for (int64_t fromEnd = 1; fromEnd <= rank; ++fromEnd) {
    int64_t lhsDim = lhsType->getRank() - fromEnd;
    int64_t rhsDim = rhsType->getRank() - fromEnd;
    int64_t lhsSize = lhsDim < 0 ? 1 : lhsType->getDimSize(lhsDim);
    int64_t rhsSize = rhsDim < 0 ? 1 : rhsType->getDimSize(rhsDim);
    if (lhsSize == 1 || rhsSize == 1) {
      shape[rank - fromEnd] = lhsSize == 1 ? rhsSize : lhsSize;
      continue;
    }
    if (failed(rule.sameDim({"rhs", rhs, rhsDim}, {"lhs", lhs, lhsDim})))
      return failure();
    shape[rank - fromEnd] = ShapedType::isDynamic(lhsSize) ? rhsSize : lhsSize;
  }
  types.push_back(RankedTensorType::get(shape, lhsType->getElementType()));
  return success();
}

SmallVector<OpFoldResult> mlir::gpt::getMixedShape(OpBuilder &builder,
                                                   Location loc, Value tensor) {
  return tensor::getMixedSizes(builder, loc, tensor);
}

SmallVector<OpFoldResult> mlir::gpt::getBroadcastShape(OpBuilder &builder,
                                                       Location loc, Value lhs,
                                                       Value rhs) {
  auto lhsType = cast<RankedTensorType>(lhs.getType());
  auto rhsType = cast<RankedTensorType>(rhs.getType());
  int64_t rank = std::max(lhsType.getRank(), rhsType.getRank());
  SmallVector<OpFoldResult> shape(rank);
  for (int64_t fromEnd = 1; fromEnd <= rank; ++fromEnd) {
    int64_t lhsDim = lhsType.getRank() - fromEnd;
    int64_t rhsDim = rhsType.getRank() - fromEnd;
    // A static extent other than 1 decides; then a dynamic one; then 1.
    auto rankOf = [](RankedTensorType type, int64_t dim) {
      if (dim < 0 || type.getDimSize(dim) == 1)
        return 0;
      return type.isDynamicDim(dim) ? 1 : 2;
    };
    bool takeRhs = lhsDim < 0 || (rhsDim >= 0 && rankOf(rhsType, rhsDim) >
                                                     rankOf(lhsType, lhsDim));
    shape[rank - fromEnd] =
        takeRhs ? tensor::getMixedSize(builder, loc, rhs, rhsDim)
                : tensor::getMixedSize(builder, loc, lhs, lhsDim);
  }
  return shape;
}

SmallVector<int64_t> mlir::gpt::composePermutations(ArrayRef<int64_t> first,
                                                    ArrayRef<int64_t> second) {
  return llvm::map_to_vector(second, [&](int64_t dim) { return first[dim]; });
}
