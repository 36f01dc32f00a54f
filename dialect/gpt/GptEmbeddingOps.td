//===- GptEmbeddingOps.td - token and position embeddings --*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Table look-up and the positions that learned position embeddings look up.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_EMBEDDING_OPS_TD
#define GPT_EMBEDDING_OPS_TD

include "gpt/GptDialect.td"
include "gpt/GptTypes.td"

def Gpt_EmbeddingOp : Gpt_InferredOp<"embedding"> {
  let summary = "rows of a table";
  let description = [{
    `result[..., d] = table[min(max(ids[...], 0), V - 1), d]`. Ids outside the
    table are clamped, so that no memory outside it is read; who knows which
    table an id is for should refuse them before.

    | operand | shape |
    |---|---|
    | `table` | `[V, D]` |
    | `ids` | any, `i32` or `i64` |
    | `result` | `[ids..., D]` |

    Constraints:
    * C1: `table` has rank 2 and, if static, at least one row.
    * C2: `result` has the element type of `table`.

    Example:

    ```mlir
    %x = gpt.embedding %wte, %ids : (tensor<50257x768xf32>, tensor<?x?xi64>) -> tensor<?x?x768xf32>
    ```
  }];
  let arguments = (ins Gpt_FloatMatrix:$table, Gpt_IdTensor:$ids);
  let results = (outs Gpt_FloatTensor:$result);
  let assemblyFormat =
    "$table `,` $ids attr-dict `:` functional-type(operands, results)";
}

def Gpt_PositionIdsOp : Gpt_InferredOp<"position_ids"> {
  let summary = "absolute positions of tokens";
  let description = [{
    `result[b, s] = s`, or `positions[b] + s` when `positions` is given. Only the
    shape of `like` is used.

    | operand | shape |
    |---|---|
    | `like` | `[B, S, ...]` |
    | `positions` | `[B]`, optional |
    | `result` | `[B, S]`, `i64` |

    Constraints:
    * C1: `like` has rank 2 or more.
    * C2: the extent of `positions` is the batch of `like`.

    Example:

    ```mlir
    %p = gpt.position_ids %ids : (tensor<?x?xi64>) -> tensor<?x?xi64>
    ```
  }];
  let arguments = (ins Gpt_AnyTensor:$like,
                       Optional<Gpt_PositionTensor>:$positions);
  let results = (outs Gpt_IdTensor:$result);
  let assemblyFormat = [{
    $like (`positions` `(` $positions^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

#endif // GPT_EMBEDDING_OPS_TD
