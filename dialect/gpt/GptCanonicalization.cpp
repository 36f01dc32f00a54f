//===- GptCanonicalization.cpp - canonicalization of gpt ops ----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Collects the DRR patterns of GptCanonicalization.td and adds those that must
// look at shapes or keep optional operands.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::gpt;

namespace {
#include "gpt/GptCanonicalization.inc"

/// Adds a vector to a projection without bias as its bias:
///   add(linear(x, w), b : [N]) -> linear(x, w) bias(b)
struct FoldAddIntoLinear : public OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    for (auto [product, bias] : {std::pair(op.getLhs(), op.getRhs()),
                                 std::pair(op.getRhs(), op.getLhs())}) {
      auto linear = product.getDefiningOp<LinearOp>();
      if (!linear || linear.getBias() || !linear->hasOneUse())
        continue;
      auto biasType = cast<RankedTensorType>(bias.getType());
      auto type = cast<RankedTensorType>(linear.getType());
      // A bias of one element would be broadcast over the features.
      if (biasType.getRank() != 1 || biasType.isDynamicDim(0) ||
          biasType.getDimSize(0) != type.getShape().back() ||
          type != op.getType())
        continue;
      // In a narrow type the sum would round once less.
      if (!type.getElementType().isF32())
        continue;
      rewriter.replaceOpWithNewOp<LinearOp>(op, type, linear.getInput(),
                                            linear.getWeight(), bias,
                                            linear.getWeightLayoutAttr());
      return success();
    }
    return rewriter.notifyMatchFailure(
        op, "no operand is a projection of one use without bias, the other a "
            "vector of its features");
  }
};

/// Takes a transposed weight as it is stored:
///   linear(x, transpose(w, [1, 0])) {out_in} -> linear(x, w) {in_out}
struct FoldTransposeIntoLinear : public OpRewritePattern<LinearOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LinearOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getWeight().getDefiningOp<TransposeOp>();
    if (!transpose || transpose.getPermutation() != ArrayRef<int64_t>{1, 0})
      return rewriter.notifyMatchFailure(op, "weight is not transposed");
    bool outIn = op.getWeightLayout() == WeightLayout::OutIn;
    auto layout = WeightLayoutAttr::get(
        op.getContext(), outIn ? WeightLayout::InOut : WeightLayout::OutIn);
    rewriter.modifyOpInPlace(op, [&] {
      op.getWeightMutable().assign(transpose.getInput());
      op.setWeightLayoutAttr(layout);
    });
    return success();
  }
};

/// A product with one matrix for the whole batch is a projection:
///   matmul(x, w : [K, N]) -> linear(x, w) {in_out}
struct MatmulWithMatrixToLinear : public OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    if (cast<RankedTensorType>(op.getRhs().getType()).getRank() != 2)
      return rewriter.notifyMatchFailure(op, "rhs has a batch");
    rewriter.replaceOpWithNewOp<LinearOp>(
        op, op.getType(), op.getLhs(), op.getRhs(), /*bias=*/Value(),
        WeightLayoutAttr::get(op.getContext(), WeightLayout::InOut));
    return success();
  }
};

/// Computes position-wise ops for the last position only:
///   last_token(linear(x, w)) -> linear(last_token(x), w)
/// Of an empty sequence the results differ, which the op allows.
struct SinkPositionwiseBelowLastToken : public OpRewritePattern<LastTokenOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LastTokenOp op,
                                PatternRewriter &rewriter) const override {
    Operation *producer = op.getInput().getDefiningOp();
    if (!producer || !producer->hasOneUse() || producer->getNumResults() != 1 ||
        !isa<LinearOp, LayerNormOp, RmsNormOp, GeluOp, SiluOp, ScaleOp, CastOp,
             SoftmaxOp, AddOp, MulOp>(producer))
      return rewriter.notifyMatchFailure(
          op, "input is not a position-wise op of one use");
    auto type = cast<RankedTensorType>(op.getInput().getType());
    // Dim 1 must not be the dim that the producer reduces or contracts.
    if (type.getRank() < 3)
      return rewriter.notifyMatchFailure(op, "expected rank 3 or more");
    SmallVector<unsigned> narrowedOperands;
    for (OpOperand &operand : producer->getOpOperands()) {
      auto operandType = cast<RankedTensorType>(operand.get().getType());
      bool varies = isa<AddOp, MulOp>(producer)
                        ? operandType.getRank() >= type.getRank() - 1
                        : operand.getOperandNumber() == 0;
      if (!varies)
        continue;
      if (operandType.getRank() != type.getRank())
        return rewriter.notifyMatchFailure(op, "operand has another rank");
      // A static 1 is broadcast along the sequence and stays as it is.
      if (operandType.getDimSize(1) == 1)
        continue;
      narrowedOperands.push_back(operand.getOperandNumber());
    }
    SmallVector<Value> operands(producer->getOperands());
    for (unsigned index : narrowedOperands)
      operands[index] =
          LastTokenOp::create(rewriter, op.getLoc(), operands[index]);
    Operation *narrowed = rewriter.clone(*producer);
    narrowed->setOperands(operands);
    narrowed->getResult(0).setType(op.getType());
    rewriter.replaceOp(op, narrowed);
    return success();
  }
};
} // namespace

void AddOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *context) {
  patterns.add<FoldAddIntoLinear>(context);
}

void LinearOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *context) {
  patterns.add<FoldTransposeIntoLinear>(context);
}

void MatmulOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *context) {
  patterns.add<MatmulWithMatrixToLinear>(context);
}

void LastTokenOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<SinkPositionwiseBelowLastToken>(context);
}

void TransposeOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<Gpt_MergeTransposes>(context);
}
