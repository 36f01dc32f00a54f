//===- PackProjections.cpp - pack operands of projections -------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites products of many rows with a weight so that both operands are read
// as contiguous panels. What the schedules then tile is a contraction of
// panels whose inner extents are static, whatever the number of rows is; a
// tail of rows is padded inside the packed copy and cut off the result as a
// view. A single row stays as it is and reads the same panels.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"
#include "gpt/Transforms/WeightArguments.h"

#include "gpt/GptDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_PACKPROJECTIONS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;
using namespace mlir::gpt;

namespace {

/// A product `[..., k] x weight -> [..., n]`; all but the last dimension are
/// rows.
struct Projection {
  Value input, weight, init;
  /// Extents of the input; the number of rows may be dynamic.
  int64_t rows, k, n;
  /// Whether the weight is [n, k].
  bool outIn;
};

RankedTensorType getTensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

unsigned getDimPosition(AffineMap map, unsigned result) {
  return cast<AffineDimExpr>(map.getResult(result)).getPosition();
}

/// The remarks of this pass, which tell the user of a schedule what it takes.
remark::RemarkOpts getRemarkOpts() {
  return remark::RemarkOpts::name("gpt-pack-projections").category("schedule");
}

/// Says why `op` is left alone.
LogicalResult leave(linalg::ContractOp op, PatternRewriter &rewriter,
                    const char *reason) {
  remark::missed(op.getLoc(), getRemarkOpts()) << remark::reason("{0}", reason);
  return rewriter.notifyMatchFailure(op, reason);
}

/// Recognises a projection by its indexing maps.
FailureOr<Projection> matchProjection(linalg::ContractOp op,
                                      PatternRewriter &rewriter) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  AffineMap input = maps[0], weight = maps[1], result = maps[2];
  unsigned rank = input.getNumResults();
  if (rank < 2 || result.getNumResults() != rank ||
      weight.getNumResults() != 2 ||
      !llvm::all_of(
          maps, [](AffineMap map) { return map.isProjectedPermutation(); }))
    return leave(op, rewriter, "is not [rows..., k] x weight");
  unsigned k = getDimPosition(input, rank - 1);
  unsigned n = getDimPosition(result, rank - 1);
  for (unsigned dim = 0; dim + 1 < rank; ++dim)
    if (getDimPosition(input, dim) != getDimPosition(result, dim))
      return leave(op, rewriter, "rows of input and result differ");
  Projection projection;
  if (getDimPosition(weight, 0) == n && getDimPosition(weight, 1) == k)
    projection.outIn = true;
  else if (getDimPosition(weight, 0) == k && getDimPosition(weight, 1) == n)
    projection.outIn = false;
  else
    return leave(op, rewriter, "weight is not indexed by k and n");
  projection.input = op.getInputs()[0];
  projection.weight = op.getInputs()[1];
  projection.init = op.getOutputs()[0];
  ArrayRef<int64_t> shape = getTensorType(projection.input).getShape();
  projection.rows = ShapedType::isDynamicShape(shape.drop_back())
                        ? ShapedType::kDynamic
                        : llvm::product_of(shape.drop_back());
  projection.k = shape.back();
  projection.n = getTensorType(projection.init).getShape().back();
  return projection;
}

/// How a tensor of `rank` dimensions becomes one of `viewRank`: rows and the
/// last dimension, or, of a single row, one dimension.
SmallVector<ReassociationIndices> getViewGroups(int64_t rank,
                                                int64_t viewRank) {
  if (viewRank == 1)
    return {llvm::to_vector<2>(llvm::seq<int64_t>(rank))};
  return {llvm::to_vector<2>(llvm::seq<int64_t>(rank - 1)), {rank - 1}};
}

/// Views a tensor as `[rows, last dimension]` or `[last dimension]`.
Value collapseRows(OpBuilder &builder, Location loc, Value value,
                   int64_t viewRank) {
  int64_t rank = getTensorType(value).getRank();
  if (rank == viewRank)
    return value;
  return tensor::CollapseShapeOp::create(builder, loc, value,
                                         getViewGroups(rank, viewRank));
}

