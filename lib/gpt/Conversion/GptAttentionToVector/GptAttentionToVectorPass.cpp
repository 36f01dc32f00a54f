//===- GptAttentionToVectorPass.cpp - attention as vectors ------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The patterns prepare the operands; QueryTiles.cpp and SingleQuery.cpp build
// the loops. A schedule runs this pass, with the sizes of its target, on ops of
// the gpt dialect: what it leaves becomes linalg ops on whole tensors.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptAttentionToVector/AttentionTiles.h"
#include "gpt/Conversion/Passes.h"
#include "gpt/GptDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_CONVERTGPTATTENTIONTOVECTOR
#include "gpt/Conversion/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;
using namespace mlir::gpt;

static Value getSize(OpBuilder &builder, Location loc, Value tensor,
                     int64_t dim) {
  return getValueOrCreateConstantIndexOp(
      builder, loc, tensor::getMixedSize(builder, loc, tensor, dim));
}

/// Whether a type says more than these loops would honour. The conversion to
/// linalg reports it.
static bool hasEncoding(Operation *op) {
  return llvm::any_of(op->getOperandTypes(), [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getEncoding();
  });
}

/// What both ops have: the operands but for keys and values.
template <typename OpTy>
static AttentionOperands getOperands(OpTy op, OpBuilder &builder) {
  AttentionOperands operands;
  operands.numHeads = op.getNumHeads();
  operands.numKvHeads = op.getNumKvHeads();
  operands.headDim = op.getHeadDim();
  operands.valueHeadDim = op.getValueHeadDim();
  operands.scale = op.getEffectiveScale();
  operands.window = op.getWindow();
  operands.query = splitLastDim(builder, op.getLoc(), op.getQuery(),
                                {operands.numHeads, operands.headDim});
  operands.numQueries =
      tensor::getMixedSize(builder, op.getLoc(), op.getQuery(), 1);
  return operands;
}

/// Builds the loops and the result of `op`, [batch, query, features].
static Value buildAttention(Operation *op, OpBuilder &builder,
                            const AttentionOperands &operands,
                            const AttentionTileSizes &tiles) {
  Location loc = op->getLoc();
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, operands.query);
  sizes.back() = builder.getIndexAttr(operands.valueHeadDim);
  Value init = buildEmpty(builder, loc, sizes,
                          getTensorType(op->getResult(0)).getElementType());
  Value result = getConstantIntValue(operands.numQueries) == 1
                     ? buildSingleQuery(builder, loc, operands, tiles, init)
                     : buildQueryTiles(builder, loc, operands, tiles, init);
  result = mergeLastDims(builder, loc, result, 2);
  return castToType(builder, loc, result, op->getResult(0).getType());
}

namespace {

struct TileAttention final : public OpRewritePattern<AttentionOp> {
  TileAttention(MLIRContext *context, const AttentionTileSizes &tiles)
      : OpRewritePattern(context), tiles(tiles) {}

  /// Before:
  /// ```mlir
  /// %y = gpt.attention %q, %k, %v {causal, ...}
  /// ```
  /// After:
  /// ```mlir
  /// %y = scf.forall (%b, %h, %i) in (%batch, 12, %tiles) shared_outs(...) {
  ///   %queries = ...                         // tensor<64x32xf32>
  ///   %tile:4 = scf.for %key = %c0 to %end step %c64
  ///       iter_args(%sum, %scores, %limit, %total) {
  ///     ...                                  // scores of 8 keys at a time
  ///     %next = vector.outerproduct ... : vector<8xf32>, vector<32xf32>
  ///     ...
  /// ```
  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (hasEncoding(op))
      return rewriter.notifyMatchFailure(op, "a tensor has an encoding");
    Location loc = op.getLoc();
    AttentionOperands operands = getOperands(op, rewriter);
    operands.key = splitLastDim(rewriter, loc, op.getKey(),
                                {operands.numKvHeads, operands.headDim});
    operands.value = splitLastDim(rewriter, loc, op.getValue(),
                                  {operands.numKvHeads, operands.valueHeadDim});
    operands.keysBeforeHeads = true;
    operands.mask = op.getMask();
    operands.causal = op.getCausal();
    operands.numSequences = getSize(rewriter, loc, op.getQuery(), 0);
    operands.numKeys = getSize(rewriter, loc, op.getKey(), 1);
    rewriter.replaceOp(op, buildAttention(op, rewriter, operands, tiles));
    return success();
  }

private:
  AttentionTileSizes tiles;
};

struct TileCachedAttention final : public OpRewritePattern<CachedAttentionOp> {
  TileCachedAttention(MLIRContext *context, const AttentionTileSizes &tiles)
      : OpRewritePattern(context), tiles(tiles) {}

