//===- PackProjections.cpp - pack operands of projections -------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites products of many rows with a weight so that both operands are read
// as contiguous panels. What the schedules then tile is a contraction of
// panels whose inner extents are static, whatever the number of rows is; a
// tail of rows is padded inside the packed copy and cut off the result as a
// view.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "gpt/GptDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_PACKPROJECTIONS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;
using namespace mlir::gpt;

namespace {

/// A product `[batch, rows, k] x weight -> [batch, rows, n]`, or one without a
/// batch.
struct Projection {
  Value input, weight, init;
  bool hasBatch;
  /// Extents of the input; `rows` may be dynamic.
  int64_t k, n;
  /// Whether the weight is [n, k].
  bool outIn;
};

RankedTensorType getTensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

unsigned getDimPosition(AffineMap map, unsigned result) {
  return cast<AffineDimExpr>(map.getResult(result)).getPosition();
}

/// Recognises a projection by its indexing maps.
FailureOr<Projection> matchProjection(linalg::ContractOp op,
                                      PatternRewriter &rewriter) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  AffineMap input = maps[0], weight = maps[1], result = maps[2];
  unsigned rank = input.getNumResults();
  if ((rank != 2 && rank != 3) || weight.getNumResults() != 2 ||
      result.getNumResults() != rank || !llvm::all_of(maps, [](AffineMap map) {
        return map.isProjectedPermutation();
      }))
    return rewriter.notifyMatchFailure(op, "is not [batch?, rows, k] x weight");
  unsigned k = getDimPosition(input, rank - 1);
  unsigned n = getDimPosition(result, rank - 1);
  for (unsigned dim = 0; dim + 1 < rank; ++dim)
    if (getDimPosition(input, dim) != getDimPosition(result, dim))
      return rewriter.notifyMatchFailure(op, "rows of input and result differ");
  Projection projection;
  if (getDimPosition(weight, 0) == n && getDimPosition(weight, 1) == k)
    projection.outIn = true;
  else if (getDimPosition(weight, 0) == k && getDimPosition(weight, 1) == n)
    projection.outIn = false;
  else
    return rewriter.notifyMatchFailure(op, "weight is not indexed by k and n");
  projection.input = op.getInputs()[0];
  projection.weight = op.getInputs()[1];
  projection.init = op.getOutputs()[0];
  projection.hasBatch = rank == 3;
  projection.k = getTensorType(projection.input).getShape().back();
  projection.n = getTensorType(projection.init).getShape().back();
  return projection;
}

/// Before:
/// ```mlir
/// %y = linalg.contract indexing_maps = [(n, b, s, k) -> (b, s, k), -> (n, k),
/// -> (b, s, n)]
///     ins(%x, %w : tensor<?x?x768xf32>, tensor<3072x768xf32>) outs(%init)
/// ```
/// After, with a row tile of 8 and a column tile of 32:
/// ```mlir
/// %xp = linalg.pack %x padding_value(%zero) inner_dims_pos = [1] inner_tiles =
/// [8]
///     : tensor<?x?x768xf32> -> tensor<?x?x768x8xf32>
/// %wp = linalg.pack %w inner_dims_pos = [0] inner_tiles = [32]
///     : tensor<3072x768xf32> -> tensor<96x768x32xf32>
/// %yp = linalg.contract {gpt.class = "projection"}
///     indexing_maps = [(n1, b, m1, m0, n0, k) -> (b, m1, k, m0), -> (n1, k,
///     n0), -> (b, m1, m0, n1, n0)] ins(%xp, %wp) outs(%zeros :
///     tensor<?x?x8x96x32xf32>)
/// %rows = tensor.collapse_shape %yp [[0], [1, 2], [3, 4]]
/// %sum = tensor.extract_slice %rows[0, 0, 0] [%b, %s, 3072] [1, 1, 1]
/// %y = %sum + %init
/// ```
/// The result is row-major all along, so neither packing nor unpacking it costs
/// anything.
class PackProjection : public OpRewritePattern<linalg::ContractOp> {
public:
  PackProjection(MLIRContext *context, const PackProjectionsOptions &options)
      : OpRewritePattern(context), rowTile(options.rowTile),
        columnTile(options.columnTile), depthMultiple(options.depthMultiple) {}

