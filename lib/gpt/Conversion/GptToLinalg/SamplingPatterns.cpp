//===- SamplingPatterns.cpp - argmax, sample --------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// argmax is two reductions that do not depend on the order of the elements: the
// maximum, then the least index at which it is. So both run over vectors, which
// a reduction of (value, index) pairs does not. sample walks the cumulative
// sum, which has an order: a loop inside a generic over the rows. Each step of
// it waits for the one before, so it walks along sums of blocks, which are
// those of vectors, and then along one block.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace mlir::gpt;

namespace {

struct ArgmaxLowering final : public LoweringPattern<ArgmaxOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(ArgmaxOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    unsigned rank = getTensorType(input).getRank();
    auto indexType =
        cast<IntegerType>(getTensorType(op.getResult()).getElementType());
    SmallVector<OpFoldResult> sizes = getShape(op, builder);
    AffineMap elements = builder.getMultiDimIdentityMap(rank);
    AffineMap rows =
        getDimsMap(builder.getContext(), rank, getDimRange(0, rank - 1));
    Value lowest = buildFilled(
        builder, loc, sizes,
        builder.getF32FloatAttr(-std::numeric_limits<float>::infinity()));
    // NaN is ignored.
    Value maxima = buildLastDimReduction(
        builder, loc, {{input, elements}}, lowest,
        [](OpBuilder &b, Location l, ValueRange args) -> Value {
          return arith::MaxNumFOp::create(b, l, args[1], args[0]);
        });

    TypedAttr none = builder.getIntegerAttr(
        indexType, APInt::getSignedMaxValue(indexType.getWidth()));
    Value nowhere = buildFilled(builder, loc, sizes, none);
    Value indices = buildLastDimReduction(
        builder, loc, {{input, elements}, {maxima, rows}}, nowhere,
        [&](OpBuilder &b, Location l, ValueRange args) -> Value {
          Value index = arith::IndexCastOp::create(
              b, l, indexType, linalg::IndexOp::create(b, l, rank - 1));
          Value isMaximum = arith::CmpFOp::create(
              b, l, arith::CmpFPredicate::OEQ, args[0], args[1]);
          Value candidate = arith::SelectOp::create(
              b, l, isMaximum, index, arith::ConstantOp::create(b, l, none));
          return arith::MinSIOp::create(b, l, args[2], candidate);
        });
    // A row of NaN has its maximum nowhere.
    results.push_back(buildUpdate(
        builder, loc, {}, indices,
        [&](OpBuilder &b, Location l, ValueRange args) -> Value {
          Value end = arith::ConstantOp::create(b, l, none);
          Value zero = arith::ConstantOp::create(
              b, l, builder.getIntegerAttr(indexType, 0));
          Value isNowhere = arith::CmpIOp::create(
              b, l, arith::CmpIPredicate::eq, args[0], end);
          return arith::SelectOp::create(b, l, isNowhere, zero, args[0]);
        }));
    return success();
  }
};

/// The weights `weights[row..., begin]` to `weights[row..., end - 1]`, of which
/// one is drawn; `before` is the sum of those in front of them.
struct Choices {
  Value weights;
  SmallVector<Value> row;
  Value begin, end, before;
};

/// What was drawn, the sum of all in front of it, and whether the sum with it
/// exceeds what was asked for; if not, it is the last one of non-zero weight.
struct Choice {
  Value index, before, exceeds;
};

struct SampleLowering final : public LoweringPattern<SampleOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(SampleOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    Type indexType = getTensorType(op.getResult()).getElementType();
    Value logits = adaptor.getLogits();
    unsigned numRowDims = getTensorType(logits).getRank() - 1;
    Value scores = buildElementCast(builder, loc, logits, builder.getF32Type());
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(builder, loc, logits);
    Value weights =
        buildSoftmax(builder, loc, scores,
                     buildEmpty(builder, loc, sizes, builder.getF32Type()));
    Value numChoices =
        getValueOrCreateConstantIndexOp(builder, loc, sizes.back());
    Value sums, numBlocks;
    if (getConstantIntValue(sizes.back()).value_or(kBlock) >= kBlock) {
      sums = buildBlockSums(builder, loc, weights, sizes);
      numBlocks = getValueOrCreateConstantIndexOp(
          builder, loc, tensor::getMixedSize(builder, loc, sums, numRowDims));
    }
    Value init = buildEmpty(builder, loc, getShape(op, builder), indexType);
    AffineMap rows = builder.getMultiDimIdentityMap(numRowDims);
    results.push_back(buildParallel(
        builder, loc, {{adaptor.getUniform(), rows}}, init,
        [&](OpBuilder &b, Location l, ValueRange args) -> Value {
          SmallVector<Value> row;
          for (unsigned dim = 0; dim < numRowDims; ++dim)
            row.push_back(linalg::IndexOp::create(b, l, dim));
          Value begin = buildIndex(b, l, 0), end = numChoices;
          Value before = buildF32(b, l, 0.0);
          if (sums) {
            Choice block = buildChoice(
                b, l, {sums, row, begin, numBlocks, before}, args[0]);
            // In the block whose sum exceeds; behind the last one if none does.
            Value size = buildIndex(b, l, kBlock);
            begin = arith::MulIOp::create(b, l, block.index, size);
            Value next = arith::AddIOp::create(b, l, begin, size);
            end = arith::SelectOp::create(b, l, block.exceeds, next, end);
            before = block.before;
          }
          Choice choice =
              buildChoice(b, l, {weights, row, begin, end, before}, args[0]);
          return arith::IndexCastOp::create(b, l, indexType, choice.index);
        }));
    return success();
  }

