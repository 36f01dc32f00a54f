//===- PrefetchPanels.cpp - fetch the panel that is next --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All rows are multiplied by one panel of a weight, then by the next one. The
// first tile of rows finds its panel in memory and waits for it at the speed of
// memory, the others find it in the cache and leave memory idle. So the first
// tiles also fetch the panel that is next, a line or two for each step of their
// loop over the depth: as many tiles as such a step is deep fetch all of it.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptMemory.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_PREFETCHPANELS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// What `memref.prefetch` calls a cache behind the first one.
static constexpr int32_t kLocality = 2;

namespace {
/// A read of some features of a panel, in a loop over the depth.
struct PanelRead {
  vector::TransferReadOp read;
  scf::ForOp depth;
  /// The index of the tile of rows, counted from zero.
  Value rows;
  /// Which dimension of the weight is that of panels.
  unsigned panelDim;
  /// Features of a step of `depth`, and of the panel.
  int64_t step, size;
  /// Bytes of one feature, and of an element of it.
  int64_t featureBytes, elementBytes;
};
} // namespace

/// Whether `value` counts the iterations of a loop from zero.
static bool isCounter(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  auto loop =
      argument
          ? dyn_cast<LoopLikeOpInterface>(argument.getOwner()->getParentOp())
          : LoopLikeOpInterface();
  if (!loop)
    return false;
  auto variables = loop.getLoopInductionVars();
  if (!variables)
    return false;
  for (auto [variable, lower, step] : llvm::zip_equal(
           *variables, *loop.getLoopLowerBounds(), *loop.getLoopSteps()))
    if (variable == value)
      return isConstantIntValue(lower, 0) && isConstantIntValue(step, 1);
  return false;
}

/// The counter of the loop of one dimension around `depth`.
static Value getRowCounter(scf::ForOp depth) {
  auto rows = dyn_cast<LoopLikeOpInterface>(depth->getParentOp());
  std::optional<Value> counter =
      rows ? rows.getSingleInductionVar() : std::nullopt;
  return counter && isCounter(*counter) ? *counter : Value();
}

/// Recognises `weight[..., %panel, %k, 0...]` in a loop over `%k` that is in
/// one over tiles of rows, which is in one over panels.
static std::optional<PanelRead> matchPanelRead(vector::TransferReadOp read) {
  auto depth = dyn_cast<scf::ForOp>(read->getParentOp());
  auto type = dyn_cast<MemRefType>(read.getBase().getType());
  if (!depth || !type || !type.getElementType().isIntOrFloat() ||
      !type.hasStaticShape() || !type.getLayout().isIdentity() ||
      read.getMask() || read.hasOutOfBoundsDim())
    return std::nullopt;
  OperandRange indices = read.getIndices();
  auto depthIndex = llvm::find(indices, depth.getInductionVar());
  unsigned depthDim = depthIndex - indices.begin();
  if (depthIndex == indices.end() || depthDim == 0 ||
      !llvm::all_of(indices.drop_front(depthDim + 1),
                    [](Value index) { return matchPattern(index, m_Zero()); }))
    return std::nullopt;
  PanelRead panel{read,
                  depth,
                  getRowCounter(depth),
                  depthDim - 1,
                  /*step=*/1,
                  type.getDimSize(depthDim),
                  /*featureBytes=*/0,
                  *gpt::getElementBytes(type.getElementType())};
  Value index = indices[panel.panelDim];
  if (!panel.rows || index == panel.rows || !isCounter(index) ||
      !depth.isDefinedOutsideOfLoop(index))
    return std::nullopt;
  std::optional<int64_t> step = getConstantIntValue(depth.getStep());
  if (!step || *step < 1 || !isConstantIntValue(depth.getLowerBound(), 0) ||
      !isConstantIntValue(depth.getUpperBound(), panel.size) ||
      panel.size % *step != 0)
    return std::nullopt;
  panel.step = *step;
  std::optional<int64_t> featureBytes = gpt::multiplyExtents(
      panel.elementBytes, type.getShape().drop_front(depthDim + 1));
  if (!featureBytes)
    return std::nullopt;
  panel.featureBytes = *featureBytes;
  return panel;
}