  LogicalResult matchAndRewrite(linalg::ContractOp op,
                                PatternRewriter &rewriter) const override {
    if (op->hasAttr(kClassAttr))
      return rewriter.notifyMatchFailure(op, "is packed already");
    FailureOr<Projection> match = matchProjection(op, rewriter);
    if (failed(match))
      return failure();
    if (failed(checkExtents(op, *match, rewriter)))
      return failure();

    Location loc = op.getLoc();
    if (!match->hasBatch)
      addBatch(rewriter, loc, match->input);
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(rewriter, loc, match->input);
    Value product = buildProduct(rewriter, loc, *match, sizes);
    sizes.back() = rewriter.getIndexAttr(match->n);
    // Cuts the padding off, and the batch where there was none.
    Value rows = tensor::ExtractSliceOp::create(
        rewriter, loc, getTensorType(match->init), product,
        SmallVector<OpFoldResult>(3, rewriter.getIndexAttr(0)), sizes,
        SmallVector<OpFoldResult>(3, rewriter.getIndexAttr(1)));
    ArrayRef<OpFoldResult> resultSizes(sizes);
    if (!match->hasBatch)
      resultSizes = resultSizes.drop_front();
    rewriter.replaceOp(op,
                       addInit(rewriter, loc, rows, match->init, resultSizes));
    return success();
  }

private:
  LogicalResult checkExtents(linalg::ContractOp op, const Projection &match,
                             PatternRewriter &rewriter) const {
    if (!getTensorType(match.init).getElementType().isF32() ||
        !getTensorType(match.input).getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "input or result is not f32");
    if (ShapedType::isDynamic(match.k) || ShapedType::isDynamic(match.n))
      return rewriter.notifyMatchFailure(op, "weight has a dynamic extent");
    if (match.k == 0 || match.k % depthMultiple != 0)
      return rewriter.notifyMatchFailure(
          op, "depth is not a multiple of what a tile takes");
    ArrayRef<int64_t> inputShape = getTensorType(match.input).getShape();
    int64_t rows = inputShape[inputShape.size() - 2];
    if (rows == 1)
      return rewriter.notifyMatchFailure(op, "one row streams the weight");
    if (match.n < columnTile)
      return rewriter.notifyMatchFailure(op, "result is narrower than a tile");
    return success();
  }

