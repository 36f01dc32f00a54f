//===- ResolveDynamicExpansions.cpp - expand_shape by sizes -----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of a batch, [batch * seq, n], are viewed as [batch, seq, n] with both
// extents dynamic. Upstream's expand-strided-metadata derives the extents of an
// expansion from the source, so there may be one dynamic extent only, and none
// beside an extent of 0; here they are taken from the op, which states them
// all.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_RESOLVEDYNAMICEXPANSIONS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Whether a dimension of the source becomes several dynamic ones, or a dynamic
/// one beside one of extent 0.
static bool hasUnderivableExtent(memref::ExpandShapeOp op) {
  ArrayRef<int64_t> shape = op.getResultType().getShape();
  return llvm::any_of(
      op.getReassociationIndices(), [&](const ReassociationIndices &group) {
        auto numDynamic = llvm::count_if(group, [&](int64_t dim) {
          return ShapedType::isDynamic(shape[dim]);
        });
        bool isEmpty =
            llvm::any_of(group, [&](int64_t dim) { return shape[dim] == 0; });
        return numDynamic > 1 || (numDynamic == 1 && isEmpty);
      });
}

/// Before:
/// ```mlir
/// %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%b, %s, 64]
///     : memref<?x64xf32, strided<[96, 1]>>
///     into memref<?x?x64xf32, strided<[?, 96, 1]>>
/// ```
/// After:
/// ```mlir
/// %base, %offset, %sizes:2, %strides:2 = memref.extract_strided_metadata %x
/// %y = memref.reinterpret_cast %base to offset: [0], sizes: [%b, %s, 64],
///     strides: [%s * 96, 96, 1]
/// ```
static void resolve(IRRewriter &rewriter, memref::ExpandShapeOp op) {
  rewriter.setInsertionPoint(op);
  Location loc = op.getLoc();
  auto metadata =
      memref::ExtractStridedMetadataOp::create(rewriter, loc, op.getSrc());
  SmallVector<OpFoldResult> sizes = op.getMixedOutputShape();
  SmallVector<OpFoldResult> sourceStrides =
      metadata.getConstifiedMixedStrides();
  SmallVector<OpFoldResult> strides(sizes.size());
  AffineExpr stride, size;
  bindSymbols(rewriter.getContext(), stride, size);
  for (auto [group, sourceStride] :
       llvm::zip_equal(op.getReassociationIndices(), sourceStrides)) {
    OpFoldResult current = sourceStride;
    for (int64_t dim : llvm::reverse(group)) {
      strides[dim] = current;
      if (dim != group.front())
        current = affine::makeComposedFoldedAffineApply(
            rewriter, loc, stride * size, {current, sizes[dim]});
    }
  }
  rewriter.replaceOpWithNewOp<memref::ReinterpretCastOp>(
      op, op.getResultType(), metadata.getBaseBuffer(),
      metadata.getConstifiedMixedOffset(), sizes, strides);
}

namespace {
struct ResolveDynamicExpansions final
    : public gpt::impl::ResolveDynamicExpansionsBase<ResolveDynamicExpansions> {
  void runOnOperation() override {
    SmallVector<memref::ExpandShapeOp> expansions;
    getOperation()->walk([&](memref::ExpandShapeOp op) {
      if (hasUnderivableExtent(op))
        expansions.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (memref::ExpandShapeOp op : expansions)
      resolve(rewriter, op);
    numResolved += expansions.size();
  }
};
} // namespace