/// Zeros behind the last element of dimension `dim`, up to a multiple of
/// `multiple`.
Value padDimension(OpBuilder &builder, Location loc, Value value, int64_t dim,
                   int64_t multiple) {
  RankedTensorType type = getTensorType(value);
  if (type.getDimSize(dim) % multiple == 0)
    return value;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value);
  SmallVector<OpFoldResult> paddedSizes(sizes);
  paddedSizes[dim] =
      builder.getIndexAttr(llvm::alignTo(type.getDimSize(dim), multiple));
  Value empty =
      tensor::EmptyOp::create(builder, loc, paddedSizes, type.getElementType());
  Value zero = arith::ConstantOp::create(
      builder, loc, builder.getZeroAttr(type.getElementType()));
  Value zeros = linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
  SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(type.getRank(), builder.getIndexAttr(1));
  return tensor::InsertSliceOp::create(builder, loc, value, zeros, offsets,
                                       sizes, strides);
}

/// Before:
/// ```mlir
/// %y = linalg.contract indexing_maps = [(n, b, s, k) -> (b, s, k), -> (n, k),
/// -> (b, s, n)]
///     ins(%x, %w : tensor<?x?x768xf32>, tensor<3072x768xf32>) outs(%init)
/// ```
/// After, with a row tile of 8 and a column tile of 32:
/// ```mlir
/// %r = tensor.collapse_shape %x [[0, 1], [2]]
///     : tensor<?x?x768xf32> into tensor<?x768xf32>
/// %xp = linalg.pack %r padding_value(%zero) inner_dims_pos = [0] inner_tiles =
/// [8]
///     : tensor<?x768xf32> -> tensor<?x768x8xf32>
/// %wp = linalg.pack %w inner_dims_pos = [0] inner_tiles = [32]
///     : tensor<3072x768xf32> -> tensor<96x768x32xf32>
/// %yp = linalg.contract {gpt.class = "projection"}
///     indexing_maps = [(n1, m1, m0, n0, k) -> (m1, k, m0), -> (n1, k, n0),
///     -> (m1, n1, m0, n0)] ins(%xp, %wp) outs(%zeros :
///     tensor<?x96x8x32xf32>)
/// %rows = linalg.unpack %yp inner_dims_pos = [0, 1] inner_tiles = [8, 32]
///     {gpt.class = "product"} : tensor<?x96x8x32xf32> -> tensor<?x3072xf32>
/// %sum = %rows + collapsed %init
/// %y = tensor.expand_shape %sum [[0, 1], [2]]
/// ```
/// A schedule unpacks tiles in registers, so it costs nothing. A depth that is
/// no multiple of what a tile takes is padded with zeros in front of the packs.
///
/// A single row is no tile:
/// ```mlir
/// %r = tensor.collapse_shape %x [[0, 1, 2]]
///     : tensor<1x1x768xf32> into tensor<768xf32>
/// %yp = linalg.contract {gpt.class = "row_projection"}
///     indexing_maps = [(n1, n0, k) -> (k), -> (n1, k, n0), -> (n1, n0)]
///     ins(%r, %wp) outs(%zeros : tensor<96x32xf32>)
/// %row = linalg.unpack %yp inner_dims_pos = [0] inner_tiles = [32]
///     {gpt.class = "product"} : tensor<96x32xf32> -> tensor<3072xf32>
/// ```
class PackProjection : public OpRewritePattern<linalg::ContractOp> {
public:
  PackProjection(MLIRContext *context, const PackProjectionsOptions &options,
                 const WeightArguments &weights)
      : OpRewritePattern(context), rowTile(options.rowTile),
        columnTile(options.columnTile), depthMultiple(options.depthMultiple),
        pairs(options.pairs), weights(weights) {}

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
    RankedTensorType resultType = getTensorType(match->init);
    SmallVector<OpFoldResult> resultSizes =
        tensor::getMixedSizes(rewriter, loc, match->input);
    resultSizes.back() = rewriter.getIndexAttr(match->n);
    int64_t viewRank = match->rows == 1 ? 1 : 2;
    Value input = collapseRows(rewriter, loc, match->input, viewRank);
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(rewriter, loc, input);
    sizes.back() = resultSizes.back();
    if (!isPairs(*match))
      input = extend(rewriter, loc, input);
    // An instruction multiplies two features of a pair.
    int64_t multiple = isPairs(*match) ? 2 * depthMultiple : depthMultiple;
    input = padDimension(rewriter, loc, input, viewRank - 1, multiple);
    match->weight = padDimension(rewriter, loc, match->weight,
                                 match->outIn ? 1 : 0, multiple);
    Value product = viewRank == 1
                        ? buildRowProduct(rewriter, loc, *match, input)
                        : buildProduct(rewriter, loc, *match, input, sizes);
    Value result = addInit(rewriter, loc, product, match->init, sizes);
    if (resultType.getRank() > viewRank) {
      SmallVector<Value> dynamicSizes;
      SmallVector<int64_t> shape;
      dispatchIndexOpFoldResults(resultSizes, dynamicSizes, shape);
      result = tensor::ExpandShapeOp::create(
          rewriter, loc, resultType.clone(shape), result,
          getViewGroups(resultType.getRank(), viewRank), resultSizes);
    }
    // Input and init may know different extents.
    if (result.getType() != resultType)
      result = tensor::CastOp::create(rewriter, loc, resultType, result);
    remark::passed(loc, getRemarkOpts())
        << (isPairs(*match) ? "packed in pairs" : "packed")
        << remark::metric("Depth", match->k)
        << remark::metric("Columns", match->n);
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  LogicalResult checkExtents(linalg::ContractOp op, const Projection &match,
                             PatternRewriter &rewriter) const {
    Type inputType = getTensorType(match.input).getElementType();
    if (!getTensorType(match.init).getElementType().isF32() ||
        !(inputType.isF32() || inputType.isF16() || inputType.isBF16()))
      return leave(op, rewriter, "input or result is not f32");
    if (op.getCast() == linalg::TypeFn::cast_unsigned)
      return leave(op, rewriter, "weight is unsigned");
    if (ShapedType::isDynamic(match.k) || ShapedType::isDynamic(match.n))
      return leave(op, rewriter, "weight has a dynamic extent");
    if (match.k == 0)
      return leave(op, rewriter, "depth is zero");
    if (match.rows == 0)
      return leave(op, rewriter, "there are no rows");
    // Packing costs more than it gains, unless it is done once.
    auto argument = dyn_cast<BlockArgument>(match.weight);
    if (match.rows == 1 && (!argument || !weights.contains(argument)))
      return leave(
          op, rewriter,
          "one row is multiplied by what is not a weight in every call");
    if (match.n < columnTile)
      return leave(op, rewriter, "result is narrower than a tile");
    return success();
  }