private:
  /// The steps of both walks together are fewest where a block is as long as
  /// there are blocks: for vocabularies of 50,000 to 130,000 that is here.
  static constexpr int64_t kBlock = 256;

  /// The sums of the whole blocks of each row, [row..., block].
  static Value buildBlockSums(OpBuilder &builder, Location loc, Value weights,
                              ArrayRef<OpFoldResult> sizes) {
    AffineExpr size = builder.getAffineSymbolExpr(0);
    int64_t last = sizes.size() - 1;
    SmallVector<OpFoldResult> whole(sizes), blocks(sizes);
    whole[last] = affine::makeComposedFoldedAffineApply(
        builder, loc, size.floorDiv(kBlock) * kBlock, {sizes[last]});
    blocks[last] = affine::makeComposedFoldedAffineApply(
        builder, loc, size.floorDiv(kBlock), {sizes[last]});
    SmallVector<OpFoldResult> origin(sizes.size(), builder.getIndexAttr(0));
    Value rows = extractSlice(builder, loc, weights, origin, whole);

    SmallVector<OpFoldResult> elements(blocks);
    elements.push_back(builder.getIndexAttr(kBlock));
    SmallVector<int64_t> shape =
        llvm::map_to_vector(elements, [](OpFoldResult extent) {
          return getConstantIntValue(extent).value_or(ShapedType::kDynamic);
        });
    SmallVector<ReassociationIndices> groups;
    for (int64_t dim = 0; dim < last; ++dim)
      groups.push_back({dim});
    groups.push_back({last, last + 1});
    Value blocked = tensor::ExpandShapeOp::create(
        builder, loc, getTensorType(rows).clone(shape), rows, groups, elements);
    return buildLastDimSum(
        builder, loc, {{blocked, builder.getMultiDimIdentityMap(last + 2)}},
        blocks, [](OpBuilder &, Location, ValueRange args) { return args[0]; });
  }

  /// Walks along the cumulative sum. Loop-carried: the sum, the choice, the sum
  /// in front of it and whether it is final.
  static Choice buildChoice(OpBuilder &builder, Location loc,
                            const Choices &choices, Value uniform) {
    Value no = arith::ConstantIntOp::create(builder, loc, 0, 1);
    auto loop = scf::ForOp::create(
        builder, loc, choices.begin, choices.end, buildIndex(builder, loc, 1),
        ValueRange{choices.before, buildIndex(builder, loc, 0), choices.before,
                   no},
        [&](OpBuilder &b, Location l, Value index, ValueRange carried) {
          SmallVector<Value> position(choices.row);
          position.push_back(index);
          Value weight =
              tensor::ExtractOp::create(b, l, choices.weights, position);
          Value sum = arith::AddFOp::create(b, l, carried[0], weight);
          Value possible = arith::CmpFOp::create(
              b, l, arith::CmpFPredicate::OGT, weight, buildF32(b, l, 0.0));
          Value open = arith::XOrIOp::create(
              b, l, carried[3], arith::ConstantIntOp::create(b, l, 1, 1));
          Value taken = arith::AndIOp::create(b, l, open, possible);
          Value choice =
              arith::SelectOp::create(b, l, taken, index, carried[1]);
          Value before =
              arith::SelectOp::create(b, l, taken, carried[0], carried[2]);
          Value exceeds = arith::CmpFOp::create(b, l, arith::CmpFPredicate::OGT,
                                                sum, uniform);
          Value hit = arith::AndIOp::create(b, l, taken, exceeds);
          Value final = arith::OrIOp::create(b, l, carried[3], hit);
          scf::YieldOp::create(b, l, ValueRange{sum, choice, before, final});
        });
    return {loop.getResult(1), loop.getResult(2), loop.getResult(3)};
  }
};

} // namespace

void gpt::populateSamplingToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<ArgmaxLowering, SampleLowering>(patterns.getContext());
}
