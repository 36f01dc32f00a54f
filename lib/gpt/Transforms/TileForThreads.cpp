//===- TileForThreads.cpp - Parallel loops around linalg ops ----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What schedules do not tile would run on one thread. Such ops are tiled here
// along loops whose iterations are independent, into pieces that are large
// enough to be no burden where one thread runs them all: single iterations of
// outer loops, long runs of inner ones. Sums are never split, so results do not
// depend on the tiling. Runs on memory, where an op is tiled on its own and
// nothing has to be put together afterwards.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_TILEFORTHREADS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// As many tiles are enough for any team, if they are known.
static constexpr int64_t kEnoughTiles = 8;
/// The most tiles of one loop of known size.
static constexpr int64_t kMaxTiles = 64;
/// Loops of unknown sizes that together are taken for enough tiles: one may be
/// a batch of one, the other then is the sequence.
static constexpr int64_t kEnoughDynamicLoops = 2;
/// Elements that an innermost tile is a multiple of: several vectors.
static constexpr int64_t kInnerMultiple = 64;
/// Ops of less known work are left alone.
static constexpr int64_t kLeastWork = 16384;

/// Whether a parallel loop is around `op`.
static bool isInParallelLoop(Operation *op) {
  return op->getParentOfType<scf::ForallOp>() ||
         op->getParentOfType<scf::ParallelOp>();
}

/// Whether all sizes are known and there is little to do.
static bool isSmall(ArrayRef<int64_t> sizes) {
  return !ShapedType::isDynamicShape(sizes) &&
         llvm::product_of(sizes) < kLeastWork;
}

namespace {
/// Chooses tile sizes of one op; 0 for loops that are not tiled.
class TileSizes {
public:
  explicit TileSizes(linalg::LinalgOp op)
      : sizes(op.getStaticLoopRanges()), iterators(op.getIteratorTypesArray()),
        tiles(sizes.size(), 0) {
    tileOuterLoops();
    if (!isEnough())
      tileLargestLoop();
  }

  ArrayRef<int64_t> get() const { return tiles; }
  bool isTiled() const {
    return llvm::any_of(tiles, [](int64_t tile) { return tile != 0; });
  }

private:
  bool isParallel(size_t loop) const {
    return iterators[loop] == utils::IteratorType::parallel;
  }
  bool isEnough() const {
    return numTiles >= kEnoughTiles || numDynamic >= kEnoughDynamicLoops;
  }

  /// Tiles the outer parallel loops, but not the innermost one, until that is
  /// enough.
  void tileOuterLoops() {
    for (size_t loop = 0;
         loop + 1 < sizes.size() && isParallel(loop) && !isEnough(); ++loop) {
      if (sizes[loop] == 1)
        continue;
      tiles[loop] = 1;
      if (ShapedType::isDynamic(sizes[loop])) {
        ++numDynamic;
        continue;
      }
      tiles[loop] = llvm::divideCeil(sizes[loop], kMaxTiles);
      numTiles *= llvm::divideCeil(sizes[loop], tiles[loop]);
    }
  }

  /// Cuts the largest of the other parallel loops into long runs.
  void tileLargestLoop() {
    size_t largest = sizes.size();
    for (size_t loop = 0; loop < sizes.size(); ++loop)
      if (isParallel(loop) && tiles[loop] == 0 &&
          sizes[loop] >= 2 * kInnerMultiple &&
          (largest == sizes.size() || sizes[loop] > sizes[largest]))
        largest = loop;
    if (largest != sizes.size())
      tiles[largest] = llvm::alignTo(
          llvm::divideCeil(sizes[largest], kEnoughTiles), kInnerMultiple);
  }

  SmallVector<int64_t> sizes;
  SmallVector<utils::IteratorType> iterators;
  SmallVector<int64_t> tiles;
  int64_t numTiles = 1, numDynamic = 0;
};

struct TileForThreads final
    : public gpt::impl::TileForThreadsBase<TileForThreads> {
  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureBufferSemantics() && !isInParallelLoop(op) &&
          !isSmall(op.getStaticLoopRanges()))
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops) {
      TileSizes tiles(op);
      if (!tiles.isTiled())
        continue;
      rewriter.setInsertionPoint(op);
      linalg::LinalgTilingOptions options;
      options.setTileSizes(tiles.get());
      options.setLoopType(linalg::LinalgTilingLoopType::ParallelLoops);
      // Fails for ops whose operands are accessed in ways that cannot be cut.
      if (failed(linalg::tileLinalgOp(rewriter, op, options))) {
        op.emitRemark("is not tiled for threads");
        continue;
      }
      rewriter.eraseOp(op);
      ++numTiled;
    }
  }
};
} // namespace
