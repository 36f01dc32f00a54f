//===- GptToLinalgPass.cpp - convert-gpt-to-linalg --------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shell: collects the patterns of all op families and runs them. Every
// other dialect is legal as it is; a gpt op that remains is an error.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/GptToLinalg.h"
#include "gpt/Conversion/GptToLinalg/LoweringPattern.h"
#include "gpt/Conversion/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_CONVERTGPTTOLINALG
#include "gpt/Conversion/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

LogicalResult gpt::verifyNoEncoding(Operation *op) {
  auto verify = [&](StringRef what, TypeRange types) -> LogicalResult {
    for (auto [index, type] : llvm::enumerate(types))
      if (auto tensor = dyn_cast<RankedTensorType>(type);
          tensor && tensor.getEncoding())
        return op->emitOpError("cannot be converted to linalg: ")
               << what << " " << index << " of type " << type
               << " has an encoding";
    return success();
  };
  if (failed(verify("operand", op->getOperandTypes())))
    return failure();
  return verify("result", op->getResultTypes());
}

void gpt::populateGptToLinalgPatterns(RewritePatternSet &patterns) {
  populateActivationToLinalgPatterns(patterns);
  populateAttentionToLinalgPatterns(patterns);
  populateCachedAttentionToLinalgPatterns(patterns);
  populateElementwiseToLinalgPatterns(patterns);
  populateEmbeddingToLinalgPatterns(patterns);
  populateNormToLinalgPatterns(patterns);
  populateProjectionToLinalgPatterns(patterns);
  populateRopeToLinalgPatterns(patterns);
  populateSamplingToLinalgPatterns(patterns);
  populateShapeToLinalgPatterns(patterns);
}

namespace {
struct ConvertGptToLinalg final
    : public gpt::impl::ConvertGptToLinalgBase<ConvertGptToLinalg> {
  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet all(context);
    gpt::populateGptToLinalgPatterns(all);
    patterns = FrozenRewritePatternSet(std::move(all));
    return success();
  }

  void runOnOperation() override {
    ConversionTarget target(getContext());
    target.addIllegalDialect<gpt::GptDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    if (failed(applyFullConversion(getOperation(), target, patterns)))
      signalPassFailure();
  }

  FrozenRewritePatternSet patterns;
};
} // namespace
