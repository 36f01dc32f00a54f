//===- FuseNorms.cpp - Norms as one loop over rows --------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A norm is several ops over the same rows: sums, what is computed from them
// row by row, and an op that reads the statistics of a row with its elements.
// One after the other, each reads all rows again, from a cache further away the
// more rows there are. Here one loop over rows computes them all. Where the
// norm is packed for a product, that loop is the one that packs: it normalises
// a tile of rows into a buffer of its own and packs from there, so that the
// norm is never stored as a whole.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "gpt/GptDialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_FUSENORMS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;
using namespace mlir::gpt;

static remark::RemarkOpts getRemarkOpts() {
  return remark::RemarkOpts::name("gpt-fuse-norms").category("schedule");
}

namespace {
/// A norm: ops over the same rows, each behind those whose results it reads.
/// The last one computes the elements, the others statistics of a row.
struct Norm {
  SmallVector<linalg::GenericOp> ops;

  linalg::GenericOp getElements() const { return ops.back(); }
  int64_t getRank() const { return getElements().getNumLoops(); }
};
} // namespace

/// Whether the results of `map` are its first `count` dimensions.
static bool isLeading(AffineMap map, unsigned count) {
  return map ==
         AffineMap::getMultiDimIdentityMap(map.getNumDims(), map.getContext())
             .getMajorSubMap(count);
}

/// Whether `op` computes a number of each row: `numRows` loops over rows,
/// and perhaps one that reduces a row.
static bool isStatistic(linalg::GenericOp op, unsigned numRows) {
  unsigned numReductions = op.getNumReductionLoops();
  return op.getNumDpsInits() == 1 && numReductions <= 1 &&
         op.getNumLoops() == numRows + numReductions &&
         llvm::all_of(op.getIteratorTypesArray(),
                      [&, loop = 0u](utils::IteratorType type) mutable {
                        return (type == utils::IteratorType::reduction) ==
                               (loop++ == numRows);
                      }) &&
         isLeading(op.getMatchingIndexingMap(op.getDpsInitOperand(0)), numRows);
}

/// Collects in `norm` the statistic that `operand` of `user` is, behind those
/// that it is computed from.
static void collectStatistic(OpOperand &operand, linalg::GenericOp user,
                             unsigned numRows, Norm &norm) {
  auto op = operand.get().getDefiningOp<linalg::GenericOp>();
  if (!op || op->getBlock() != user->getBlock() ||
      !isLeading(user.getMatchingIndexingMap(&operand), numRows) ||
      !isStatistic(op, numRows) || llvm::is_contained(norm.ops, op))
    return;
  for (OpOperand &inner : op->getOpOperands())
    collectStatistic(inner, op, numRows, norm);
  norm.ops.push_back(op);
}

/// Recognises the norm whose elements `op` computes; null ops if it is none.
static Norm matchNorm(linalg::GenericOp op) {
  Norm norm;
  unsigned rank = op.getNumLoops();
  if (rank < 2 || op.getNumDpsInits() != 1 || op.getNumReductionLoops() != 0 ||
      op->hasAttr(kClassAttr) ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() ||
      !op.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>() ||
      !llvm::all_of(
          op.getIndexingMapsArray(),
          [](AffineMap map) { return map.isProjectedPermutation(); }))
    return {};
  for (OpOperand *input : op.getDpsInputOperands())
    collectStatistic(*input, op, rank - 1, norm);
  bool hasReduction = llvm::any_of(norm.ops, [](linalg::GenericOp statistic) {
    return statistic.getNumReductionLoops() != 0;
  });
  if (!hasReduction)
    return {};
  norm.ops.push_back(op);
  return norm;
}

/// Whether nothing but the norm reads its statistics.
static bool ownsStatistics(const Norm &norm) {
  return llvm::all_of(
      ArrayRef(norm.ops).drop_back(), [&](linalg::GenericOp op) {
        return llvm::all_of(op->getUsers(), [&](Operation *user) {
          return llvm::is_contained(norm.ops, user);
        });
      });
}

/// The pack of rows that alone reads the norm, through a view of rows of
/// several dimensions as one.
static linalg::PackOp getPack(const Norm &norm) {
  linalg::GenericOp elements = norm.getElements();
  if (!elements->hasOneUse())
    return {};
  Operation *user = *elements->user_begin();
  if (auto view = dyn_cast<tensor::CollapseShapeOp>(user)) {
    if (view.getResultType().getRank() != 2 ||
        view.getReassociationIndices().back().size() != 1 || !view->hasOneUse())
      return {};
    user = *view->user_begin();
  } else if (norm.getRank() != 2) {
    return {};
  }
  auto pack = dyn_cast<linalg::PackOp>(user);
  if (!pack)
    return {};
  // In pairs of bf16, what packs reads half the bytes: it does not pay.
  if (pack->getAttr(kClassAttr) != StringAttr::get(pack.getContext(), "rows"))
    return {};
  return pack;
}

