//===- GptElementwiseOps.cpp - element-wise arithmetic and shape ops -*- C++
//-*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Type rules, verifiers and folders of GptElementwiseOps.td.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::gpt;

//===----------------------------------------------------------------------===//
// ScaleOp
//===----------------------------------------------------------------------===//

OpFoldResult ScaleOp::fold(FoldAdaptor) {
  if (getFactor().convertToDouble() == 1.0 &&
      getInput().getType() == getResult().getType())
    return getInput();
  return {};
}

//===----------------------------------------------------------------------===//
// CastOp
//===----------------------------------------------------------------------===//

LogicalResult CastOp::verify() {
  if (succeeded(
          verifyCompatibleShape(getInput().getType(), getResult().getType())))
    return success();
  return emitOpError() << "expected a result of the shape of input ("
                       << getInput().getType() << "), but found "
                       << getResult().getType();
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  if (getInput().getType() == getResult().getType())
    return getInput();
  // Widening is exact, so widening and coming back is the identity.
  auto producer = getInput().getDefiningOp<CastOp>();
  if (!producer || producer.getInput().getType() != getResult().getType())
    return {};
  auto source = cast<FloatType>(
      cast<RankedTensorType>(producer.getInput().getType()).getElementType());
  auto wide = cast<FloatType>(
      cast<RankedTensorType>(getInput().getType()).getElementType());
  return wide.isF32() && source != wide ? producer.getInput() : Value();
}

//===----------------------------------------------------------------------===//
// TransposeOp
//===----------------------------------------------------------------------===//

LogicalResult TransposeOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  auto input = rule.floatTensor(adaptor.getInput(), "input");
  if (failed(input))
    return failure();
  auto attribute = adaptor.getPermutationAttr();
  if (!attribute)
    return rule.error("requires attribute 'permutation'");
  ArrayRef<int64_t> permutation = attribute.asArrayRef();
  if (static_cast<int64_t>(permutation.size()) != input->getRank() ||
      !isPermutationVector(permutation))
    return rule.error("expected permutation to be one of the ",
                      input->getRank(), " dims of input, but found ",
                      attribute);
  auto shape = llvm::map_to_vector(
      permutation, [&](int64_t dim) { return input->getDimSize(dim); });
  types.push_back(RankedTensorType::get(shape, input->getElementType()));
  return success();
}

LogicalResult
TransposeOp::reifyResultShapes(OpBuilder &builder,
                               ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> input =
      getMixedShape(builder, getLoc(), getInput());
  shapes.push_back(llvm::map_to_vector(
      getPermutation(), [&](int64_t dim) { return input[dim]; }));
  return success();
}

LogicalResult
TransposeOp::inferSequenceDims(ArrayRef<int64_t> operandDims,
                               SmallVectorImpl<int64_t> &resultDims) {
  if (getPermutation().front() != 0)
    return emitOpError() << "moves the batch, dimension 0";
  const auto *place = llvm::find(getPermutation(), operandDims[0]);
  resultDims.push_back(place - getPermutation().begin());
  return success();
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  if (isIdentityPermutation(getPermutation()) &&
      getInput().getType() == getResult().getType())
    return getInput();
  return {};
}

//===----------------------------------------------------------------------===//
// SplitOp
//===----------------------------------------------------------------------===//

LogicalResult SplitOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                  SmallVectorImpl<Type> &types) {
  auto input = rule.floatTensor(adaptor.getInput(), "input", 1);
  if (failed(input))
    return failure();
  if (!adaptor.getNumPartsAttr())
    return rule.error("requires attribute 'num_parts'");
  int64_t parts = adaptor.getNumParts();
  int64_t groups = adaptor.getNumGroups();
  if (failed(rule.positive("num_parts", parts)) ||
      failed(rule.positive("num_groups", groups)))
    return failure();
  int64_t features = input->getShape().back();
  if (ShapedType::isDynamic(features))
    return rule.error("expected a static last dim of input, but found ",
                      *input);
  // Divide twice: the product of two attributes may overflow.
  if (features % parts != 0 || features / parts % groups != 0)
    return rule.error("expected num_parts * num_groups (", parts, " * ", groups,
                      ") to divide input dim ", input->getRank() - 1, " (",
                      features, ")");
  if (features > 0 && parts > features)
    return rule.error("expected num_parts (", parts, ") of at most ", features);
  // As many types as parts; an absurd number is refused before it is built.
  constexpr int64_t maxParts = 1 << 16;
  if (parts > maxParts)
    return rule.error("expected num_parts of at most ", maxParts,
                      ", but found ", parts);
  SmallVector<int64_t> shape(input->getShape());
  shape.back() = features / parts;
  types.append(parts, RankedTensorType::get(shape, input->getElementType()));
  return success();
}

LogicalResult SplitOp::reifyResultShapes(OpBuilder &builder,
                                         ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> shape =
      getMixedShape(builder, getLoc(), getInput());
  auto type = cast<RankedTensorType>(getInput().getType());
  shape.back() = builder.getIndexAttr(type.getShape().back() / getNumParts());
  shapes.append(getNumResults(), shape);
  return success();
}

//===----------------------------------------------------------------------===//
// LastTokenOp
//===----------------------------------------------------------------------===//

LogicalResult LastTokenOp::inferTypes(const TypeRule &rule, Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  auto input = dyn_cast<RankedTensorType>(adaptor.getInput().getType());
  if (!input || input.getRank() < 2)
    return rule.error("expected input of rank 2 or more, but found ",
                      adaptor.getInput().getType());
  if (input.getDimSize(1) == 0)
    return rule.error("expected input dim 1 to be at least 1, but found ",
                      input);
  SmallVector<int64_t> shape(input.getShape());
  shape[1] = 1;
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  return success();
}

LogicalResult
LastTokenOp::reifyResultShapes(OpBuilder &builder,
                               ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> shape =
      getMixedShape(builder, getLoc(), getInput());
  shape[1] = builder.getIndexAttr(1);
  shapes.push_back(shape);
  return success();
}

LogicalResult
LastTokenOp::inferSequenceDims(ArrayRef<int64_t> operandDims,
                               SmallVectorImpl<int64_t> &resultDims) {
  if (operandDims[0] != 1)
    return emitOpError()
           << "takes the last index of dim 1, but the sequence is "
              "dim "
           << operandDims[0];
  resultDims.push_back(kNoSequenceDim);
  return success();
}

OpFoldResult LastTokenOp::fold(FoldAdaptor) {
  auto type = cast<RankedTensorType>(getInput().getType());
  if (type.getDimSize(1) == 1 && type == getResult().getType())
    return getInput();
  return {};
}