  /// Before:
  /// ```mlir
  /// %y, %k1, %v1 = gpt.cached_attention %q, %k, %v cache(%k0, %v0)
  ///     positions(%p) {...}
  /// ```
  /// After:
  /// ```mlir
  /// %caches:2 = scf.for %b = %c0 to %batch step %c1
  ///     iter_args(%keys = %k0, %values = %v0) { ... }  // the new rows
  /// %y = scf.forall ...                   // as above, reads %caches#0 and #1
  /// ```
  LogicalResult matchAndRewrite(CachedAttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (hasEncoding(op))
      return rewriter.notifyMatchFailure(op, "a tensor has an encoding");
    Location loc = op.getLoc();
    AttentionOperands operands = getOperands(op, rewriter);
    operands.causal = true;
    operands.keysBeforeHeads = false;
    KVCacheBuilder caches{
        loc, op.getPositions(), getSize(rewriter, loc, op.getKeyCache(), 2),
        getNumNewRows(rewriter, loc,
                      {op.getQuery(), op.getKey(), op.getValue()})};
    operands.caches = caches;
    operands.numSequences = caches.buildNumSequences(
        rewriter, getSize(rewriter, loc, op.getQuery(), 0));
    Value key = splitLastDim(rewriter, loc, op.getKey(),
                             {operands.numKvHeads, operands.headDim});
    Value value = splitLastDim(rewriter, loc, op.getValue(),
                               {operands.numKvHeads, operands.valueHeadDim});
    // All new keys and values are in the caches before the first query looks.
    auto update = [&](OpBuilder &b, Location l, Value sequence,
                      ValueRange carried) {
      Value position = caches.buildPosition(b, sequence);
      SmallVector<Value> next = {
          caches.buildUpdate(b, carried[0], key, sequence, position),
          caches.buildUpdate(b, carried[1], value, sequence, position)};
      scf::YieldOp::create(b, l, next);
    };
    auto updated = scf::ForOp::create(
        rewriter, loc, buildIndex(rewriter, loc, 0), operands.numSequences,
        buildIndex(rewriter, loc, 1),
        ValueRange{op.getKeyCache(), op.getValueCache()}, update);
    operands.key = updated.getResult(0);
    operands.value = updated.getResult(1);
    Value result = buildAttention(op, rewriter, operands, tiles);
    rewriter.replaceOp(op, {result, operands.key, operands.value});
    return success();
  }

private:
  AttentionTileSizes tiles;
};

struct ConvertGptAttentionToVector final
    : public gpt::impl::ConvertGptAttentionToVectorBase<
          ConvertGptAttentionToVector> {
  using ConvertGptAttentionToVectorBase::ConvertGptAttentionToVectorBase;

  void runOnOperation() override {
    AttentionTileSizes tiles{queryTile, rowTile,    keyTile,
                             keyPart,   vectorSize, pairs};
    if (failed(verifyTiles(tiles)))
      return signalPassFailure();
    getOperation()->walk([&](Operation *op) {
      if (isa<AttentionOp, CachedAttentionOp>(op) && !hasEncoding(op))
        ++numConverted;
    });
    RewritePatternSet patterns(&getContext());
    patterns.add<TileAttention, TileCachedAttention>(&getContext(), tiles);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }

private:
  /// Tiles live in registers and in the caches nearest to them: far larger ones
  /// are no use, and their code has no end.
  LogicalResult verifyTiles(const AttentionTileSizes &tiles) {
    struct Size {
      StringLiteral name;
      int64_t value, limit;
    };
    const Size sizes[] = {{"query-tile", tiles.queries, 4096},
                          {"row-tile", tiles.rows, 256},
                          {"key-tile", tiles.keys, 65536},
                          {"key-part", tiles.part, 65536},
                          {"vector-size", tiles.vector, 256}};
    for (const Size &size : sizes)
      if (size.value < 1 || size.value > size.limit)
        return getOperation()->emitError()
               << "expected " << size.name << " to be from 1 to " << size.limit
               << ", found " << size.value;
    if (tiles.pairs && tiles.keys % 2 != 0)
      return getOperation()->emitError()
             << "expected key-tile (" << tiles.keys
             << ") to be even where keys are multiplied in pairs";
    if (tiles.queries % tiles.vector == 0 && tiles.part % tiles.vector == 0)
      return success();
    return getOperation()->emitError()
           << "expected query-tile (" << tiles.queries << ") and key-part ("
           << tiles.part << ") to be multiples of vector-size (" << tiles.vector
           << ")";
  }
};

} // namespace
