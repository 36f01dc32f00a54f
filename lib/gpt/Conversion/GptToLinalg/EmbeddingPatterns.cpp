//===- EmbeddingPatterns.cpp - embedding, position_ids ----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A look-up is a generic that reads the table at a computed row.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"

using namespace mlir;
using namespace mlir::gpt;

namespace {

struct EmbeddingLowering final : public LoweringPattern<EmbeddingOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(EmbeddingOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    Value table = adaptor.getTable();
    SmallVector<OpFoldResult> sizes = getShape(op, builder);
    unsigned feature = sizes.size() - 1;
    Value zero = buildIndex(builder, loc, 0);
    Value one = buildIndex(builder, loc, 1);
    Value numRows = getValueOrCreateConstantIndexOp(
        builder, loc, tensor::getMixedSize(builder, loc, table, 0));
    Value lastRow = arith::SubIOp::create(builder, loc, numRows, one);
    Value init =
        buildEmpty(builder, loc, sizes, getTensorType(table).getElementType());
    AffineMap idsMap =
        getDimsMap(builder.getContext(), sizes.size(), getDimRange(0, feature));
    results.push_back(buildParallel(
        builder, loc, {{adaptor.getIds(), idsMap}}, init,
        [&](OpBuilder &b, Location l, ValueRange args) -> Value {
          Value row =
              arith::IndexCastOp::create(b, l, b.getIndexType(), args[0]);
          row = arith::MinSIOp::create(b, l, row, lastRow);
          row = arith::MaxSIOp::create(b, l, row, zero);
          Value column = linalg::IndexOp::create(b, l, feature);
          return tensor::ExtractOp::create(b, l, table,
                                           ValueRange{row, column});
        }));
    return success();
  }
};

struct PositionIdsLowering final : public LoweringPattern<PositionIdsOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult lower(PositionIdsOp op, OpAdaptor adaptor, OpBuilder &builder,
                      SmallVectorImpl<Value> &results) const final {
    Location loc = op.getLoc();
    Type elementType = getTensorType(op.getResult()).getElementType();
    Value init = buildEmpty(builder, loc, getShape(op, builder), elementType);
    SmallVector<Access> inputs;
    if (Value positions = adaptor.getPositions())
      inputs.push_back({positions, getDimsMap(builder.getContext(), 2, {0})});
    results.push_back(buildParallel(
        builder, loc, inputs, init,
        [&](OpBuilder &b, Location l, ValueRange args) -> Value {
          Value step = linalg::IndexOp::create(b, l, 1);
          if (!args.empty()) {
            Value first =
                arith::IndexCastOp::create(b, l, b.getIndexType(), args[0]);
            step = arith::AddIOp::create(b, l, first, step);
          }
          return arith::IndexCastOp::create(b, l, elementType, step);
        }));
    return success();
  }
};

} // namespace

void gpt::populateEmbeddingToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<EmbeddingLowering, PositionIdsLowering>(patterns.getContext());
}
