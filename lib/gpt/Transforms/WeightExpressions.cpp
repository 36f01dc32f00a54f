//===- WeightExpressions.cpp - values made of weights only ------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An expression ends where elements are moved for the last time: views of a
// packed weight cost nothing and stay where they are used, and what makes
// elements wider is cheaper to do again than to read.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/WeightExpressions.h"

#include "gpt/GptDialect.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::gpt;

bool gpt::isWeightPack(Operation *op) {
  auto name = op->getAttrOfType<StringAttr>(kClassAttr);
  return isa<linalg::PackOp>(op) && name &&
         (name.getValue() == "weight" || name.getValue() == "pair_weight");
}

/// Whether `op` gives another view of the elements of its first operand.
static bool isView(Operation *op) {
  return isa<tensor::ExtractSliceOp, tensor::ExpandShapeOp,
             tensor::CollapseShapeOp, tensor::CastOp>(op);
}

/// Whether `op` makes a value of nothing but constants.
static bool isConstant(Operation *op) {
  return op->hasTrait<OpTrait::ConstantLike>() ||
         isa<tensor::EmptyOp, linalg::FillOp>(op);
}

static unsigned getElementBits(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getElementType().isIntOrFloat()
             ? tensor.getElementTypeBitWidth()
             : 0;
}

/// Whether `op` stores elements in more bits than it reads them in.
static bool widens(Operation *op) {
  SmallVector<Value> inputs(op->getOperands());
  if (auto structured = dyn_cast<DestinationStyleOpInterface>(op))
    inputs = structured.getDpsInputs();
  unsigned widest = 0;
  for (Value input : inputs)
    widest = std::max(widest, getElementBits(input.getType()));
  return llvm::any_of(op->getResultTypes(),
                      [&](Type type) { return getElementBits(type) > widest; });
}

/// Whether `op` may be computed ahead if its operands may.
static bool isHoistable(Operation *op) {
  if (!isPure(op) || op->hasTrait<OpTrait::IsTerminator>())
    return false;
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  return captured.empty() && (isConstant(op) || !widens(op));
}

namespace {
/// The ops of one function that depend on weights and constants only.
class WeightOnlyOps {
public:
  WeightOnlyOps(func::FuncOp function, const WeightArguments &weights)
      : weights(weights) {
    function.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op != function && isHoistable(op) &&
          llvm::all_of(op->getOperands(),
                       [&](Value operand) { return contains(operand); }))
        ops.insert(op);
    });
  }

  ArrayRef<Operation *> getOps() const { return ops.getArrayRef(); }

  /// Whether anything but an expression reads `value` or a view of it.
  bool escapes(Value value) const {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      return !ops.contains(user) ||
             (isView(user) && escapes(user->getResult(0)));
    });
  }

  WeightExpression getExpression(Value root) const {
    WeightExpression expression{root, {}, {}};
    llvm::DenseSet<Operation *> visited;
    collect(root, visited, expression);
    return expression;
  }

private:
  bool contains(Value value) const {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return weights.contains(argument);
    return ops.contains(value.getDefiningOp());
  }

  static void collect(Value value, llvm::DenseSet<Operation *> &visited,
                      WeightExpression &expression) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      if (!llvm::is_contained(expression.leaves, argument))
        expression.leaves.push_back(argument);
      return;
    }
    Operation *op = value.getDefiningOp();
    if (!visited.insert(op).second)
      return;
    for (Value operand : op->getOperands())
      collect(operand, visited, expression);
    expression.ops.push_back(op);
  }

  const WeightArguments &weights;
  llvm::SetVector<Operation *> ops;
};
} // namespace

SmallVector<WeightExpression>
gpt::findWeightExpressions(func::FuncOp function,
                           const WeightArguments &weights) {
  SmallVector<WeightExpression> found;
  WeightOnlyOps ops(function, weights);
  for (Operation *op : ops.getOps()) {
    if (isView(op) || isConstant(op) || op->getNumResults() != 1)
      continue;
    Value root = op->getResult(0);
    auto type = dyn_cast<RankedTensorType>(root.getType());
    if (!type || !type.hasStaticShape() || !ops.escapes(root))
      continue;
    WeightExpression expression = ops.getExpression(root);
    if (llvm::any_of(expression.ops, isWeightPack))
      found.push_back(std::move(expression));
  }
  return found;
}

/// Returns the use of the tensor.empty that `value` is written into, or null if
/// there is something else below it.
static OpOperand *findDestination(Value value) {
  OpOperand *use = nullptr;
  while (Operation *op = value.getDefiningOp()) {
    if (isa<tensor::EmptyOp>(op))
      return use;
    if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
      use = &insert.getDestMutable();
    else if (auto structured = dyn_cast<DestinationStyleOpInterface>(op))
      use = structured.getTiedOpOperand(cast<OpResult>(value));
    else
      return nullptr;
    value = use->get();
  }
  return nullptr;
}

OwningOpRef<func::FuncOp>
gpt::buildPackingFunction(const WeightExpression &expression) {
  MLIRContext *context = expression.root.getContext();
  auto type = cast<RankedTensorType>(expression.root.getType());
  auto destType = MemRefType::get(type.getShape(), type.getElementType());
  SmallVector<Type> types = llvm::map_to_vector(
      expression.leaves, [](BlockArgument leaf) { return leaf.getType(); });
  types.push_back(destType);

  Location loc = expression.root.getLoc();
  OpBuilder builder(context);
  OwningOpRef<func::FuncOp> function = func::FuncOp::create(
      builder, loc, "gpt_pack", builder.getFunctionType(types, {}));
  Block *body = function->addEntryBlock();
  builder.setInsertionPointToStart(body);
  Value dest = body->getArguments().back();
  Value into = bufferization::ToTensorOp::create(
      builder, loc, type, dest, /*restrict=*/true, /*writable=*/true);

  IRMapping mapping;
  for (auto [leaf, argument] :
       llvm::zip(expression.leaves, body->getArguments()))
    mapping.map(leaf, argument);
  for (Operation *op : expression.ops) {
    auto concat = dyn_cast<tensor::ConcatOp>(builder.clone(*op, mapping));
    if (!concat)
      continue;
    // A concatenation has no destination; a chain of insertions has.
    builder.setInsertionPoint(concat);
    FailureOr<SmallVector<Value>> parts = concat.decomposeOperation(builder);
    builder.setInsertionPointToEnd(body);
    if (failed(parts))
      continue;
    mapping.map(op->getResult(0), parts->front());
    concat.erase();
  }
  Value result = mapping.lookup(expression.root);
  if (OpOperand *destination = findDestination(result))
    destination->set(into);
  bufferization::MaterializeInDestinationOp::create(
      builder, loc, /*result=*/Type(), result, dest, /*restrict=*/true,
      /*writable=*/true);
  func::ReturnOp::create(builder, loc);
  return function;
}