/// Makes one dimension of the rows of a norm.
static LogicalResult collapseRows(RewriterBase &rewriter, Norm &norm) {
  int64_t numRows = norm.getRank() - 1;
  if (numRows == 1)
    return success();
  ReassociationIndices rows(llvm::to_vector<2>(llvm::seq<int64_t>(numRows)));
  for (linalg::GenericOp &op : norm.ops) {
    SmallVector<ReassociationIndices> groups{rows};
    if (op.getNumLoops() > numRows)
      groups.push_back({numRows});
    if (!linalg::areDimSequencesPreserved(op.getIndexingMapsArray(), groups))
      return failure();
  }
  for (linalg::GenericOp &op : norm.ops) {
    SmallVector<ReassociationIndices> groups{rows};
    if (op.getNumLoops() > numRows)
      groups.push_back({numRows});
    rewriter.setInsertionPoint(op);
    FailureOr<linalg::CollapseResult> collapsed =
        linalg::collapseOpIterationDims(op, groups, rewriter);
    if (failed(collapsed))
      return failure();
    rewriter.replaceOp(op, collapsed->results);
    op = cast<linalg::GenericOp>(*collapsed->collapsedOp);
  }
  // What the ops read of each other are views of views.
  for (linalg::GenericOp op : norm.ops)
    for (OpOperand &operand : op->getOpOperands())
      if (auto view = operand.get().getDefiningOp<tensor::CollapseShapeOp>())
        if (auto inverse = view.getSrc().getDefiningOp<tensor::ExpandShapeOp>())
          if (inverse.getSrcType() == view.getResultType() &&
              inverse.getReassociationIndices() ==
                  view.getReassociationIndices())
            operand.set(inverse.getSrc());
  return success();
}

namespace {
/// Writes a norm on some of its rows.
class TileWriter {
public:
  /// Rows `[offsets, offsets + sizes)`, of at most `bounds`.
  TileWriter(RewriterBase &rewriter, const Norm &norm,
             ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
             ArrayRef<int64_t> bounds)
      : rewriter(rewriter), norm(norm), offsets(offsets), sizes(sizes),
        bounds(bounds) {}

  LogicalResult write();
  /// What stands for a result of the norm.
  Value get(Value result) const { return tiles.lookup(result); }
  /// The elements with as many rows as there are at most.
  Value getWhole();

private:
  LogicalResult write(linalg::GenericOp op);
  Value buildInit(Value init, Value slice);
  SmallVector<OpFoldResult> getStarts(RankedTensorType type) {
    return SmallVector<OpFoldResult>(type.getRank(), rewriter.getIndexAttr(0));
  }
  SmallVector<OpFoldResult> getStrides(RankedTensorType type) {
    return SmallVector<OpFoldResult>(type.getRank(), rewriter.getIndexAttr(1));
  }
  SmallVector<OpFoldResult> getExtents(RankedTensorType type) {
    SmallVector<OpFoldResult> extents(sizes);
    for (int64_t extent : type.getShape().drop_front(bounds.size()))
      extents.push_back(rewriter.getIndexAttr(extent));
    return extents;
  }

  RewriterBase &rewriter;
  const Norm &norm;
  SmallVector<OpFoldResult> offsets, sizes;
  SmallVector<int64_t> bounds;
  IRMapping tiles;
};
} // namespace

/// What `value` is a view of.
static Value getViewed(Value value) {
  while (auto view = value.getDefiningOp<tensor::CollapseShapeOp>())
    value = view.getSrc();
  return value;
}

/// A slice of an own tensor of known size in place of the slice of `init`, so
/// that each iteration has memory of its own. The tensor is an allocation,
/// since equal empty tensors would be made one, which several ops write.
Value TileWriter::buildInit(Value init, Value slice) {
  Value source = getViewed(init);
  auto fill = source.getDefiningOp<linalg::FillOp>();
  if (!fill && !source.getDefiningOp<tensor::EmptyOp>())
    return slice;
  auto type = cast<RankedTensorType>(slice.getType());
  Location loc = init.getLoc();
  SmallVector<int64_t> shape(bounds);
  llvm::append_range(shape, type.getShape().drop_front(bounds.size()));
  Value own = bufferization::AllocTensorOp::create(
      rewriter, loc, type.clone(shape), ValueRange());
  if (own.getType() != type) {
    own = tensor::ExtractSliceOp::create(rewriter, loc, type, own,
                                         getStarts(type), getExtents(type),
                                         getStrides(type));
  }
  if (!fill)
    return own;
  return linalg::FillOp::create(rewriter, fill.getLoc(), fill.value(), own)
      .getResult(0);
}

