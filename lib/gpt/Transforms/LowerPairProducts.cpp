//===- LowerPairProducts.cpp - products of pairs of bf16 --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// AVX-512 BF16 has one instruction that multiplies 16 pairs of bf16 and adds
// both products of each to a sum in f32 (`vdpbf16ps`). Contractions whose
// innermost dimension is such a pair become that instruction: the pair of a
// row is broadcast from memory, the pairs of 16 columns are one register.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_LOWERPAIRPRODUCTS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Sums in a register, and pairs that are added to them.
static constexpr int64_t kLanes = 16;

/// The read of whole tiles of a buffer that `value` is, or null. Neighbours in
/// the last dimension of a tile are those of the buffer, whose other dimensions
/// may be any.
static vector::TransferReadOp getTileRead(Value value) {
  auto read = value.getDefiningOp<vector::TransferReadOp>();
  if (!read || read.getMask() || read.hasOutOfBoundsDim() ||
      !isa<MemRefType>(read.getBase().getType()))
    return {};
  AffineMap map = read.getPermutationMap();
  if (!map.isProjectedPermutation() ||
      map.getDimPosition(map.getNumResults() - 1) + 1 != map.getNumDims())
    return {};
  return read;
}

/// The vector of one dimension that `tile` is seen as pairs of, or null.
static Value getFlat(Value tile) {
  auto cast = tile.getDefiningOp<vector::ShapeCastOp>();
  if (!cast || cast.getSourceVectorType().getRank() != 1 ||
      cast.getResultVectorType().getRank() != 2)
    return {};
  return cast.getSource();
}

/// The indices of element `offsets` of what `read` reads; the last dimensions
/// may be left out.
static SmallVector<Value> getIndices(OpBuilder &builder, Location loc,
                                     vector::TransferReadOp read,
                                     ArrayRef<int64_t> offsets) {
  SmallVector<Value> indices(read.getIndices());
  for (auto [dim, offset] : llvm::enumerate(offsets)) {
    Value constant = arith::ConstantIndexOp::create(builder, loc, offset);
    Value &index = indices[read.getPermutationMap().getDimPosition(dim)];
    index = arith::AddIOp::create(builder, loc, index, constant);
  }
  return indices;
}

namespace {

/// The rows of a tile, `[depth, rows, 2]`, or one row, `[depth, 2]`; either may
/// be without the depth, if that is 1. `position` is that of a pair.
struct Rows {
  Rows(Value tile) : tile(tile), flat(getFlat(tile)) {
    read = getTileRead(flat ? flat : tile);
  }

  /// The pair of one row, in all lanes.
  Value getPair(OpBuilder &builder, Location loc, ArrayRef<int64_t> position) {
    Type bf16 = builder.getBF16Type();
    Type i32 = builder.getI32Type();
    auto pairType = VectorType::get(2, bf16);
    Value pair;
    if (position.empty()) {
      pair = tile;
    } else if (read) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(read);
      SmallVector<int64_t> first(position);
      if (flat)
        first = {2 * position.back()};
      pair = vector::LoadOp::create(builder, loc, pairType, read.getBase(),
                                    getIndices(builder, loc, read, first));
    } else if (flat) {
      pair = vector::ExtractStridedSliceOp::create(
          builder, loc, flat, ArrayRef<int64_t>{2 * position.back()},
          ArrayRef<int64_t>{2}, ArrayRef<int64_t>{1});
    } else {
      pair = vector::ExtractOp::create(builder, loc, tile, position);
    }
    Value bits =
        vector::BitCastOp::create(builder, loc, VectorType::get(1, i32), pair);
    bits = vector::ExtractOp::create(builder, loc, bits, 0);
    bits = vector::BroadcastOp::create(builder, loc,
                                       VectorType::get(kLanes, i32), bits);
    return vector::BitCastOp::create(builder, loc,
                                     VectorType::get(2 * kLanes, bf16), bits);
  }

  Value tile;
  /// The rows as pairs that follow each other, if they are.
  Value flat;
  vector::TransferReadOp read;
};

/// The columns of a tile: `[depth, columns, 2]`, or `[columns, 2]`.
struct Columns {
  Columns(OpBuilder &builder, Location loc, Value tile)
      : tile(tile), read(getTileRead(tile)), vector(getFlat(tile)) {
    if (!read || !read.getPermutationMap().isMinorIdentity())
      return;
    auto type = cast<MemRefType>(read.getBase().getType());
    if (!type.hasStaticShape() || !type.getLayout().isIdentity() ||
        !llvm::equal(type.getShape().take_back(2),
                     read.getVectorType().getShape().take_back(2)))
      return;
    // A view whose last dimension holds the pairs of all columns.
    SmallVector<int64_t> shape(type.getShape().drop_back(2));
    shape.push_back(type.getShape().take_back(2)[0] * 2);
    auto flatType = MemRefType::get(shape, type.getElementType(), AffineMap(),
                                    type.getMemorySpace());
    auto [strides, offset] = flatType.getStridesAndOffset();
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(read);
    flat = memref::ReinterpretCastOp::create(
        builder, loc, flatType, read.getBase(), offset, shape, strides);
  }

