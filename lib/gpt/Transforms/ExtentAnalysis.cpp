//===- ExtentAnalysis.cpp - extents in terms of arguments -------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See ExtentAnalysis.h. Ops are visited in order, so that all that an op takes
// is known when its turn comes, however long a chain is.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/ExtentAnalysis.h"
#include "gpt/GptDialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::gpt;

using Relation = ShapeConstraint::Relation;

AffineExpr gpt::replaceExtents(AffineExpr expr, ArrayRef<AffineExpr> values) {
  if (!expr)
    return {};
  bool isKnown = true;
  expr.walk([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      isKnown &= static_cast<bool>(values[symbol.getPosition()]);
  });
  if (!isKnown)
    return {};
  AffineExpr zero = getAffineConstantExpr(0, expr.getContext());
  auto filled = llvm::map_to_vector(
      values, [&](AffineExpr value) { return value ? value : zero; });
  return expr.replaceDimsAndSymbols({}, filled);
}

/// Whether an expression of extents is never negative: nothing is subtracted.
static bool isNonNegative(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue() >= 0;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  return !binary ||
         (isNonNegative(binary.getLHS()) && isNonNegative(binary.getRHS()));
}

/// Like terms of a sum put together.
static AffineExpr simplify(AffineExpr expr) {
  unsigned numSymbols = 0;
  expr.walk([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      numSymbols = std::max(numSymbols, symbol.getPosition() + 1);
  });
  return simplifyAffineExpr(expr, /*numDims=*/0, numSymbols);
}

void ExtentConstraints::add(const ExtentConstraint &constraint) {
  if (!constraint.lhs || !constraint.rhs)
    return;
  AffineExpr difference = simplify(constraint.rhs - constraint.lhs);
  if (constraint.relation == Relation::Equal ? difference == 0
                                             : isNonNegative(difference))
    return;
  if (known.insert({difference, static_cast<int>(constraint.relation)}).second)
    constraints.push_back(constraint);
}

//===----------------------------------------------------------------------===//
// One function
//===----------------------------------------------------------------------===//

namespace {
/// Visits the ops of one function.
class FunctionVisitor {
public:
  FunctionVisitor(ExtentAnalysis &analysis, func::FuncOp function,
                  FunctionExtents &extents)
      : analysis(analysis), function(function), extents(extents),
        context(function.getContext()) {}

  void run();

private:
  using Shape = SmallVector<AffineExpr>;

  AffineExpr getConstant(int64_t number) const {
    return getAffineConstantExpr(number, context);
  }
  AffineExpr getExtent(Value tensor, int64_t dim) const;
  AffineExpr getExtent(DimRef dim) const {
    return dim.tensor ? getExtent(dim.tensor, dim.dim)
                      : getConstant(dim.number);
  }
  AffineExpr getNumber(OpFoldResult number) const;
  AffineExpr computeNumber(Operation *op) const;
  AffineExpr computeApply(affine::AffineApplyOp op) const;

  void nameArguments();
  void inferResults(Operation *op);
  void inferResults(func::CallOp call, const FunctionExtents &callee);
  void constrain(Operation *op);
  void constrainLoops(linalg::LinalgOp op);
  void constrainCast(tensor::CastOp op);
  void constrainSlice(OffsetSizeAndStrideOpInterface op, Value tensor);
  void constrainInsert(tensor::InsertSliceOp op);
  void constrainExpansion(tensor::ExpandShapeOp op);
  void constrainConcat(tensor::ConcatOp op);
  void constrainCall(func::CallOp call, const FunctionExtents &callee);
  /// The values of the symbols of the callee.
  Shape getCallSymbols(func::CallOp call) const;
  void add(Operation *op, AffineExpr lhs, Relation relation, AffineExpr rhs) {
    extents.constraints.add(
        {lhs, relation, rhs, op->getName().getStringRef().str()});
  }

  ExtentAnalysis &analysis;
  func::FuncOp function;
  FunctionExtents &extents;
  MLIRContext *context;
  llvm::DenseMap<Value, Shape> shapes;
  llvm::DenseMap<Value, AffineExpr> numbers;
};
} // namespace

AffineExpr FunctionVisitor::getExtent(Value tensor, int64_t dim) const {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!type || dim < 0 || dim >= type.getRank())
    return {};
  if (!type.isDynamicDim(dim))
    return getConstant(type.getDimSize(dim));
  auto found = shapes.find(tensor);
  return found == shapes.end() ? AffineExpr() : found->second[dim];
}

