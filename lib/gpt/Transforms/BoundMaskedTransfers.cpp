//===- BoundMaskedTransfers.cpp - masks into bounds -------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vectorising a tile that may be cut off by the end of a tensor gives transfers
// under a mask that holds the extents of the tile. A transfer knows the bounds
// of its tensor itself: without the mask, a tail of rows costs one comparison a
// row instead of masked accesses, and a tile that is stored and read again is
// seen to be the same value.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_BOUNDMASKEDTRANSFERS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Follows writes to the tensor they wrote into, which has the same extents.
static Value getWrittenTensor(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto mask = dyn_cast<vector::MaskOp>(op))
      op = mask.getMaskableOp();
    auto write = dyn_cast_or_null<vector::TransferWriteOp>(op);
    if (!write)
      break;
    value = write.getBase();
  }
  return value;
}

/// Whether `extent` is that of dimension `dim` of `tensor`.
static bool isExtent(Value extent, Value tensor, int64_t dim) {
  using Variable = ValueBoundsConstraintSet::Variable;
  Variable mine(getAsOpFoldResult(extent));
  if (auto dimOp = extent.getDefiningOp<tensor::DimOp>())
    if (std::optional<int64_t> index = dimOp.getConstantIndex())
      mine = Variable(getWrittenTensor(dimOp.getSource()), *index);
  FailureOr<bool> equal = ValueBoundsConstraintSet::areEqual(
      mine, Variable(getWrittenTensor(tensor), dim));
  return succeeded(equal) && *equal;
}

/// Whether a transfer covers its tensor from the first element on and `mask`
/// cuts off what is beyond the end of the tensor.
static LogicalResult isMaskOfBounds(VectorTransferOpInterface transfer,
                                    vector::MaskOp mask,
                                    PatternRewriter &rewriter) {
  auto created = mask.getMask().getDefiningOp<vector::CreateMaskOp>();
  if (!created)
    return rewriter.notifyMatchFailure(mask, "mask does not hold extents");
  if (!isa<RankedTensorType>(transfer.getShapedType()) ||
      !transfer.getPermutationMap().isIdentity())
    return rewriter.notifyMatchFailure(mask, "transfer is not of a tensor");
  if (!llvm::all_of(transfer.getIndices(),
                    [](Value index) { return matchPattern(index, m_Zero()); }))
    return rewriter.notifyMatchFailure(mask, "transfer has an offset");
  for (auto [dim, extent] : llvm::enumerate(created.getOperands()))
    if (!isExtent(extent, transfer.getBase(), dim))
      return rewriter.notifyMatchFailure(mask, "mask is not the tensor's end");
  return success();
}

/// Dimensions that may end within the vector are out of bounds.
static ArrayAttr getInBounds(OpBuilder &builder, vector::MaskOp mask) {
  auto created = mask.getMask().getDefiningOp<vector::CreateMaskOp>();
  SmallVector<bool> inBounds;
  for (auto [extent, size] : llvm::zip_equal(
           created.getOperands(), created.getVectorType().getShape()))
    inBounds.push_back(getConstantIntValue(extent) == size);
  return builder.getBoolArrayAttr(inBounds);
}

namespace {

/// Before:
/// ```mlir
/// %mask = vector.create_mask %rows, %c32 : vector<8x32xi1>
/// %v = vector.mask %mask { vector.transfer_read %tile[%c0, %c0], %padding
///     : tensor<?x32xf32>, vector<8x32xf32> }
/// ```
/// After, where `%tile` has `%rows` rows:
/// ```mlir
/// %v = vector.transfer_read %tile[%c0, %c0], %padding
///     {in_bounds = [false, true]} : tensor<?x32xf32>, vector<8x32xf32>
/// ```
struct BoundTransfer final : public OpRewritePattern<vector::MaskOp> {
  BoundTransfer(MLIRContext *context, Pass::Statistic &count)
      : OpRewritePattern(context), count(count) {}

  LogicalResult matchAndRewrite(vector::MaskOp mask,
                                PatternRewriter &rewriter) const final {
    auto transfer =
        dyn_cast_or_null<VectorTransferOpInterface>(mask.getMaskableOp());
    if (!transfer || mask.hasPassthru())
      return rewriter.notifyMatchFailure(mask, "masks no transfer");
    if (failed(isMaskOfBounds(transfer, mask, rewriter)))
      return failure();
    Operation *bounded = rewriter.clone(*transfer);
    bounded->setAttr("in_bounds", getInBounds(rewriter, mask));
    rewriter.replaceOp(mask, bounded);
    ++count;
    return success();
  }

  Pass::Statistic &count;
};

/// What has been written and is read again; the padding of the read is poison,
/// so that the value may be anything where the tensor ends.
struct ForwardTransfer final : public OpRewritePattern<vector::TransferReadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(vector::TransferReadOp read,
                                PatternRewriter &rewriter) const final {
    auto write = read.getBase().getDefiningOp<vector::TransferWriteOp>();
    if (!write || read.getMask() || write.getMask())
      return rewriter.notifyMatchFailure(read, "reads no unmasked write");
    if (!isa_and_present<ub::PoisonOp>(read.getPadding().getDefiningOp()))
      return rewriter.notifyMatchFailure(read, "padding is read");
    if (read.getVectorType() != write.getVectorType() ||
        read.getPermutationMap() != write.getPermutationMap() ||
        getAsOpFoldResult(read.getIndices()) !=
            getAsOpFoldResult(write.getIndices()))
      return rewriter.notifyMatchFailure(read, "reads other elements");
    rewriter.replaceOp(read, write.getValueToStore());
    return success();
  }
};

struct BoundMaskedTransfers final
    : public gpt::impl::BoundMaskedTransfersBase<BoundMaskedTransfers> {
  using BoundMaskedTransfersBase::BoundMaskedTransfersBase;

  void runOnOperation() override {
    RewritePatternSet bound(&getContext());
    bound.add<BoundTransfer>(&getContext(), numBounded);
    walkAndApplyPatterns(getOperation(), std::move(bound));
    RewritePatternSet forward(&getContext());
    forward.add<ForwardTransfer>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(forward));
  }
};

} // namespace