  /// Whether products of pairs of bf16 are added.
  bool isPairs(const Projection &match) const {
    return pairs && getTensorType(match.input).getElementType().isBF16() &&
           getTensorType(match.weight).getElementType().isBF16();
  }

  /// Rows in f32.
  static Value extend(OpBuilder &builder, Location loc, Value rows) {
    Type f32 = builder.getF32Type();
    if (getTensorType(rows).getElementType() == f32)
      return rows;
    int64_t rank = getTensorType(rows).getRank();
    AffineMap map = builder.getMultiDimIdentityMap(rank);
    Value empty = tensor::EmptyOp::create(
        builder, loc, tensor::getMixedSizes(builder, loc, rows), f32);
    auto extended = linalg::GenericOp::create(
        builder, loc, empty.getType(), rows, empty,
        ArrayRef<AffineMap>{map, map},
        SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
        [&](OpBuilder &nested, Location nestedLoc, ValueRange args) {
          Value value = arith::ExtFOp::create(nested, nestedLoc, f32, args[0]);
          linalg::YieldOp::create(nested, nestedLoc, value);
        });
    return extended.getResult(0);
  }

  /// The weight in panels: `[n1, k, n0]`, or `[n1, k1, n0, 2]` in pairs.
  Value packWeight(OpBuilder &builder, Location loc,
                   const Projection &match) const {
    int64_t columnDim = match.outIn ? 0 : 1;
    SmallVector<int64_t> dims{columnDim}, tiles{columnTile};
    if (isPairs(match)) {
      dims.push_back(1 - columnDim);
      tiles.push_back(2);
    }
    SmallVector<int64_t> outerPermutation;
    if (!match.outIn)
      outerPermutation = {1, 0};
    return pack(builder, loc, match.weight,
                isPairs(match) ? "pair_weight" : "weight", dims, tiles,
                outerPermutation);
  }

  OpFoldResult getColumnTiles(OpBuilder &builder,
                              const Projection &match) const {
    return builder.getIndexAttr(llvm::divideCeil(match.n, columnTile));
  }

