//===- EntryValues.cpp - Values that arguments alone decide -----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See EntryValues.h.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/EntryValues.h"
#include "gpt/GptDialect.h"

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
    auto type = dyn_cast<MemRefType>(op.getSource().getType());
    if (!index || !type || *index < 0 || *index >= type.getRank())
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
    ReassociationIndices group = collapse.getReassociationIndices()[*index];
    Value size;
    for (int64_t dim : group) {
      Value factor =
          rewriter.createOrFold<memref::DimOp>(loc, collapse.getSrc(), dim);
      size = size ? rewriter.createOrFold<arith::MulIOp>(loc, size, factor)
                  : factor;
    }
    rewriter.replaceOp(op, size);
    return success();
  }
};

/// An extent in terms of the first argument that has one of the same name:
///
///   func.func @f(%a: memref<?xf32> {gpt.dims = ["n"]},
///                %b: memref<?xf32> {gpt.dims = ["n"]})
///   %n = memref.dim %b, %c0
///
///   %n = memref.dim %a, %c0
struct DimOfSameName final : public OpRewritePattern<memref::DimOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(memref::DimOp op,
                                PatternRewriter &rewriter) const final {
    auto argument = dyn_cast<BlockArgument>(op.getSource());
    std::optional<int64_t> index = op.getConstantIndex();
    if (!argument || !index)
      return rewriter.notifyMatchFailure(op, "no extent of an argument");
    Block *block = argument.getOwner();
    auto function = dyn_cast<func::FuncOp>(block->getParentOp());
    if (!function || !block->isEntryBlock())
      return rewriter.notifyMatchFailure(op, "no extent of an argument");
    Attribute name = getName(function, argument.getArgNumber(), *index);
    if (!name)
      return rewriter.notifyMatchFailure(op, "the extent has no name");
    for (unsigned other = 0; other <= argument.getArgNumber(); ++other) {
      auto type = dyn_cast<MemRefType>(function.getArgumentTypes()[other]);
      for (int64_t dim = 0; type && dim < type.getRank(); ++dim) {
        if (getName(function, other, dim) != name)
          continue;
        if (other == argument.getArgNumber() && dim == *index)
          return rewriter.notifyMatchFailure(op, "it is the first of its name");
        rewriter.replaceOpWithNewOp<memref::DimOp>(
            op, function.getArgument(other), dim);
        return success();
      }
    }
    llvm_unreachable("the extent itself has the name");
  }

private:
  /// The name of an extent, null if it has none.
  static Attribute getName(func::FuncOp function, unsigned argument,
                           int64_t dim) {
    auto names = function.getArgAttrOfType<ArrayAttr>(argument, gpt::kDimsAttr);
    if (!names || dim < 0 || dim >= static_cast<int64_t>(names.size()))
      return {};
    auto name = dyn_cast<StringAttr>(names[dim]);
    return name && !name.empty() ? name : Attribute();
  }
};

} // namespace

LogicalResult gpt::simplifySizes(func::FuncOp function) {
  RewritePatternSet patterns(function.getContext());
  memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
  memref::DimOp::getCanonicalizationPatterns(patterns, function.getContext());
  patterns.add<DimOfReshape, DimOfSameName>(function.getContext());
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

gpt::CallIndex::CallIndex(ModuleOp module) {
  SymbolTable symbols(module);
  auto uses = SymbolTable::getSymbolUses(&module.getBodyRegion());
  if (!uses)
    return;
  isComplete = true;
  for (SymbolTable::SymbolUse use : *uses) {
    auto callee = symbols.lookup<func::FuncOp>(
        use.getSymbolRef().getRootReference().getValue());
    if (!callee)
      continue;
    users[callee].push_back(use.getUser());
    if (auto caller = use.getUser()->getParentOfType<func::FuncOp>())
      callees[caller].insert(callee);
  }
}

/// Whether `function` uses itself, also through others.
bool gpt::CallIndex::isRecursive(func::FuncOp function) const {
  SetVector<Operation *> reached;
  auto visit = [&](Operation *caller) {
    if (auto found = callees.find(caller); found != callees.end())
      reached.insert_range(found->second);
  };
  visit(function);
  for (size_t i = 0; i < reached.size(); ++i)
    visit(reached[i]);
  return reached.contains(function);
}

bool gpt::CallIndex::isUnused(func::FuncOp function) const {
  return isComplete && !users.contains(function);
}

FailureOr<SmallVector<func::CallOp>>
gpt::CallIndex::getAllCalls(func::FuncOp function) const {
  if (!isComplete || !function.isPrivate() || isRecursive(function))
    return failure();
  SmallVector<func::CallOp> calls;
  if (auto found = users.find(function); found != users.end()) {
    for (Operation *user : found->second) {
      auto call = dyn_cast<func::CallOp>(user);
      if (!call)
        return failure();
      calls.push_back(call);
    }
  }
  return calls;
}

FailureOr<SmallVector<func::CallOp>> gpt::getAllCalls(func::FuncOp function) {
  return CallIndex(function->getParentOfType<ModuleOp>()).getAllCalls(function);
}