/// The tensor of known size of which the elements are a slice.
Value TileWriter::getWhole() {
  Value elements = tiles.lookup(norm.ops.back()->getResult(0));
  auto tile = elements.getDefiningOp<linalg::GenericOp>();
  auto slice =
      tile.getDpsInits().front().getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice)
    return elements;
  auto type = cast<RankedTensorType>(elements.getType());
  return tensor::InsertSliceOp::create(rewriter, elements.getLoc(), elements,
                                       slice.getSource(), getStarts(type),
                                       getExtents(type), getStrides(type));
}

LogicalResult TileWriter::write(linalg::GenericOp op) {
  SmallVector<OpFoldResult> opOffsets(offsets), opSizes(sizes);
  if (op.getNumLoops() > sizes.size()) {
    SmallVector<Range> ranges =
        cast<TilingInterface>(*op).getIterationDomain(rewriter);
    opOffsets.push_back(rewriter.getIndexAttr(0));
    opSizes.push_back(ranges.back().size);
  }
  FailureOr<TilingResult> tiled =
      cast<TilingInterface>(*op).getTiledImplementation(rewriter, opOffsets,
                                                        opSizes);
  if (failed(tiled) || tiled->tiledOps.size() != 1)
    return failure();
  auto tile = cast<linalg::GenericOp>(tiled->tiledOps.front());
  rewriter.setInsertionPoint(tile);
  for (auto [original, operand] :
       llvm::zip_equal(op->getOperands(), tile->getOpOperands())) {
    if (Value known = tiles.lookupOrNull(original))
      operand.set(known);
    else if (tile.isDpsInit(&operand))
      operand.set(buildInit(original, operand.get()));
  }
  for (Operation *slice : tiled->generatedSlices)
    if (slice->use_empty())
      rewriter.eraseOp(slice);
  rewriter.setInsertionPointAfter(tile);
  tiles.map(op->getResult(0), tile->getResult(0));
  return success();
}

LogicalResult TileWriter::write() {
  for (linalg::GenericOp op : norm.ops)
    if (failed(write(op)))
      return failure();
  return success();
}

/// Whether one row is all there is.
static bool isSingleRow(linalg::GenericOp elements) {
  SmallVector<int64_t> extents = elements.getStaticLoopRanges();
  return llvm::all_of(ArrayRef(extents).drop_back(),
                      [](int64_t extent) { return extent == 1; });
}

namespace {
struct FuseNorms final : public gpt::impl::FuseNormsBase<FuseNorms> {
  using FuseNormsBase::FuseNormsBase;