AffineExpr FunctionVisitor::getNumber(OpFoldResult number) const {
  if (std::optional<int64_t> constant = getConstantIntValue(number))
    return getConstant(*constant);
  auto value = cast<Value>(number);
  if (auto found = numbers.find(value); found != numbers.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  return op ? computeNumber(op) : AffineExpr();
}

AffineExpr FunctionVisitor::computeApply(affine::AffineApplyOp op) const {
  auto operands = llvm::map_to_vector(
      op.getMapOperands(), [&](Value operand) { return getNumber(operand); });
  if (llvm::is_contained(operands, AffineExpr()))
    return {};
  unsigned numDims = op.getAffineMap().getNumDims();
  return op.getAffineMap().getResult(0).replaceDimsAndSymbols(
      ArrayRef(operands).take_front(numDims),
      ArrayRef(operands).drop_front(numDims));
}

/// Whether numbers of this type are followed: those that cannot be too large
/// for it.
static bool isCounted(Type type) {
  return type.isIndex() || type.isSignlessInteger(64);
}

AffineExpr FunctionVisitor::computeNumber(Operation *op) const {
  if (op->getNumResults() != 1 || !isCounted(op->getResult(0).getType()))
    return {};
  auto combine = [&](auto operation) -> AffineExpr {
    AffineExpr lhs = getNumber(op->getOperand(0));
    AffineExpr rhs = getNumber(op->getOperand(1));
    return lhs && rhs ? operation(lhs, rhs) : AffineExpr();
  };
  // Divisions differ in how they round what is negative.
  auto divide = [&](auto operation, bool anySign) {
    return combine([&](AffineExpr lhs, AffineExpr rhs) -> AffineExpr {
      auto divisor = dyn_cast<AffineConstantExpr>(rhs);
      if (!divisor || divisor.getValue() <= 0 ||
          !(anySign || isNonNegative(lhs)))
        return {};
      return operation(lhs, rhs);
    });
  };
  auto floorDiv = [](AffineExpr lhs, AffineExpr rhs) {
    return lhs.floorDiv(rhs);
  };
  auto ceilDiv = [](AffineExpr lhs, AffineExpr rhs) {
    return lhs.ceilDiv(rhs);
  };
  return llvm::TypeSwitch<Operation *, AffineExpr>(op)
      .Case([&](tensor::DimOp dim) {
        std::optional<int64_t> index = dim.getConstantIndex();
        return index ? getExtent(dim.getSource(), *index) : AffineExpr();
      })
      .Case([&](affine::AffineApplyOp apply) { return computeApply(apply); })
      .Case([&](arith::IndexCastOp cast) {
        return isCounted(cast.getIn().getType()) ? getNumber(cast.getIn())
                                                 : AffineExpr();
      })
      .Case([&](arith::AddIOp) { return combine(std::plus<AffineExpr>()); })
      .Case([&](arith::SubIOp) { return combine(std::minus<AffineExpr>()); })
      .Case([&](arith::MulIOp) {
        return combine([](AffineExpr lhs, AffineExpr rhs) {
          bool isAffine =
              isa<AffineConstantExpr>(lhs) || isa<AffineConstantExpr>(rhs);
          return isAffine ? lhs * rhs : AffineExpr();
        });
      })
      .Case([&](arith::FloorDivSIOp) {
        return divide(floorDiv, /*anySign=*/true);
      })
      .Case(
          [&](arith::CeilDivSIOp) { return divide(ceilDiv, /*anySign=*/true); })
      .Case<arith::DivUIOp, arith::DivSIOp>(
          [&](auto) { return divide(floorDiv, /*anySign=*/false); })
      .Case([&](arith::CeilDivUIOp) {
        return divide(ceilDiv, /*anySign=*/false);
      })
      .Default(AffineExpr());
}

void FunctionVisitor::run() {
  nameArguments();
  for (Operation &op : function.front()) {
    inferResults(&op);
    constrain(&op);
    if (op.getNumResults() == 1 && isCounted(op.getResult(0).getType()))
      numbers[op.getResult(0)] = computeNumber(&op);
  }
  if (!function.getBody().hasOneBlock())
    return;
  for (Value value : function.front().getTerminator()->getOperands()) {
    Shape &shape = extents.results.emplace_back();
    if (auto type = dyn_cast<RankedTensorType>(value.getType()))
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        shape.push_back(getExtent(value, dim));
  }
}

/// Gives the extents of the arguments their symbols, and demands that those of
/// one name are equal.
void FunctionVisitor::nameArguments() {
  std::string source = ("function '" + function.getSymName() + "'").str();
  llvm::SmallDenseMap<Attribute, AffineExpr> named;
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      continue;
    Shape &shape = shapes[argument];
    auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                      gpt::kDimsAttr);
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      shape.push_back(getAffineSymbolExpr(extents.symbols.size(), context));
      extents.symbols.push_back({argument, dim});
      if (!names || cast<StringAttr>(names[dim]).empty())
        continue;
      AffineExpr extent = getExtent(argument, dim);
      auto [place, isNew] = named.try_emplace(names[dim], extent);
      if (!isNew)
        extents.constraints.add(
            {extent, Relation::Equal, place->second, source});
    }
  }
}

