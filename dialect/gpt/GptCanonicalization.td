//===- GptCanonicalization.td - rewrites of gpt ops --------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Canonicalization patterns that are plain rewrites of one op tree into
// another. Patterns that must look at shapes are in GptCanonicalization.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_CANONICALIZATION_TD
#define GPT_CANONICALIZATION_TD

include "mlir/IR/PatternBase.td"
include "gpt/GptOps.td"

def Gpt_Compose : NativeCodeCall<
    "$_builder.getDenseI64ArrayAttr(::mlir::gpt::composePermutations($0, $1))">;

// transpose(transpose(x, p), q) -> transpose(x, q of p)
def Gpt_MergeTransposes
    : Pat<(Gpt_TransposeOp (Gpt_TransposeOp $x, $p), $q),
          (Gpt_TransposeOp $x, (Gpt_Compose $p, $q))>;

#endif // GPT_CANONICALIZATION_TD