  void runOnOperation() override {
    SmallVector<linalg::GenericOp> candidates;
    getOperation()->walk(
        [&](linalg::GenericOp op) { candidates.push_back(op); });
    for (linalg::GenericOp op : candidates) {
      Norm norm = matchNorm(op);
      if (norm.ops.empty())
        continue;
      if (failed(fuse(norm)))
        return signalPassFailure();
    }
    // The extents of rows in terms of tensors that are still there.
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::DimOp::getCanonicalizationPatterns(patterns, context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
  }

private:
  void leave(const Norm &norm, const char *reason) {
    remark::missed(norm.getElements().getLoc(), getRemarkOpts())
        << remark::reason("{0}", reason);
    ++numKept;
  }

  LogicalResult fuse(Norm &norm) {
    if (norm.getElements()->getParentOfType<LoopLikeOpInterface>()) {
      leave(norm, "is in a loop already");
      return success();
    }
    if (llvm::is_contained(norm.getElements().getStaticLoopRanges(), 0)) {
      leave(norm, "has no elements");
      return success();
    }
    if (isSingleRow(norm.getElements())) {
      leave(norm, "has a single row");
      return success();
    }
    if (!ownsStatistics(norm)) {
      leave(norm, "something else reads a statistic");
      return success();
    }
    IRRewriter rewriter(&getContext());
    linalg::PackOp pack = getPack(norm);
    if (pack && fits(norm, pack) && succeeded(collapseRows(rewriter, norm)))
      return fuseIntoPack(rewriter, norm, pack);
    return fuseRows(rewriter, norm);
  }

  /// Whether a tile of rows is small enough for a buffer of a thread.
  bool fits(const Norm &norm, linalg::PackOp pack) const {
    auto type =
        cast<RankedTensorType>(norm.getElements()->getResult(0).getType());
    int64_t features = type.getShape().back();
    return !ShapedType::isDynamic(features) &&
           features * pack.getStaticInnerTiles().front() *
                   llvm::divideCeil(type.getElementTypeBitWidth(), 8) <=
               tileBytes;
  }

  /// One loop over tiles of rows, which normalises and packs.
  LogicalResult fuseIntoPack(RewriterBase &rewriter, Norm &norm,
                             linalg::PackOp pack) {
    Location loc = norm.getElements().getLoc();
    rewriter.setInsertionPoint(pack);
    auto opened = cast<linalg::PackOp>(rewriter.clone(*pack));
    opened.getSourceMutable().assign(norm.getElements().getResult(0));
    rewriter.replaceOp(pack, opened);
    opened->setAttr(kClassAttr, rewriter.getStringAttr("norm_rows"));
    int64_t rowTile = opened.getStaticInnerTiles().front();
    if (failed(tile(rewriter, norm, opened, {rowTile})))
      return failure();
    remark::passed(loc, getRemarkOpts()) << "is computed where it is packed";
    ++numPacked;
    return success();
  }

  /// One loop over rows.
  LogicalResult fuseRows(RewriterBase &rewriter, Norm &norm) {
    linalg::GenericOp elements = norm.getElements();
    Location loc = elements.getLoc();
    SmallVector<int64_t> bounds(norm.getRank() - 1, 1);
    if (failed(tile(rewriter, norm, elements, bounds)))
      return failure();
    remark::passed(loc, getRemarkOpts()) << "is one loop over rows";
    ++numFused;
    return success();
  }

  /// Tiles `root`, which is the last op of the norm or reads it, to one
  /// iteration in each dimension of rows, and computes the rows of the norm
  /// there, of which there are at most `bounds`.
  LogicalResult tile(RewriterBase &rewriter, Norm &norm, Operation *root,
                     ArrayRef<int64_t> bounds) {
    scf::SCFTilingOptions options;
    options.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
    options.setTileSizes(
        SmallVector<OpFoldResult>(bounds.size(), rewriter.getIndexAttr(1)));
    rewriter.setInsertionPoint(root);
    FailureOr<scf::SCFTilingResult> tiled =
        scf::tileUsingSCF(rewriter, cast<TilingInterface>(root), options);
    if (failed(tiled))
      return root->emitError("cannot be tiled over rows");
    bool isNorm = root == norm.getElements();
    rewriter.replaceOp(root, tiled->replacements);
    if (isNorm)
      norm.ops.pop_back();

    // All slices of the norm's results that the tile reads are of the same
    // rows.
    Operation *tile = tiled->tiledOps.front();
    SmallVector<std::pair<OpOperand *, linalg::GenericOp>> reads;
    for (OpOperand &operand : tile->getOpOperands())
      if (auto slice = operand.get().getDefiningOp<tensor::ExtractSliceOp>())
        if (auto op = slice.getSource().getDefiningOp<linalg::GenericOp>())
          if (llvm::is_contained(norm.ops, op))
            reads.emplace_back(&operand, op);
    auto slice =
        reads.front().first->get().getDefiningOp<tensor::ExtractSliceOp>();
    rewriter.setInsertionPoint(tile);
    SmallVector<OpFoldResult> offsets = slice.getMixedOffsets();
    SmallVector<OpFoldResult> sizes = slice.getMixedSizes();
    TileWriter writer(rewriter, norm,
                      ArrayRef(offsets).take_front(bounds.size()),
                      ArrayRef(sizes).take_front(bounds.size()), bounds);
    if (failed(writer.write()))
      return tile->emitError("cannot compute its rows in the tile");
    // Rows of a tile behind the last one are whatever is there.
    auto pack = dyn_cast<linalg::PackOp>(tile);
    if (pack)
      pack.getPaddingValueMutable().clear();
    for (auto [operand, op] : reads) {
      Operation *old = operand->get().getDefiningOp();
      operand->set(pack ? writer.getWhole() : writer.get(op.getResult(0)));
      if (old->use_empty())
        rewriter.eraseOp(old);
    }
    for (linalg::GenericOp op : llvm::reverse(norm.ops))
      if (op->use_empty())
        rewriter.eraseOp(op);
    return success();
  }
};
} // namespace