//===----------------------------------------------------------------------===//
// What results are
//===----------------------------------------------------------------------===//

/// Whether there is an extent that the type does not tell.
static bool hasDynamicExtent(TypeRange types) {
  return llvm::any_of(types, [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && !tensor.hasStaticShape();
  });
}

/// Notes the extents of the results, and demands those that their types tell
/// and the operands do not.
void FunctionVisitor::inferResults(Operation *op) {
  if (!hasDynamicExtent(op->getOperandTypes()) &&
      !hasDynamicExtent(op->getResultTypes()))
    return;
  if (auto call = dyn_cast<func::CallOp>(op)) {
    if (const FunctionExtents *callee = analysis.getCallee(call))
      inferResults(call, *callee);
    return;
  }
  auto reifiable = dyn_cast<ReifyRankedShapedTypeOpInterface>(op);
  if (!reifiable)
    return;
  ScratchBuilder scratch(op);
  ReifiedRankedShapedTypeDims sizes;
  if (failed(reifiable.reifyResultShapes(scratch.builder, sizes)))
    return;
  for (auto [result, shape] : llvm::zip(op->getResults(), sizes)) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type)
      continue;
    Shape &extents = shapes[result] = llvm::map_to_vector(
        shape, [&](OpFoldResult size) { return getNumber(size); });
    for (auto [extent, size] : llvm::zip_equal(extents, type.getShape())) {
      add(op, getConstant(0), Relation::AtMost, extent);
      if (ShapedType::isStatic(size))
        add(op, extent, Relation::Equal, getConstant(size));
    }
  }
}

FunctionVisitor::Shape
FunctionVisitor::getCallSymbols(func::CallOp call) const {
  Shape symbols;
  for (Value operand : call.getOperands())
    if (auto type = dyn_cast<RankedTensorType>(operand.getType()))
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        symbols.push_back(getExtent(operand, dim));
  return symbols;
}

void FunctionVisitor::inferResults(func::CallOp call,
                                   const FunctionExtents &callee) {
  Shape symbols = getCallSymbols(call);
  for (auto [result, shape] : llvm::zip(call.getResults(), callee.results))
    if (isa<RankedTensorType>(result.getType()))
      shapes[result] = llvm::map_to_vector(shape, [&](AffineExpr extent) {
        return replaceExtents(extent, symbols);
      });
}

//===----------------------------------------------------------------------===//
// What ops demand
//===----------------------------------------------------------------------===//

void FunctionVisitor::constrain(Operation *op) {
  if (auto constrained = dyn_cast<ShapeConstraintOpInterface>(op)) {
    SmallVector<ShapeConstraint> demanded;
    constrained.getShapeConstraints(demanded);
    for (const ShapeConstraint &constraint : demanded)
      add(op, getExtent(constraint.lhs), constraint.relation,
          getExtent(constraint.rhs));
    return;
  }
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](linalg::LinalgOp loops) { constrainLoops(loops); })
      .Case([&](tensor::CastOp cast) { constrainCast(cast); })
      .Case([&](tensor::ExtractSliceOp slice) {
        constrainSlice(slice, slice.getSource());
      })
      .Case([&](tensor::InsertSliceOp slice) { constrainInsert(slice); })
      .Case([&](tensor::ExpandShapeOp shape) { constrainExpansion(shape); })
      .Case([&](tensor::ConcatOp concat) { constrainConcat(concat); })
      .Case([&](func::CallOp call) {
        if (const FunctionExtents *callee = analysis.getCallee(call))
          constrainCall(call, *callee);
      });
}

