//===- EntryValues.cpp - Values that arguments alone decide -----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See EntryValues.h.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/EntryValues.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace {

/// `dim` of a reshaped buffer in terms of what was reshaped:
///
///   %b = memref.collapse_shape %a [[0], [1, 2]] : memref<?x?x4xf32> ...
///   %n = memref.dim %b, %c1
///
///   %d = memref.dim %a, %c1
///   %n = arith.muli %d, %c4
struct DimOfReshape final : public OpRewritePattern<memref::DimOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(memref::DimOp op,
                                PatternRewriter &rewriter) const final {
    std::optional<int64_t> index = op.getConstantIndex();
    if (!index)
      return rewriter.notifyMatchFailure(op, "which dimension is not known");
    Location loc = op.getLoc();
    if (auto expand = op.getSource().getDefiningOp<memref::ExpandShapeOp>()) {
      rewriter.replaceOp(
          op, getValueOrCreateConstantIndexOp(
                  rewriter, loc, expand.getMixedOutputShape()[*index]));
      return success();
    }
    auto collapse = op.getSource().getDefiningOp<memref::CollapseShapeOp>();
    if (!collapse)
      return rewriter.notifyMatchFailure(op, "the source is no reshape");
    Value size;
    for (int64_t dim : collapse.getReassociationIndices()[*index]) {
      Value factor =
          rewriter.createOrFold<memref::DimOp>(loc, collapse.getSrc(), dim);
      size = size ? rewriter.createOrFold<arith::MulIOp>(loc, size, factor)
                  : factor;
    }
    rewriter.replaceOp(op, size);
    return success();
  }
};

} // namespace

LogicalResult gpt::simplifySizes(func::FuncOp function) {
  RewritePatternSet patterns(function.getContext());
  memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
  memref::DimOp::getCanonicalizationPatterns(patterns, function.getContext());
  patterns.add<DimOfReshape>(function.getContext());
  if (failed(applyPatternsGreedily(function, std::move(patterns))))
    return failure();
  IRRewriter rewriter(function.getContext());
  DominanceInfo dominance(function);
  eliminateCommonSubExpressions(rewriter, dominance, function);
  return success();
}

gpt::EntryValues::EntryValues(func::FuncOp function)
    : entry(&function.front()), end(&function.front().front()) {}

bool gpt::EntryValues::contains(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getOwner() == entry;
  if (auto found = known.find(value); found != known.end())
    return found->second;
  Operation *op = value.getDefiningOp();
  bool contained = op->getNumRegions() == 0 && isPure(op) &&
                   contains(ValueRange(op->getOperands()));
  return known[value] = contained;
}

bool gpt::EntryValues::contains(ValueRange values) {
  return llvm::all_of(values, [&](Value value) { return contains(value); });
}

void gpt::EntryValues::hoist(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || (op->getBlock() == entry && op->isBeforeInBlock(end)))
    return;
  for (Value operand : op->getOperands())
    hoist(operand);
  if (op == end)
    end = op->getNextNode();
  else
    op->moveBefore(end);
}

Value gpt::cloneEntryValue(OpBuilder &builder, Value value,
                           IRMapping &mapping) {
  if (Value clone = mapping.lookupOrNull(value))
    return clone;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    cloneEntryValue(builder, operand, mapping);
  builder.clone(*op, mapping);
  return mapping.lookup(value);
}

/// Appends what `function` calls, then itself.
static void appendCalleesFirst(func::FuncOp function, SymbolTable &symbols,
                               DenseSet<Operation *> &visited,
                               SmallVectorImpl<func::FuncOp> &order) {
  if (function.isExternal() || !visited.insert(function).second)
    return;
  function.walk([&](func::CallOp call) {
    if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee()))
      appendCalleesFirst(callee, symbols, visited, order);
  });
  order.push_back(function);
}

SmallVector<func::FuncOp> gpt::getCalleesFirst(ModuleOp module) {
  SymbolTable symbols(module);
  DenseSet<Operation *> visited;
  SmallVector<func::FuncOp> order;
  for (auto function : module.getOps<func::FuncOp>())
    appendCalleesFirst(function, symbols, visited, order);
  return order;
}

/// Whether `function` calls itself, also through others.
static bool isRecursive(func::FuncOp function) {
  auto module = function->getParentOfType<ModuleOp>();
  SetVector<Operation *> reached;
  auto visit = [&](func::FuncOp caller) {
    caller.walk([&](func::CallOp call) {
      if (Operation *callee = module.lookupSymbol(call.getCallee()))
        reached.insert(callee);
    });
  };
  visit(function);
  for (size_t i = 0; i < reached.size(); ++i)
    if (auto callee = dyn_cast<func::FuncOp>(reached[i]))
      visit(callee);
  return reached.contains(function);
}

FailureOr<SmallVector<func::CallOp>> gpt::getAllCalls(func::FuncOp function) {
  if (!function.isPrivate() || isRecursive(function))
    return failure();
  auto uses = function.getSymbolUses(function->getParentOp());
  if (!uses)
    return failure();
  SmallVector<func::CallOp> calls;
  for (SymbolTable::SymbolUse use : *uses) {
    auto call = dyn_cast<func::CallOp>(use.getUser());
    if (!call)
      return failure();
    calls.push_back(call);
  }
  return calls;
}
