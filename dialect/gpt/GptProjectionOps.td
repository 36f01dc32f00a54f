//===- GptProjectionOps.td - matrix products ---------------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The product with a weight and the product of two activations.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PROJECTION_OPS_TD
#define GPT_PROJECTION_OPS_TD

include "gpt/GptDialect.td"
include "gpt/GptEnums.td"
include "gpt/GptTypes.td"

def Gpt_LinearOp : Gpt_InferredOp<"linear"> {
  let summary = "product with a weight matrix";
  let description = [{
    `result[..., n] = bias[n] + sum_k input[..., k] * W[n, k]` where `W` is
    `weight` (`weight_layout = out_in`, as PyTorch's `Linear` stores it) or its
    transpose (`in_out`, as GPT-2's `Conv1D` does). The sum is taken in `f32`.

    | operand | shape |
    |---|---|
    | `input` | `[..., K]` |
    | `weight` | `[N, K]` (`out_in`) or `[K, N]` (`in_out`) |
    | `bias` | `[N]`, optional |
    | `result` | `[..., N]` |

    Constraints:
    * C1: `input` has rank 1 or more.
    * C2: `weight` has rank 2 and its input extent is that of the last dimension
      of `input`.
    * C3: `bias` has the output extent of `weight`.
    * C4: `result` has the element type of `input`.

    Example:

    ```mlir
    %y = gpt.linear %x, %w bias(%b) {weight_layout = #gpt<weight_layout in_out>}
        : (tensor<?x?x768xf32>, tensor<768x3072xf32>, tensor<3072xf32>) -> tensor<?x?x3072xf32>
    ```
  }];
  let arguments = (ins Gpt_FloatTensor:$input, Gpt_FloatMatrix:$weight,
    Optional<Gpt_FloatVector>:$bias,
    DefaultValuedAttr<Gpt_WeightLayoutAttr,
                      "::mlir::gpt::WeightLayout::OutIn">:$weight_layout);
  let results = (outs Gpt_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` `(` $bias^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let declarations = [{
    /// Dimension of `weight` that the product sums over.
    unsigned getWeightInputDim() {
      return getWeightLayout() == WeightLayout::OutIn ? 1 : 0;
    }
  }];
  let definitions = Gpt_positionwise;
  let hasCanonicalizer = 1;
}

def Gpt_MatmulOp : Gpt_InferredOp<"matmul"> {
  let summary = "batched product of two tensors";
  let description = [{
    `result[..., m, n] = sum_k lhs[..., m, k] * rhs[..., k, n]`. `rhs` may have
    rank 2 and then serves the whole batch. The sum is taken in `f32`.

    | operand | shape |
    |---|---|
    | `lhs` | `[batch..., M, K]` |
    | `rhs` | `[batch..., K, N]` or `[K, N]` |
    | `result` | `[batch..., M, N]` |

    Constraints:
    * C1: `lhs` and `rhs` have rank 2 or more; `rhs` has rank 2 or that of `lhs`.
    * C2: the batch extents are equal.
    * C3: the last extent of `lhs` is the last but one of `rhs`.
    * C4: `lhs` and `rhs` have the same element type, and it is that of `result`.

    Example:

    ```mlir
    %s = gpt.matmul %a, %b : (tensor<?x12x?x64xf32>, tensor<?x12x64x?xf32>) -> tensor<?x12x?x?xf32>
    ```
  }];
  let arguments = (ins Gpt_FloatTensor:$lhs, Gpt_FloatTensor:$rhs);
  let results = (outs Gpt_FloatTensor:$result);
  let assemblyFormat =
    "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  let hasCanonicalizer = 1;
}

#endif // GPT_PROJECTION_OPS_TD