  /// The product of one row as [columns].
  Value buildRowProduct(OpBuilder &builder, Location loc,
                        const Projection &match, Value row) const {
    AffineExpr n1, n0, k, pair;
    bindDims(builder.getContext(), n1, n0, k, pair);
    SmallVector<AffineExpr, 4> rowDims{k}, weightDims{n1, k, n0};
    if (isPairs(match)) {
      int64_t depth = getTensorType(row).getDimSize(0);
      auto pairsType = RankedTensorType::get(
          {depth / 2, 2}, getTensorType(row).getElementType());
      row = tensor::ExpandShapeOp::create(
          builder, loc, pairsType, row, ArrayRef<ReassociationIndices>{{0, 1}});
      rowDims.push_back(pair);
      weightDims.push_back(pair);
    }
    OpFoldResult columns = builder.getIndexAttr(columnTile);
    Value product = buildContraction(builder, loc, "row_projection",
                                     {row, packWeight(builder, loc, match)},
                                     {rowDims, weightDims, {n1, n0}},
                                     {getColumnTiles(builder, match), columns});
    return unpack(builder, loc, product, {builder.getIndexAttr(match.n)}, {0},
                  {columns});
  }

  /// The product of many rows as [rows, columns].
  Value buildProduct(OpBuilder &builder, Location loc, const Projection &match,
                     Value input, ArrayRef<OpFoldResult> resultSizes) const {
    AffineExpr n1, m1, m0, n0, k, pair;
    bindDims(builder.getContext(), n1, m1, m0, n0, k, pair);
    SmallVector<AffineExpr, 4> rowDims{m1, k, m0}, weightDims{n1, k, n0};
    SmallVector<int64_t> dims{0}, tiles{rowTile};
    if (isPairs(match)) {
      rowDims.push_back(pair);
      weightDims.push_back(pair);
      dims.push_back(1);
      tiles.push_back(2);
    }
    Value rows = pack(builder, loc, input,
                      isPairs(match) ? "pair_rows" : "rows", dims, tiles, {});
    Value weight = packWeight(builder, loc, match);
    OpFoldResult rowsOfTile = builder.getIndexAttr(rowTile);
    OpFoldResult columns = builder.getIndexAttr(columnTile);
    Value product =
        buildContraction(builder, loc, "projection", {rows, weight},
                         {rowDims, weightDims, {m1, n1, m0, n0}},
                         {tensor::getMixedSize(builder, loc, rows, 0),
                          getColumnTiles(builder, match), rowsOfTile, columns});
    return unpack(builder, loc, product, resultSizes, {0, 1},
                  {rowsOfTile, columns});
  }

  /// The tiles of a product as one tensor.
  static Value unpack(OpBuilder &builder, Location loc, Value product,
                      ArrayRef<OpFoldResult> sizes, ArrayRef<int64_t> dims,
                      ArrayRef<OpFoldResult> tiles) {
    Value dest =
        tensor::EmptyOp::create(builder, loc, sizes, builder.getF32Type());
    auto unpacked =
        linalg::UnPackOp::create(builder, loc, product, dest, dims, tiles);
    unpacked->setAttr(kClassAttr, builder.getStringAttr("product"));
    return unpacked.getResult();
  }

