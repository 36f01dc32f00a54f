//===- Passes.td - conversion passes -----------------------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes that convert the `gpt` dialect to upstream dialects.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_CONVERSION_PASSES_TD
#define GPT_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertGptToLinalg : Pass<"convert-gpt-to-linalg"> {
  let summary = "Convert the gpt dialect to linalg on tensors";
  let description = [{
    Converts every op of the `gpt` dialect; one that remains is an error.

    Products become `linalg.contract`, softmax `linalg.softmax`, the rest other
    named ops or `linalg.generic`. Scalars are computed in `f32`: storage types
    are converted inside the bodies. Weights are read in the layout they are
    stored in; the order of loops of a contraction (that of the dimensions of its
    maps) makes the innermost one run along contiguous memory.

    KV caches are loop-carried tensors that only change through
    `tensor.insert_slice`, which one-shot bufferization does in place.

    Batch and sequence may be dynamic everywhere and may be 0 at run time.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

#endif // GPT_CONVERSION_PASSES_TD
