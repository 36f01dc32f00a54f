//===- LoweringPattern.h - base of all patterns -----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A pattern computes values for the results of its op; the base checks what no
// pattern supports and reconciles static extents: a declared result type may
// know less or more of them than the values that were built.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_CONVERSION_GPTTOLINALG_LOWERINGPATTERN_H
#define GPT_CONVERSION_GPTTOLINALG_LOWERINGPATTERN_H

#include "gpt/Conversion/GptToLinalg/GptToLinalg.h"
#include "gpt/Conversion/GptToLinalg/StructuredBuilders.h"
#include "gpt/GptDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::gpt {

/// Fails, with an error on `op`, if a tensor has an encoding: nothing below
/// the gpt dialect would honour it.
LogicalResult verifyNoEncoding(Operation *op);

template <typename OpTy>
class LoweringPattern : public OpConversionPattern<OpTy> {
public:
  using OpAdaptor = typename OpConversionPattern<OpTy>::OpAdaptor;

  explicit LoweringPattern(MLIRContext *context)
      : OpConversionPattern<OpTy>(context) {}

  LogicalResult
  matchAndRewrite(OpTy op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const final {
    if (failed(verifyNoEncoding(op)))
      return failure();
    SmallVector<Value> results;
    if (failed(lower(op, adaptor, rewriter, results)))
      return failure();
    for (auto [value, type] : llvm::zip_equal(results, op->getResultTypes()))
      value = castToType(rewriter, op.getLoc(), value, type);
    rewriter.replaceOp(op, results);
    return success();
  }

protected:
  /// Appends a value for each result of `op`; what it cannot lower is an error
  /// on `op`, before anything is built.
  virtual LogicalResult lower(OpTy op, OpAdaptor adaptor, OpBuilder &builder,
                              SmallVectorImpl<Value> &results) const = 0;

  /// The shape of each result.
  static ReifiedRankedShapedTypeDims getShapes(OpTy op, OpBuilder &builder) {
    ReifiedRankedShapedTypeDims shapes;
    // The shape rules of the dialect hold for every op that verifies.
    (void)op.reifyResultShapes(builder, shapes);
    return shapes;
  }

  /// The shape of the only result.
  static SmallVector<OpFoldResult> getShape(OpTy op, OpBuilder &builder) {
    return getShapes(op, builder).front();
  }
};

} // namespace mlir::gpt

#endif // GPT_CONVERSION_GPTTOLINALG_LOWERINGPATTERN_H
