//===- OutlineParallel.cpp - Parallel loops as functions --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads run functions, so the body of a parallel loop becomes one, over a
// range of the linearised iteration space. A second function stands for the
// decision who runs it: as made here it runs all iterations itself, which keeps
// the IR executable at every stage; gpt-lower-parallel-calls later lets it ask
// the runtime. Outlining happens while loops and memrefs still show what a body
// uses and how much it does, and before address arithmetic is expanded, which
// otherwise would be computed outside and passed in.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"
#include "gpt/GptParallel.h"
#include "gpt/Transforms/Passes.h"
#include "gpt/Transforms/WorkEstimate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_OUTLINEPARALLEL
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

namespace {
/// One dimension of a parallel loop: constants, or values in front of the loop.
struct Dimension {
  OpFoldResult lower, step;
  /// The number of iterations.
  OpFoldResult count;
};
} // namespace

/// Whether `op` is a loop whose iterations can run in any order and that works
/// on memory only.
static bool isParallelLoop(Operation *op) {
  return isa<scf::ForallOp, scf::ParallelOp>(op) && op->getNumResults() == 0;
}

/// Whether `loop` is known to have less than two iterations.
static bool isTrivial(LoopLikeOpInterface loop) {
  bool allOne = true;
  for (auto [lower, upper, step] :
       llvm::zip_equal(*loop.getLoopLowerBounds(), *loop.getLoopUpperBounds(),
                       *loop.getLoopSteps())) {
    std::optional<int64_t> count =
        gpt::getConstantTripCount(lower, upper, step);
    if (count == 0)
      return true;
    allOne &= count == 1;
  }
  return allOne;
}

/// The outermost parallel loops of `function` that are worth running in
/// parallel.
static SmallVector<LoopLikeOpInterface> collectLoops(func::FuncOp function) {
  SmallVector<LoopLikeOpInterface> loops;
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!isParallelLoop(op) || isTrivial(cast<LoopLikeOpInterface>(op)))
      return WalkResult::advance();
    loops.push_back(cast<LoopLikeOpInterface>(op));
    return WalkResult::skip();
  });
  return loops;
}

/// Computes the dimensions of `loop` in front of it.
static SmallVector<Dimension> getDimensions(LoopLikeOpInterface loop,
                                            OpBuilder &builder) {
  auto fold = [](OpFoldResult value) {
    auto dynamic = dyn_cast<Value>(value);
    return dynamic ? getAsOpFoldResult(dynamic) : value;
  };
  SmallVector<Dimension> dimensions;
  for (auto [lower, upper, step] :
       llvm::zip_equal(*loop.getLoopLowerBounds(), *loop.getLoopUpperBounds(),
                       *loop.getLoopSteps())) {
    Value count =
        gpt::createTripCount(builder, loop.getLoc(), lower, upper, step);
    dimensions.push_back({fold(lower), fold(step), fold(OpFoldResult(count))});
  }
  return dimensions;
}

/// Returns the values that the loop's body uses from outside, without those
/// that the body can make itself: constants and addresses of globals, which
/// are moved into it here.
static SetVector<Value> internConstants(LoopLikeOpInterface loop) {
  Region &region = *loop.getLoopRegions().front();
  SetVector<Value> used, captured;
  getUsedValuesDefinedAbove(region, used);
  OpBuilder builder(loop->getContext());
  builder.setInsertionPointToStart(&region.front());
  for (Value value : used) {
    Operation *op = value.getDefiningOp();
    if (op && (matchPattern(op, m_Constant()) || isa<memref::GetGlobalOp>(op)))
      replaceAllUsesInRegionWith(value, builder.clone(*op)->getResult(0),
                                 region);
    else
      captured.insert(value);
  }
  return captured;
}

/// Makes an empty private function after `previous`.
static func::FuncOp createFunction(SymbolTable &symbols, func::FuncOp previous,
                                   const Twine &name, TypeRange arguments) {
  OpBuilder builder(previous->getContext());
  auto function = func::FuncOp::create(builder, previous.getLoc(), name.str(),
                                       builder.getFunctionType(arguments, {}));
  function.setPrivate();
  symbols.insert(function, std::next(previous->getIterator()));
  function.addEntryBlock();
  return function;
}

/// Computes the induction variables of iteration `index` of the linearised
/// space; the last dimension runs fastest.
static SmallVector<Value> delinearize(OpBuilder &builder, Location loc,
                                      Value index,
                                      ArrayRef<Dimension> dimensions) {
  auto get = [&](OpFoldResult value) {
    return getValueOrCreateConstantIndexOp(builder, loc, value);
  };
  SmallVector<Value> variables(dimensions.size());
  for (size_t i = dimensions.size(); i-- > 0;) {
    const Dimension &dimension = dimensions[i];
    Value position = index;
    if (i > 0) {
      Value count = get(dimension.count);
      position = builder.createOrFold<arith::RemUIOp>(loc, index, count);
      index = builder.createOrFold<arith::DivUIOp>(loc, index, count);
    }
    position =
        builder.createOrFold<arith::MulIOp>(loc, position, get(dimension.step));
    variables[i] = builder.createOrFold<arith::AddIOp>(loc, position,
                                                       get(dimension.lower));
  }
  return variables;
}