  /// A contraction onto zeros of `sizes`; its loops are those of the result and
  /// the depth.
  static Value buildContraction(OpBuilder &builder, Location loc,
                                StringRef className, ValueRange operands,
                                ArrayRef<SmallVector<AffineExpr, 4>> indices,
                                ArrayRef<OpFoldResult> sizes) {
    Value empty =
        tensor::EmptyOp::create(builder, loc, sizes, builder.getF32Type());
    Value zero =
        arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(0.0f));
    Value zeros =
        linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
    auto maps = llvm::map_to_vector(
        AffineMap::inferFromExprList(indices, builder.getContext()),
        [](AffineMap map) { return cast<Attribute>(AffineMapAttr::get(map)); });
    auto product =
        linalg::ContractOp::create(builder, loc, zeros.getType(), operands,
                                   zeros, builder.getArrayAttr(maps));
    product->setAttr(kClassAttr, builder.getStringAttr(className));
    return product.getResult(0);
  }

  /// Packs dimensions into inner tiles, padding the last ones with zeros.
  static Value pack(OpBuilder &builder, Location loc, Value source,
                    StringRef className, ArrayRef<int64_t> dims,
                    ArrayRef<int64_t> extents,
                    ArrayRef<int64_t> outerPermutation) {
    RankedTensorType type = getTensorType(source);
    SmallVector<OpFoldResult> tiles =
        getAsIndexOpFoldResult(builder.getContext(), extents);
    Value dest = linalg::PackOp::createDestinationTensor(
        builder, loc, source, tiles, dims, outerPermutation);
    std::optional<Value> padding;
    for (auto [dim, extent] : llvm::zip_equal(dims, extents))
      if (!padding &&
          (type.isDynamicDim(dim) || type.getDimSize(dim) % extent != 0))
        padding = arith::ConstantOp::create(
            builder, loc, builder.getZeroAttr(type.getElementType()));
    auto packed = linalg::PackOp::create(builder, loc, source, dest, dims,
                                         tiles, padding, outerPermutation);
    packed->setAttr(kClassAttr, builder.getStringAttr(className));
    return packed.getResult();
  }

  /// The bias in f32 where `init` is a bias of another type, extended and
  /// repeated for every row; null if it is something else.
  static Value buildBias(OpBuilder &builder, Location loc, Value init) {
    auto repeated = init.getDefiningOp<linalg::GenericOp>();
    if (!repeated || repeated.getNumDpsInputs() != 1 ||
        repeated.getNumDpsInits() != 1 || repeated.hasIndexSemantics() ||
        !repeated.getIndexingMapsArray().back().isIdentity() ||
        repeated.payloadUsesValueFromOperand(repeated.getDpsInitOperand(0)))
      return {};
    AffineMap map =
        repeated.getMatchingIndexingMap(repeated.getDpsInputOperand(0));
    if (map.getNumResults() != 1 ||
        map.getResult(0) != builder.getAffineDimExpr(map.getNumDims() - 1))
      return {};
    Value source = repeated.getInputs()[0];
    AffineMap identity = builder.getMultiDimIdentityMap(1);
    Value empty = tensor::EmptyOp::create(
        builder, loc, getTensorType(source).getShape(), builder.getF32Type());
    auto bias = linalg::GenericOp::create(
        builder, loc, empty.getType(), source, empty,
        ArrayRef<AffineMap>{identity, identity},
        SmallVector<utils::IteratorType>{utils::IteratorType::parallel},
        [&](OpBuilder &nested, Location, ValueRange args) {
          IRMapping mapping;
          mapping.map(repeated.getBody()->getArguments(), args);
          for (Operation &op : *repeated.getBody())
            nested.clone(op, mapping);
        });
    return bias.getResult(0);
  }

  /// Adds what the contraction accumulated onto; nothing for zeros.
  static Value addInit(OpBuilder &builder, Location loc, Value product,
                       Value init, ArrayRef<OpFoldResult> sizes) {
    if (auto fill = init.getDefiningOp<linalg::FillOp>())
      if (matchPattern(fill.value(), m_AnyZeroFloat()))
        return product;
    int64_t rank = sizes.size();
    AffineMap identity = builder.getMultiDimIdentityMap(rank);
    AffineMap biasMap =
        AffineMap::get(rank, 0, builder.getAffineDimExpr(rank - 1));
    AffineMap initMap = biasMap;
    // A bias is read as the vector it is.
    auto broadcast = init.getDefiningOp<linalg::BroadcastOp>();
    if (broadcast && getTensorType(broadcast.getInput()).getRank() == 1 &&
        !llvm::is_contained(broadcast.getDimensions(),
                            getTensorType(init).getRank() - 1)) {
      init = broadcast.getInput();
    } else if (Value bias = buildBias(builder, loc, init)) {
      init = bias;
    } else {
      init = collapseRows(builder, loc, init, rank);
      initMap = identity;
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
  bool pairs;
  const WeightArguments &weights;
};

struct PackProjectionsPass
    : public gpt::impl::PackProjectionsBase<PackProjectionsPass> {
  using PackProjectionsBase::PackProjectionsBase;

  void runOnOperation() override {
    // Tiles live in registers; the extents of larger ones could overflow.
    constexpr int64_t limit = 65536;
    const int64_t sizes[] = {rowTile, columnTile, depthMultiple};
    if (llvm::any_of(sizes,
                     [](int64_t size) { return size < 1 || size > limit; })) {
      getOperation().emitError()
          << "expected row-tile (" << rowTile.getValue() << "), column-tile ("
          << columnTile.getValue() << ") and depth-multiple ("
          << depthMultiple.getValue() << ") to be from 1 to " << limit;
      return signalPassFailure();
    }
    WeightArguments weights = findWeightArguments(getOperation());
    RewritePatternSet patterns(&getContext());
    patterns.add<PackProjection>(
        &getContext(),
        PackProjectionsOptions{rowTile, columnTile, depthMultiple, pairs},
        weights);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
    getOperation()->walk([&](linalg::ContractOp op) {
      if (op->hasAttr(kClassAttr))
        ++numPacked;
    });
  }
};

} // namespace