/// All extents that one loop runs over are equal. Those that several loops run
/// over, as in a convolution, are not looked at.
void FunctionVisitor::constrainLoops(linalg::LinalgOp op) {
  Shape loops(op.getNumLoops());
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
      auto loop = dyn_cast<AffineDimExpr>(expr);
      if (!loop)
        continue;
      AffineExpr extent = getExtent(operand.get(), dim);
      AffineExpr &first = loops[loop.getPosition()];
      if (first)
        add(op, extent, Relation::Equal, first);
      else
        first = extent;
    }
  }
}

void FunctionVisitor::constrainCast(tensor::CastOp op) {
  auto from = dyn_cast<RankedTensorType>(op.getSource().getType());
  auto to = dyn_cast<RankedTensorType>(op.getType());
  if (!from || !to)
    return;
  for (int64_t dim = 0; dim < to.getRank(); ++dim)
    if (from.isDynamicDim(dim) && !to.isDynamicDim(dim))
      add(op, getExtent(op.getSource(), dim), Relation::Equal,
          getConstant(to.getDimSize(dim)));
}

/// The first and the last element of a slice are within the tensor.
void FunctionVisitor::constrainSlice(OffsetSizeAndStrideOpInterface op,
                                     Value tensor) {
  for (auto [dim, mixedOffset, mixedSize, mixedStride] : llvm::enumerate(
           op.getMixedOffsets(), op.getMixedSizes(), op.getMixedStrides())) {
    AffineExpr offset = getNumber(mixedOffset), size = getNumber(mixedSize);
    std::optional<int64_t> stride = getConstantIntValue(mixedStride);
    if (!offset || !size || !stride || *stride < 0)
      continue;
    add(op, getConstant(0), Relation::AtMost, offset);
    add(op, offset + (size - 1) * *stride + 1, Relation::AtMost,
        getExtent(tensor, static_cast<int64_t>(dim)));
  }
}

void FunctionVisitor::constrainInsert(tensor::InsertSliceOp op) {
  constrainSlice(op, op.getDest());
  llvm::SmallBitVector dropped = op.getDroppedDims();
  int64_t sourceDim = 0;
  for (auto [dim, size] : llvm::enumerate(op.getMixedSizes()))
    if (!dropped.test(dim))
      add(op, getExtent(op.getSource(), sourceDim++), Relation::Equal,
          getNumber(size));
}

/// The extents that one becomes have it as their product.
void FunctionVisitor::constrainExpansion(tensor::ExpandShapeOp op) {
  SmallVector<OpFoldResult> sizes = op.getMixedOutputShape();
  for (auto [dim, group] : llvm::enumerate(op.getReassociationIndices())) {
    AffineExpr product = getConstant(1);
    for (int64_t part : group) {
      AffineExpr size = getNumber(sizes[part]);
      bool isAffine =
          product && size &&
          (isa<AffineConstantExpr>(product) || isa<AffineConstantExpr>(size));
      product = isAffine ? product * size : AffineExpr();
    }
    add(op, getExtent(op.getSrc(), static_cast<int64_t>(dim)), Relation::Equal,
        product);
  }
}

/// All extents but that along which tensors are put together are equal.
void FunctionVisitor::constrainConcat(tensor::ConcatOp op) {
  Value first = op.getInputs().front();
  for (Value other : op.getInputs().drop_front())
    for (int64_t dim = 0; dim < op.getType().getRank(); ++dim)
      if (static_cast<uint64_t>(dim) != op.getDim())
        add(op, getExtent(other, dim), Relation::Equal, getExtent(first, dim));
}

void FunctionVisitor::constrainCall(func::CallOp call,
                                    const FunctionExtents &callee) {
  Shape symbols = getCallSymbols(call);
  for (const ExtentConstraint &constraint : callee.constraints.get())
    extents.constraints.add(
        {replaceExtents(constraint.lhs, symbols), constraint.relation,
         replaceExtents(constraint.rhs, symbols), constraint.source});
}

//===----------------------------------------------------------------------===//
// ExtentAnalysis
//===----------------------------------------------------------------------===//

const FunctionExtents *ExtentAnalysis::getCallee(func::CallOp call) {
  auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
  return callee ? get(callee) : nullptr;
}

const FunctionExtents *ExtentAnalysis::get(func::FuncOp function) {
  if (function.isExternal())
    return nullptr;
  auto [place, isNew] = known.try_emplace(function, nullptr);
  if (!isNew)
    return place->second.get();
  auto extents = std::make_unique<FunctionExtents>();
  FunctionVisitor(*this, function, *extents).run();
  return (known[function] = std::move(extents)).get();
}