/// Fetches one feature of the next panel in each step over the depth:
///
///   scf.for %k = %c0 to %c768 step %c4 {
///     vector.transfer_read %w[%n, %k, %c0] : memref<96x768x32xf32>, ...
///   }
///
/// becomes
///
///   %next = min(%n + 1, 95)
///   %first = min(%m, 3) * 192
///   scf.for %k = %c0 to %c768 step %c4 {
///     memref.prefetch %w[%next, %first + %k / 4, %c0]
///     memref.prefetch %w[%next, %first + %k / 4, %c16]
///     vector.transfer_read ...
///   }
static void fetchNext(PanelRead panel, int64_t lineBytes) {
  vector::TransferReadOp read = panel.read;
  Location loc = read.getLoc();
  OpBuilder builder(panel.depth);
  auto getIndex = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  auto type = cast<MemRefType>(read.getBase().getType());
  SmallVector<Value> indices(read.getIndices());
  Value next =
      arith::AddIOp::create(builder, loc, indices[panel.panelDim], getIndex(1));
  indices[panel.panelDim] = arith::MinUIOp::create(
      builder, loc, next, getIndex(type.getDimSize(panel.panelDim) - 1));
  Value part = arith::MinUIOp::create(builder, loc, panel.rows,
                                      getIndex(panel.step - 1));
  Value first = arith::MulIOp::create(builder, loc, part,
                                      getIndex(panel.size / panel.step));

  builder.setInsertionPointToStart(panel.depth.getBody());
  Value iteration = arith::DivUIOp::create(
      builder, loc, panel.depth.getInductionVar(), getIndex(panel.step));
  unsigned depthDim = panel.panelDim + 1;
  indices[depthDim] = arith::AddIOp::create(builder, loc, first, iteration);
  for (int64_t byte = 0; byte < panel.featureBytes; byte += lineBytes) {
    int64_t element = byte / panel.elementBytes;
    for (unsigned dim = type.getRank() - 1; dim > depthDim; --dim) {
      indices[dim] = getIndex(element % type.getDimSize(dim));
      element /= type.getDimSize(dim);
    }
    memref::PrefetchOp::create(builder, loc, read.getBase(), indices,
                               /*isWrite=*/false, kLocality,
                               /*isDataCache=*/true);
  }
}

namespace {
struct PrefetchPanels final
    : public gpt::impl::PrefetchPanelsBase<PrefetchPanels> {
  using PrefetchPanelsBase::PrefetchPanelsBase;

  void runOnOperation() override {
    if (cacheBytes < 0 || lineBytes < 1) {
      getOperation()->emitError()
          << "expected cache-bytes (" << cacheBytes.getValue()
          << ") not to be negative and line-bytes (" << lineBytes.getValue()
          << ") to be positive";
      return signalPassFailure();
    }
    SmallVector<PanelRead> panels;
    getOperation()->walk([&](vector::TransferReadOp read) {
      if (std::optional<PanelRead> panel = matchPanelRead(read))
        panels.push_back(*panel);
    });
    for (PanelRead panel : panels) {
      // This panel stays in the cache while the next one arrives.
      std::optional<int64_t> panelBytes =
          gpt::multiplyExtents(panel.featureBytes, panel.size);
      if (!panelBytes || 2 * *panelBytes > cacheBytes) {
        remark::missed(
            panel.read.getLoc(),
            remark::RemarkOpts::name(getArgument()).category("schedule"))
            << remark::reason("two panels exceed the cache");
        continue;
      }
      fetchNext(panel, lineBytes);
      ++numPanels;
    }
  }
};
} // namespace