/// Fills `function`, which takes begin, end and `captured`, with a sequential
/// loop over that range and moves the body of `loop` there.
static void buildBody(func::FuncOp function, LoopLikeOpInterface loop,
                      ArrayRef<Dimension> dimensions,
                      const SetVector<Value> &captured) {
  Location loc = loop.getLoc();
  Block &entry = function.front();
  IRRewriter rewriter(function->getContext());
  rewriter.setInsertionPointToStart(&entry);
  Value one = arith::ConstantIndexOp::create(rewriter, loc, 1);
  auto sequential = scf::ForOp::create(rewriter, loc, entry.getArgument(0),
                                       entry.getArgument(1), one);
  func::ReturnOp::create(rewriter, loc);

  Operation *yield = sequential.getBody()->getTerminator();
  rewriter.setInsertionPoint(yield);
  SmallVector<Value> variables =
      delinearize(rewriter, loc, sequential.getInductionVar(), dimensions);
  Block &block = loop.getLoopRegions().front()->front();
  rewriter.eraseOp(block.getTerminator());
  rewriter.inlineBlockBefore(&block, yield, variables);

  for (auto [value, argument] :
       llvm::zip_equal(captured, entry.getArguments().drop_front(2)))
    replaceAllUsesInRegionWith(value, argument, function.getBody());
}

/// Fills `function`, which takes work, count and what `body` uses, with a call
/// that runs all iterations.
static void buildDispatch(func::FuncOp function, func::FuncOp body) {
  Block &entry = function.front();
  OpBuilder builder = OpBuilder::atBlockBegin(&entry);
  Location loc = function.getLoc();
  SmallVector<Value> operands(entry.getArguments());
  operands[0] = arith::ConstantIndexOp::create(builder, loc, 0);
  func::CallOp::create(builder, loc, body, operands);
  func::ReturnOp::create(builder, loc);
  function->setAttr(gpt::kParallelAttr, builder.getUnitAttr());
}

/// Replaces `loop` by a call of a new function:
///
///   scf.forall (%i) in (%n) { use(%i, %x) }
///
///   func.call @f_parallel(%work, %n, %x) : (index, index, T) -> ()
static void outline(LoopLikeOpInterface loop, Value work,
                    SymbolTable &symbols) {
  Location loc = loop.getLoc();
  auto parent = loop->getParentOfType<func::FuncOp>();
  OpBuilder builder(loop);
  SmallVector<Dimension> dimensions = getDimensions(loop, builder);
  auto get = [&](OpFoldResult value) {
    return getValueOrCreateConstantIndexOp(builder, loc, value);
  };
  Value count = get(dimensions.front().count);
  for (const Dimension &dimension : ArrayRef(dimensions).drop_front())
    count =
        builder.createOrFold<arith::MulIOp>(loc, count, get(dimension.count));

  SetVector<Value> captured = internConstants(loop);
  // The body computes induction variables from these.
  auto capture = [&](OpFoldResult value) {
    if (auto dynamic = dyn_cast<Value>(value))
      captured.insert(dynamic);
  };
  for (auto [index, dimension] : llvm::enumerate(dimensions)) {
    capture(dimension.lower);
    capture(dimension.step);
    if (index > 0)
      capture(dimension.count);
  }

  SmallVector<Type> types(2, builder.getIndexType());
  for (Value value : captured)
    types.push_back(value.getType());
  func::FuncOp dispatch =
      createFunction(symbols, parent, parent.getName() + "_parallel", types);
  func::FuncOp body =
      createFunction(symbols, dispatch, dispatch.getName() + "_body", types);
  buildBody(body, loop, dimensions, captured);
  buildDispatch(dispatch, body);

  SmallVector<Value> operands = {work, count};
  llvm::append_range(operands, captured);
  builder.setInsertionPoint(loop);
  func::CallOp::create(builder, loc, dispatch, operands);
  loop->erase();
}

namespace {
struct OutlineParallel final
    : public gpt::impl::OutlineParallelBase<OutlineParallel> {
  using OutlineParallelBase::OutlineParallelBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    auto functions = llvm::to_vector(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions) {
      for (LoopLikeOpInterface loop : collectLoops(function)) {
        Value work = gpt::createWorkEstimate(loop);
        std::optional<int64_t> known = getConstantIntValue(work);
        if (known && *known < minWork) {
          ++numSmall;
          continue;
        }
        outline(loop, work, symbols);
        ++numOutlined;
      }
    }
  }
};
} // namespace
