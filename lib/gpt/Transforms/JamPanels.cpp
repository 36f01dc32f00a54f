//===- JamPanels.cpp - Several panels at a time -----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A single row reads a weight as fast as memory gives it. Some processors fetch
// one stream of lines no faster than so, and several at once faster: there,
// iterations of a loop over panels are put together, and their loops over the
// depth become one that reads the panels in turn. Each panel's sums are what
// they were.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_JAMPANELS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// The number of iterations of a loop on tensors over one dimension from 0 in
/// steps of 1, if it is known.
static std::optional<int64_t> getNumPanels(scf::ForallOp loop) {
  if (loop.getRank() != 1 || !loop.isNormalized() || loop.getNumResults() == 0)
    return std::nullopt;
  return getConstantIntValue(loop.getMixedUpperBound().front());
}

namespace {
/// Writes the bodies of several iterations of a loop as one: each op as often
/// as there are iterations, loops over the same range once.
class Jam {
public:
  Jam(RewriterBase &rewriter, MutableArrayRef<IRMapping> iterations)
      : rewriter(rewriter), iterations(iterations) {}

  void write(Operation &op) {
    auto loop = dyn_cast<scf::ForOp>(op);
    if (loop && haveSameRange(loop))
      return writeLoop(loop);
    for (IRMapping &iteration : iterations)
      rewriter.clone(op, iteration);
  }

private:
  bool haveSameRange(scf::ForOp loop) const {
    return llvm::all_of(iterations.drop_front(), [&](IRMapping &other) {
      return llvm::all_of(ValueRange{loop.getLowerBound(), loop.getUpperBound(),
                                     loop.getStep()},
                          [&](Value bound) {
                            return other.lookupOrDefault(bound) ==
                                   iterations.front().lookupOrDefault(bound);
                          });
    });
  }
  void writeLoop(scf::ForOp loop);

  RewriterBase &rewriter;
  MutableArrayRef<IRMapping> iterations;
};
} // namespace

void Jam::writeLoop(scf::ForOp loop) {
  IRMapping &first = iterations.front();
  SmallVector<Value> inits;
  for (IRMapping &iteration : iterations)
    for (Value init : loop.getInitArgs())
      inits.push_back(iteration.lookupOrDefault(init));
  auto jammed = scf::ForOp::create(
      rewriter, loop.getLoc(), first.lookupOrDefault(loop.getLowerBound()),
      first.lookupOrDefault(loop.getUpperBound()),
      first.lookupOrDefault(loop.getStep()), inits,
      [](OpBuilder &, Location, Value, ValueRange) {});
  size_t count = loop.getInitArgs().size();
  for (auto [index, iteration] : llvm::enumerate(iterations)) {
    iteration.map(loop.getInductionVar(), jammed.getInductionVar());
    iteration.map(loop.getRegionIterArgs(),
                  jammed.getRegionIterArgs().slice(index * count, count));
    iteration.map(loop.getResults(),
                  jammed.getResults().slice(index * count, count));
  }
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToEnd(jammed.getBody());
  for (Operation &op : loop.getBody()->without_terminator())
    write(op);
  SmallVector<Value> yielded;
  for (IRMapping &iteration : iterations)
    for (Value value : loop.getYieldedValues())
      yielded.push_back(iteration.lookupOrDefault(value));
  scf::YieldOp::create(rewriter, loop.getLoc(), yielded);
}

/// Before, with a factor of 2:
/// ```mlir
/// scf.forall (%panel) in (%n) {
///   %sums = scf.for %k ... iter_args(%s) { multiply(%s, %w[%panel, %k]) }
///   use(%panel, %sums)
/// }
/// ```
/// After:
/// ```mlir
/// scf.forall (%i) in (%n / 2, rounded up) {
///   %panel = 2 * %i
///   %other = min(2 * %i + 1, %n - 1)
///   %sums:2 = scf.for %k ... iter_args(%s, %t) {
///     multiply(%s, %w[%panel, %k]), multiply(%t, %w[%other, %k])
///   }
///   use(%panel, %sums#0), use(%other, %sums#1)
/// }
/// ```
static void jam(scf::ForallOp loop, int64_t numPanels, int64_t factor,
                RewriterBase &rewriter) {
  Location loc = loop.getLoc();
  rewriter.setInsertionPoint(loop);
  SmallVector<OpFoldResult> bound = {
      rewriter.getIndexAttr(llvm::divideCeil(numPanels, factor))};
  auto jammed = scf::ForallOp::create(rewriter, loc, bound, loop.getOutputs(),
                                      loop.getMapping());
  jammed->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
  rewriter.setInsertionPointToStart(jammed.getBody());

  AffineExpr index = rewriter.getAffineDimExpr(0);
  AffineExpr last = rewriter.getAffineConstantExpr(numPanels - 1);
  Value variable = jammed.getInductionVar(0);
  SmallVector<IRMapping> iterations(factor);
  for (auto [number, iteration] : llvm::enumerate(iterations)) {
    AffineExpr panel = index * factor + static_cast<int64_t>(number);
    Value mapped;
    if (number == 0 || numPanels % factor == 0)
      mapped = affine::AffineApplyOp::create(
          rewriter, loc, AffineMap::get(1, 0, panel), variable);
    else // the last one once more, which writes the same again
      mapped = affine::AffineMinOp::create(
          rewriter, loc,
          AffineMap::get(1, 0, {panel, last}, rewriter.getContext()), variable);
    iteration.map(loop.getInductionVar(0), mapped);
    iteration.map(loop.getRegionIterArgs(), jammed.getRegionIterArgs());
  }

  Jam writer(rewriter, iterations);
  for (Operation &op : loop.getBody()->without_terminator())
    writer.write(op);
  rewriter.setInsertionPointToStart(jammed.getTerminator().getBody());
  for (Operation &op : loop.getTerminator().getYieldingOps())
    for (IRMapping &iteration : iterations)
      rewriter.clone(op, iteration);
  rewriter.replaceOp(loop, jammed.getResults());
}

namespace {
struct JamPanels final : public gpt::impl::JamPanelsBase<JamPanels> {
  using JamPanelsBase::JamPanelsBase;

  void runOnOperation() override {
    if (factor < 1) {
      getOperation()->emitError()
          << "expected factor (" << factor.getValue() << ") to be 1 or more";
      return signalPassFailure();
    }
    if (factor == 1)
      return markAllAnalysesPreserved();
    SmallVector<scf::ForallOp> loops;
    getOperation()->walk([&](scf::ForallOp loop) {
      auto name = loop->getAttrOfType<StringAttr>(gpt::kClassAttr);
      if (name && name.getValue() == className)
        loops.push_back(loop);
    });
    IRRewriter rewriter(&getContext());
    for (scf::ForallOp loop : loops) {
      std::optional<int64_t> numPanels = getNumPanels(loop);
      // What would have one iteration stays: upstream inlines such a loop and
      // keeps only one of the slices that it inserts into a tensor.
      if (!numPanels || *numPanels <= factor)
        continue;
      jam(loop, *numPanels, factor, rewriter);
      ++numJammed;
    }
  }
};
} // namespace