  /// Views rows as a batch of one.
  static void addBatch(OpBuilder &builder, Location loc, Value &rows) {
    RankedTensorType type = getTensorType(rows);
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, rows);
    sizes.insert(sizes.begin(), builder.getIndexAttr(1));
    auto viewType = RankedTensorType::get(
        {1, type.getDimSize(0), type.getDimSize(1)}, type.getElementType());
    rows = tensor::ExpandShapeOp::create(
        builder, loc, viewType, rows,
        SmallVector<ReassociationIndices>{{0, 1}, {2}}, sizes);
  }

  /// The product of the packed operands, as padded rows
  /// [batch, padded rows, padded columns].
  Value buildProduct(OpBuilder &builder, Location loc, const Projection &match,
                     ArrayRef<OpFoldResult> inputSizes) const {
    Value input = pack(builder, loc, match.input, "rows", /*dim=*/1, rowTile);
    Value weight =
        match.outIn
            ? pack(builder, loc, match.weight, "weight", /*dim=*/0, columnTile)
            : pack(builder, loc, match.weight, "weight", /*dim=*/1, columnTile,
                   /*outerPermutation=*/{1, 0});

    OpFoldResult rowTiles = tensor::getMixedSize(builder, loc, input, 1);
    int64_t columnTiles = llvm::divideCeil(match.n, columnTile);
    SmallVector<OpFoldResult> sizes{
        inputSizes[0], rowTiles, builder.getIndexAttr(rowTile),
        builder.getIndexAttr(columnTiles), builder.getIndexAttr(columnTile)};
    Value empty =
        tensor::EmptyOp::create(builder, loc, sizes, builder.getF32Type());
    Value zero =
        arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(0.0f));
    Value zeros =
        linalg::FillOp::create(builder, loc, zero, empty).getResult(0);

    AffineExpr n1, b, m1, m0, n0, k;
    bindDims(builder.getContext(), n1, b, m1, m0, n0, k);
    auto getMap = [&](ArrayRef<AffineExpr> results) {
      return AffineMapAttr::get(
          AffineMap::get(6, 0, results, builder.getContext()));
    };
    auto product = linalg::ContractOp::create(
        builder, loc, zeros.getType(), ValueRange{input, weight}, zeros,
        builder.getArrayAttr({getMap({b, m1, k, m0}), getMap({n1, k, n0}),
                              getMap({b, m1, m0, n1, n0})}));
    product->setAttr(kClassAttr, builder.getStringAttr("projection"));
    return tensor::CollapseShapeOp::create(
        builder, loc, product.getResult(0),
        SmallVector<ReassociationIndices>{{0}, {1, 2}, {3, 4}});
  }

  /// Packs one dimension into inner tiles, padding the last one with zeros.
  static Value pack(OpBuilder &builder, Location loc, Value source,
                    StringRef className, int64_t dim, int64_t tile,
                    ArrayRef<int64_t> outerPermutation = {}) {
    RankedTensorType type = getTensorType(source);
    SmallVector<OpFoldResult> tiles{builder.getIndexAttr(tile)};
    Value dest = linalg::PackOp::createDestinationTensor(
        builder, loc, source, tiles, dim, outerPermutation);
    std::optional<Value> padding;
    if (type.isDynamicDim(dim) || type.getDimSize(dim) % tile != 0)
      padding = arith::ConstantOp::create(
          builder, loc, builder.getZeroAttr(type.getElementType()));
    auto packed = linalg::PackOp::create(builder, loc, source, dest,
                                         ArrayRef<int64_t>{dim}, tiles, padding,
                                         outerPermutation);
    packed->setAttr(kClassAttr, builder.getStringAttr(className));
    return packed.getResult();
  }

  /// Adds what the contraction accumulated onto; nothing for zeros.
  static Value addInit(OpBuilder &builder, Location loc, Value product,
                       Value init, ArrayRef<OpFoldResult> sizes) {
    if (auto fill = init.getDefiningOp<linalg::FillOp>())
      if (matchPattern(fill.value(), m_AnyZeroFloat()))
        return product;
    MLIRContext *context = builder.getContext();
    unsigned rank = sizes.size();
    AffineMap identity = AffineMap::getMultiDimIdentityMap(rank, context);
    AffineMap initMap = identity;
    // A bias is read as the vector it is.
    if (auto broadcast = init.getDefiningOp<linalg::BroadcastOp>()) {
      if (broadcast.getDimensions().size() == rank - 1 &&
          !llvm::is_contained(broadcast.getDimensions(), rank - 1)) {
        init = broadcast.getInput();
        initMap = AffineMap::get(rank, 0, getAffineDimExpr(rank - 1, context),
                                 context);
      }
    }
    Value empty =
        tensor::EmptyOp::create(builder, loc, sizes, builder.getF32Type());
    auto sum = linalg::GenericOp::create(
        builder, loc, empty.getType(), ValueRange{product, init}, empty,
        ArrayRef<AffineMap>{identity, initMap, identity},
        SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
        [](OpBuilder &nested, Location nestedLoc, ValueRange args) {
          Value value =
              arith::AddFOp::create(nested, nestedLoc, args[0], args[1]);
          linalg::YieldOp::create(nested, nestedLoc, value);
        });
    return sum.getResult(0);
  }

  int64_t rowTile, columnTile, depthMultiple;
};

struct PackProjectionsPass
    : public gpt::impl::PackProjectionsBase<PackProjectionsPass> {
  using PackProjectionsBase::PackProjectionsBase;

  void runOnOperation() override {
    if (rowTile < 1 || columnTile < 1 || depthMultiple < 1) {
      getOperation()->emitError()
          << "expected row-tile (" << rowTile << "), column-tile ("
          << columnTile << ") and depth-multiple (" << depthMultiple
          << ") to be positive";
      return signalPassFailure();
    }
    RewritePatternSet patterns(&getContext());
    patterns.add<PackProjection>(
        &getContext(),
        PackProjectionsOptions{rowTile, columnTile, depthMultiple});
    walkAndApplyPatterns(getOperation(), std::move(patterns));
    getOperation()->walk([&](linalg::ContractOp op) {
      if (op->hasAttr(kClassAttr))
        ++numPacked;
    });
  }
};

} // namespace
