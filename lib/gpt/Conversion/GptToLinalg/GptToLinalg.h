//===- GptToLinalg.h - patterns of gpt to linalg ----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function per op family adds the patterns of that family.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_CONVERSION_GPTTOLINALG_GPTTOLINALG_H
#define GPT_CONVERSION_GPTTOLINALG_GPTTOLINALG_H

namespace mlir {
class RewritePatternSet;
} // namespace mlir

namespace mlir::gpt {

/// gelu, silu, softmax, masked_softmax, causal_mask.
void populateActivationToLinalgPatterns(RewritePatternSet &patterns);

/// attention.
void populateAttentionToLinalgPatterns(RewritePatternSet &patterns);

/// cached_attention.
void populateCachedAttentionToLinalgPatterns(RewritePatternSet &patterns);

/// add, mul, scale, cast.
void populateElementwiseToLinalgPatterns(RewritePatternSet &patterns);

/// embedding, position_ids.
void populateEmbeddingToLinalgPatterns(RewritePatternSet &patterns);

/// layer_norm, rms_norm.
void populateNormToLinalgPatterns(RewritePatternSet &patterns);

/// linear, matmul.
void populateProjectionToLinalgPatterns(RewritePatternSet &patterns);

/// rope.
void populateRopeToLinalgPatterns(RewritePatternSet &patterns);

/// argmax, sample.
void populateSamplingToLinalgPatterns(RewritePatternSet &patterns);

/// transpose, split, last_token.
void populateShapeToLinalgPatterns(RewritePatternSet &patterns);

/// All of the above.
void populateGptToLinalgPatterns(RewritePatternSet &patterns);

} // namespace mlir::gpt

#endif // GPT_CONVERSION_GPTTOLINALG_GPTTOLINALG_H
