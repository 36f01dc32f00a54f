//===- GptSamplingOps.td - choice of the next token --------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What turns logits into token ids inside compiled code.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_SAMPLING_OPS_TD
#define GPT_SAMPLING_OPS_TD

include "gpt/GptDialect.td"
include "gpt/GptTypes.td"

def Gpt_ArgmaxOp : Gpt_InferredOp<"argmax"> {
  let summary = "index of the largest element";
  let description = [{
    `result[...]` is the smallest index `i` for which `input[..., i]` is the
    maximum of the last dimension: greedy decoding. NaN never wins against a
    number.

    | operand | shape |
    |---|---|
    | `input` | `[..., N]` |
    | `result` | `[...]`, `i64` |

    Constraints:
    * C1: `input` has rank 1 or more and its last extent is not a static 0.

    Example:

    ```mlir
    %id = gpt.argmax %logits : (tensor<?x1x50257xf32>) -> tensor<?x1xi64>
    ```
  }];
  let arguments = (ins Gpt_FloatTensor:$input);
  let results = (outs Gpt_IdTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let definitions = Gpt_positionwise;
}

def Gpt_SampleOp : Gpt_InferredOp<"sample"> {
  let summary = "draw from the distribution of logits";
  let description = [{
    `result[...]` is the smallest index `i` for which
    `sum_{j <= i} softmax(logits[...])_j > uniform[...]`: with `uniform` drawn
    from `[0, 1)`, index `i` comes up with its softmax probability (inverse
    transform sampling). If rounding leaves no such index, the last one of
    non-zero probability is taken. Computed in `f32`, where the sum may be one of
    sums of blocks. A logit of `-inf` is never drawn.

    | operand | shape |
    |---|---|
    | `logits` | `[..., N]` |
    | `uniform` | `[...]` |
    | `result` | `[...]`, `i64` |

    Constraints:
    * C1: `logits` has rank 1 or more and its last extent is not a static 0.
    * C2: `uniform` has the shape of `logits` without its last dimension.

    Example:

    ```mlir
    %id = gpt.sample %logits, %u : (tensor<?x50257xf32>, tensor<?xf32>) -> tensor<?xi64>
    ```
  }];
  let arguments = (ins Gpt_FloatTensor:$logits, Gpt_FloatTensor:$uniform);
  let results = (outs Gpt_IdTensor:$result);
  let assemblyFormat =
    "$logits `,` $uniform attr-dict `:` functional-type(operands, results)";
}

#endif // GPT_SAMPLING_OPS_TD
