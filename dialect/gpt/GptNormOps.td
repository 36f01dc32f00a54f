//===- GptNormOps.td - normalisation -----------------------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LayerNorm and RMSNorm over the last dimension.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_NORM_OPS_TD
#define GPT_NORM_OPS_TD

include "gpt/GptDialect.td"
include "gpt/GptTypes.td"

def Gpt_LayerNormOp : Gpt_InferredOp<"layer_norm"> {
  let summary = "layer normalisation over the last dimension";
  let description = [{
    With mean `m` and (biased) variance `v` of the last dimension:
    `result = (input - m) / sqrt(v + epsilon) * weight + bias`
    (Ba et al., arXiv 1607.06450). Computed in `f32`.

    | operand | shape |
    |---|---|
    | `input` | `[..., D]` |
    | `weight` | `[D]` |
    | `bias` | `[D]`, optional |
    | `result` | as `input` |

    Constraints:
    * C1: `input` has rank 1 or more.
    * C2: `weight` and `bias` have the extent of the last dimension of `input`.
    * C3: `epsilon` is not negative.
    * C4: `result` has the type of `input`.

    Example:

    ```mlir
    %y = gpt.layer_norm %x, %w bias(%b) {epsilon = 1.0e-5 : f64}
        : (tensor<?x?x768xf32>, tensor<768xf32>, tensor<768xf32>) -> tensor<?x?x768xf32>
    ```
  }];
  let arguments = (ins Gpt_FloatTensor:$input, Gpt_FloatVector:$weight,
                       Optional<Gpt_FloatVector>:$bias, F64Attr:$epsilon);
  let results = (outs Gpt_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` `(` $bias^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let definitions = !strconcat(Gpt_reifyLikeFirstOperand, Gpt_positionwise);
}

def Gpt_RmsNormOp : Gpt_InferredOp<"rms_norm"> {
  let summary = "root-mean-square normalisation over the last dimension";
  let description = [{
    `result = input / sqrt(mean(input^2) + epsilon) * (unit_offset ? 1 + weight : weight)`
    (Zhang and Sennrich, arXiv 1910.07467; the unit offset is Gemma's). Computed
    in `f32`.

    | operand | shape |
    |---|---|
    | `input` | `[..., D]` |
    | `weight` | `[D]` |
    | `result` | as `input` |

    Constraints:
    * C1: `input` has rank 1 or more.
    * C2: `weight` has the extent of the last dimension of `input`.
    * C3: `epsilon` is not negative.
    * C4: `result` has the type of `input`.

    Example:

    ```mlir
    %y = gpt.rms_norm %x, %w {epsilon = 1.0e-6 : f64}
        : (tensor<?x?x2048xf32>, tensor<2048xbf16>) -> tensor<?x?x2048xf32>
    ```
  }];
  let arguments = (ins Gpt_FloatTensor:$input, Gpt_FloatVector:$weight,
                       F64Attr:$epsilon, UnitAttr:$unit_offset);
  let results = (outs Gpt_FloatTensor:$result);
  let assemblyFormat =
    "$input `,` $weight attr-dict `:` functional-type(operands, results)";
  let definitions = !strconcat(Gpt_reifyLikeFirstOperand, Gpt_positionwise);
}

#endif // GPT_NORM_OPS_TD
