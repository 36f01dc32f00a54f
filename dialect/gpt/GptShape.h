//===- GptShape.h - type and shape rules that ops share ---------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TypeRule words every complaint about an operand in the same way; the free
// functions are the shape rules behind InferTypeOpInterface and
// ReifyRankedShapedTypeOpInterface.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_GPTSHAPE_H
#define GPT_GPTSHAPE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OpDefinition.h"

namespace mlir::gpt {

/// A dimension of a named operand, or a number with a name.
struct DimRef {
  DimRef(StringRef operand, Value tensor, int64_t dim)
      : operand(operand), tensor(tensor), dim(dim) {}
  DimRef(StringRef name, int64_t number) : operand(name), number(number) {}

  int64_t size() const {
    return tensor ? cast<RankedTensorType>(tensor.getType()).getDimSize(dim)
                  : number;
  }

  StringRef operand;
  /// Null for a number.
  Value tensor;
  int64_t dim = 0;
  int64_t number = 0;
};

/// What an op demands of two extents. Types show whether it holds where both
/// are static.
struct ShapeConstraint {
  enum class Relation { Equal, AtMost };

  DimRef lhs;
  Relation relation;
  DimRef rhs;
};

/// Checks operands on behalf of one op. Type inference runs before the op
/// exists (and, from Python, before its operands were checked), so a rule
/// checks what it relies on and names the op itself. On demand, it notes what
/// the op demands of extents, be they static or not.
class TypeRule {
public:
  TypeRule(std::optional<Location> location, StringRef opName,
           SmallVectorImpl<ShapeConstraint> *constraints = nullptr)
      : location(location), opName(opName), constraints(constraints) {}

  template <typename... Args>
  LogicalResult error(Args &&...args) const {
    return emitOptionalError(location, "'", opName, "' op ",
                             std::forward<Args>(args)...);
  }

  /// The type of `value` as a float tensor of at least `minRank` and, if given,
  /// at most `maxRank` dimensions.
  FailureOr<RankedTensorType> floatTensor(Value value, StringRef operand,
                                          int64_t minRank = 0,
                                          int64_t maxRank = INT64_MAX) const;

  /// The type of `value` as a tensor of i32 or i64.
  FailureOr<RankedTensorType> integerTensor(Value value,
                                            StringRef operand) const;

  /// Checks that `value` is a float vector of the given extent.
  LogicalResult featureVector(Value value, StringRef operand,
                              DimRef features) const;

  /// Checks that `positions`, if present, is [B] of i64 for batch `batch`.
  LogicalResult positions(Value positions, DimRef batch) const;

  /// Checks that two dimensions can be equal at run time.
  LogicalResult sameDim(DimRef actual, DimRef expected) const;

  /// Checks that one dimension can be of at most another one at run time.
  LogicalResult atMostDim(DimRef actual, DimRef limit) const;

  /// Checks that a dimension can have an index at run time.
  LogicalResult nonEmpty(DimRef dim) const;

  LogicalResult sameElementType(StringRef lhs, RankedTensorType lhsType,
                                StringRef rhs, RankedTensorType rhsType) const;

  LogicalResult positive(StringRef attribute, int64_t value) const;

  /// Checks that `value` broadcasts to `shape` (aligned at the last dimension).
  LogicalResult broadcastsTo(StringRef operand, Value value,
                             ArrayRef<DimRef> shape) const;

  /// Features of one head: the last extent of `type` divided by the number of
  /// heads.
  FailureOr<int64_t> headDim(StringRef operand, RankedTensorType type,
                             StringRef headsName, int64_t numHeads) const;

private:
  void note(DimRef lhs, ShapeConstraint::Relation relation, DimRef rhs) const {
    if (constraints)
      constraints->push_back({lhs, relation, rhs});
  }

  std::optional<Location> location;
  StringRef opName;
  SmallVectorImpl<ShapeConstraint> *constraints;
};

/// Whether declared result types may stand for inferred ones: the same element
/// types and shapes that can be equal at run time.
bool areCompatibleTypes(TypeRange lhs, TypeRange rhs);

/// Verifies that an op's operands obey its type rule and that its result types
/// are compatible with the inferred ones.
template <typename ConcreteType>
class VerifyTypeRule : public OpTrait::TraitBase<ConcreteType, VerifyTypeRule> {
public:
  static LogicalResult verifyTrait(Operation *op) {
    SmallVector<Type> expected;
    if (failed(ConcreteType::inferReturnTypes(
            op->getContext(), op->getLoc(), op->getOperands(),
            op->getRawDictionaryAttrs(), op->getPropertiesStorage(),
            op->getRegions(), expected)))
      return failure();
    if (areCompatibleTypes(expected, op->getResultTypes()))
      return success();
    return op->emitOpError() << "expected result types (" << expected
                             << "), but found (" << op->getResultTypes() << ")";
  }
};

/// Result type of an element-wise op on two operands.
LogicalResult inferBroadcast(const TypeRule &rule, Value lhs, Value rhs,
                             SmallVectorImpl<Type> &types);

/// All dimensions of a ranked tensor.
SmallVector<DimRef> getDims(StringRef operand, Value tensor);

/// The shape of a tensor, static extents as attributes.
SmallVector<OpFoldResult> getMixedShape(OpBuilder &builder, Location loc,
                                        Value tensor);

/// The shape of `lhs` and `rhs` broadcast against each other.
SmallVector<OpFoldResult> getBroadcastShape(OpBuilder &builder, Location loc,
                                            Value lhs, Value rhs);

/// Makes ops to look at them, and erases them when it goes out of scope.
/// Reification builds IR, where often only a question is asked.
class ScratchBuilder : OpBuilder::Listener {
public:
  /// Builds in front of `op`.
  explicit ScratchBuilder(Operation *op) : builder(op, this) {}
  ~ScratchBuilder() override {
    for (Operation *op : llvm::reverse(inserted))
      op->erase();
  }
  void notifyOperationInserted(Operation *op,
                               OpBuilder::InsertPoint previous) override {
    inserted.push_back(op);
  }

  OpBuilder builder;

private:
  SmallVector<Operation *> inserted;
};

/// The permutation that applies `first`, then `second`.
SmallVector<int64_t> composePermutations(ArrayRef<int64_t> first,
                                         ArrayRef<int64_t> second);

} // namespace mlir::gpt

#endif // GPT_GPTSHAPE_H