  /// The pairs of 16 columns; `depth` is empty for a tile without one.
  Value getPairs(OpBuilder &builder, Location loc, ArrayRef<int64_t> depth,
                 int64_t column) {
    auto type = VectorType::get(2 * kLanes, builder.getBF16Type());
    if (flat) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(read);
      SmallVector<Value> indices = getIndices(builder, loc, read, depth);
      indices.pop_back();
      indices.back() = arith::ConstantIndexOp::create(builder, loc, 2 * column);
      return vector::LoadOp::create(builder, loc, type, flat, indices);
    }
    if (vector && depth.empty())
      return vector::ExtractStridedSliceOp::create(
          builder, loc, vector, ArrayRef<int64_t>{2 * column},
          ArrayRef<int64_t>{2 * kLanes}, ArrayRef<int64_t>{1});
    Value all = tile;
    if (!depth.empty())
      all = vector::ExtractOp::create(builder, loc, tile, depth);
    Value some = vector::ExtractStridedSliceOp::create(
        builder, loc, all, ArrayRef<int64_t>{column, 0},
        ArrayRef<int64_t>{kLanes, 2}, ArrayRef<int64_t>{1, 1});
    return vector::ShapeCastOp::create(builder, loc, type, some);
  }

  Value tile;
  vector::TransferReadOp read;
  /// What the pairs are slices of, with one dimension for those of all columns:
  /// a buffer or a value.
  Value flat, vector;
};

/// Before:
/// ```mlir
/// %y = vector.contract {indexing_maps = [(m, n, k1, k0) -> (k1, m, k0),
///     -> (k1, n, k0), -> (m, n)]} %x, %w, %sums : vector<4x8x2xbf16>,
///     vector<4x32x2xbf16> into vector<8x32xf32>
/// ```
/// After, for each depth, row and 16 columns:
/// ```mlir
/// %1 = x86vector.avx512.dot %0, %columns, %pair : vector<32xbf16>
///     -> vector<16xf32>
/// ```
/// A single row has no dimension `m`, a single depth may have no `k1`.
struct LowerPairProduct final : public OpRewritePattern<vector::ContractionOp> {
  LowerPairProduct(MLIRContext *context, Pass::Statistic &count)
      : OpRewritePattern(context), count(count) {}

  LogicalResult matchAndRewrite(vector::ContractionOp op,
                                PatternRewriter &rewriter) const final {
    auto sumsType = dyn_cast<VectorType>(op.getResultType());
    if (!sumsType || !sumsType.getElementType().isF32() ||
        op.getKind() != vector::CombiningKind::ADD)
      return rewriter.notifyMatchFailure(op, "is not a sum of f32");
    if (op.isMasked())
      return rewriter.notifyMatchFailure(op, "is masked");
    VectorType rowsType = op.getLhsType(), columnsType = op.getRhsType();
    if (!rowsType.getElementType().isBF16() ||
        !columnsType.getElementType().isBF16())
      return rewriter.notifyMatchFailure(op, "operands are not bf16");
    bool isRow = sumsType.getRank() == 1;
    bool hasDepth = columnsType.getRank() == 3;
    if (op.getIndexingMapsArray() !=
        getTileMaps(op.getContext(), isRow, hasDepth))
      return rewriter.notifyMatchFailure(op, "is not a product of tiles");
    int64_t numDepths = hasDepth ? columnsType.getDimSize(0) : 1,
            numRows = isRow ? 1 : sumsType.getDimSize(0);
    int64_t numColumns = sumsType.getShape().back();
    if (columnsType.getShape().back() != 2 || numColumns % kLanes != 0)
      return rewriter.notifyMatchFailure(op, "tiles are not of pairs");

    Location loc = op.getLoc();
    Rows rows(op.getLhs());
    Columns columns(rewriter, loc, op.getRhs());
    SmallVector<SmallVector<Value>> sums(numRows);
    for (int64_t row = 0; row < numRows; ++row) {
      Value all = getRow(rewriter, loc, op.getAcc(), row);
      for (int64_t column = 0; column < numColumns; column += kLanes)
        sums[row].push_back(vector::ExtractStridedSliceOp::create(
            rewriter, loc, all, ArrayRef<int64_t>{column},
            ArrayRef<int64_t>{kLanes}, ArrayRef<int64_t>{1}));
    }
    for (int64_t step = 0; step < numDepths; ++step) {
      SmallVector<int64_t> depth;
      if (hasDepth)
        depth.push_back(step);
      SmallVector<Value> pairs;
      for (int64_t column = 0; column < numColumns; column += kLanes)
        pairs.push_back(columns.getPairs(rewriter, loc, depth, column));
      for (int64_t row = 0; row < numRows; ++row) {
        SmallVector<int64_t> position(depth);
        if (!isRow)
          position.push_back(row);
        Value pair = rows.getPair(rewriter, loc, position);
        for (auto [sum, column] : llvm::zip_equal(sums[row], pairs))
          sum = x86vector::DotBF16Op::create(rewriter, loc, sum.getType(), sum,
                                             column, pair);
      }
    }
    Value result = op.getAcc();
    for (int64_t row = 0; row < numRows; ++row) {
      Value all = getRow(rewriter, loc, op.getAcc(), row);
      for (auto [index, sum] : llvm::enumerate(sums[row]))
        all = vector::InsertStridedSliceOp::create(
            rewriter, loc, sum, all,
            ArrayRef<int64_t>{static_cast<int64_t>(index) * kLanes},
            ArrayRef<int64_t>{1});
      result = isRow ? all
                     : vector::InsertOp::create(rewriter, loc, all, result, row)
                           .getResult();
    }
    rewriter.replaceOp(op, result);
    ++count;
    return success();
  }

private:
  /// The maps of rows, columns and sums: `[k1, m, k0]`, `[k1, n, k0]` and
  /// `[m, n]`, without what there is none of.
  static SmallVector<AffineMap> getTileMaps(MLIRContext *context, bool isRow,
                                            bool hasDepth) {
    unsigned numDims = 0;
    SmallVector<AffineExpr, 3> rows, columns, sums;
    auto next = [&] { return getAffineDimExpr(numDims++, context); };
    if (!isRow)
      sums.push_back(next());
    rows = sums;
    columns.push_back(next());
    sums.push_back(columns.front());
    if (hasDepth) {
      AffineExpr depth = next();
      rows.insert(rows.begin(), depth);
      columns.insert(columns.begin(), depth);
    }
    AffineExpr pair = next();
    rows.push_back(pair);
    columns.push_back(pair);
    return AffineMap::inferFromExprList({rows, columns, sums}, context);
  }

  /// The sums of one row.
  static Value getRow(OpBuilder &builder, Location loc, Value sums,
                      int64_t row) {
    if (cast<VectorType>(sums.getType()).getRank() == 1)
      return sums;
    return vector::ExtractOp::create(builder, loc, sums, row);
  }

  Pass::Statistic &count;
};

/// Pairs of two rows of a weight stored [k, n]:
/// ```mlir
/// %p = vector.transpose %rows, [0, 2, 1]
///     : vector<16x2x32xbf16> to vector<16x32x2xbf16>
/// ```
/// becomes a `vector.interleave` of both rows for each of the 16. Dimensions of
/// one element may stand anywhere.
struct InterleavePairs final : public OpRewritePattern<vector::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(vector::TransposeOp op,
                                PatternRewriter &rewriter) const final {
    VectorType type = op.getSourceVectorType();
    SmallVector<int64_t> dims, shape;
    for (int64_t dim : op.getPermutation())
      if (type.getDimSize(dim) != 1)
        dims.push_back(dim);
    for (int64_t extent : type.getShape())
      if (extent != 1)
        shape.push_back(extent);
    if (dims.size() != 3 || dims[0] > dims[2] || dims[2] > dims[1] ||
        shape[1] != 2 || type.isScalable())
      return rewriter.notifyMatchFailure(op, "does not make pairs");
    Location loc = op.getLoc();
    Type element = type.getElementType();
    Value source = vector::ShapeCastOp::create(
        rewriter, loc, VectorType::get(shape, element), op.getVector());
    auto flatType = VectorType::get({shape[0], shape[2] * 2}, element);
    Value result = arith::ConstantOp::create(rewriter, loc,
                                             rewriter.getZeroAttr(flatType));
    for (int64_t index = 0; index < shape[0]; ++index) {
      auto getRow = [&](int64_t row) -> Value {
        return vector::ExtractOp::create(rewriter, loc, source,
                                         ArrayRef<int64_t>{index, row});
      };
      Value first = getRow(0), second = getRow(1);
      Value both = vector::InterleaveOp::create(rewriter, loc, first, second);
      result = vector::InsertOp::create(rewriter, loc, both, result, index);
    }
    rewriter.replaceOpWithNewOp<vector::ShapeCastOp>(
        op, op.getResultVectorType(), result);
    return success();
  }
};

struct LowerPairProducts final
    : public gpt::impl::LowerPairProductsBase<LowerPairProducts> {
  using LowerPairProductsBase::LowerPairProductsBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<LowerPairProduct>(&getContext(), numLowered);
    patterns.add<InterleavePairs>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
