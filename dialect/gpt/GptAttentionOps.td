//===- GptAttentionOps.td - attention, rotary embedding and the KV cache -*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention and what belongs to it. Operands are [batch, seq, heads *
// head_dim]; the split into heads is part of the op, so graphs need no
// reshapes.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_ATTENTION_OPS_TD
#define GPT_ATTENTION_OPS_TD

include "gpt/GptDialect.td"
include "gpt/GptEnums.td"
include "gpt/GptTypes.td"

def Gpt_RopeOp : Gpt_InferredOp<"rope"> {
  let summary = "rotary position embedding";
  let description = [{
    Rotates pairs of features of each head by an angle that grows with the
    position (Su et al., arXiv 2104.09864). With `r = rotary_dims` (the head
    dimension if not given), pair `k < r / 2` of a token at position `p` turns by
    `a = p * f_k`, `f_k = theta^(-2 k / r)`:
    `(x, y) -> (x cos a - y sin a, y cos a + x sin a)`.

    * `half_split`: pair `k` is features `k` and `k + r / 2` (GPT-NeoX, LLaMA).
    * `interleaved`: pair `k` is features `2 k` and `2 k + 1` (GPT-J).

    Features from `r` on are copied. The position of token `s` of sequence `b`
    is `s`, or `positions[b] + s` when `positions` is given.

    Scaling of the frequencies:
    * `none`: as above.
    * `linear`: `f_k / scaling_factor` (position interpolation, arXiv 2306.15595).
    * `llama3`: with the wavelength `w = 2 pi / f_k` and
      `L = original_context_length`: `f_k` where `w < L / high_freq_factor`,
      `f_k / scaling_factor` where `w > L / low_freq_factor`, between them
      `(1 - t) f_k / scaling_factor + t f_k` with
      `t = (L / w - low_freq_factor) / (high_freq_factor - low_freq_factor)`
      (LLaMA 3.1).

    | operand | shape |
    |---|---|
    | `input` | `[B, S, num_heads * head_dim]` |
    | `positions` | `[B]`, optional |
    | `result` | as `input` |

    Constraints:
    * C1: `input` has rank 3 and its last extent is static.
    * C2: `num_heads` is positive and divides the last extent of `input`.
    * C3: `rotary_dims`, if given, is even, positive and at most `head_dim`;
      if not given, `head_dim` is even.
    * C4: `theta` is positive.
    * C5: `scaling_factor` is positive.
    * C6: with `llama3`, `0 < low_freq_factor < high_freq_factor` and
      `original_context_length` is positive.
    * C7: the extent of `positions` is the batch of `input`.
    * C8: `result` has the type of `input`.

    Example:

    ```mlir
    %r = gpt.rope %q {num_heads = 32 : i64, theta = 5.0e5 : f64}
        : (tensor<?x?x2048xf32>) -> tensor<?x?x2048xf32>
    %s = gpt.rope %q positions(%p) {num_heads = 8 : i64, rotary_dims = 16 : i64}
        : (tensor<?x1x256xf32>, tensor<?xi64>) -> tensor<?x1x256xf32>
    ```
  }];
  let arguments = (ins
    Gpt_Activation:$input,
    Optional<Gpt_PositionTensor>:$positions,
    I64Attr:$num_heads,
    OptionalAttr<I64Attr>:$rotary_dims,
    DefaultValuedAttr<F64Attr, "10000.0">:$theta,
    DefaultValuedAttr<Gpt_RopeStyleAttr,
                      "::mlir::gpt::RopeStyle::HalfSplit">:$style,
    DefaultValuedAttr<Gpt_RopeScalingAttr,
                      "::mlir::gpt::RopeScaling::None">:$scaling,
    DefaultValuedAttr<F64Attr, "1.0">:$scaling_factor,
    DefaultValuedAttr<F64Attr, "1.0">:$low_freq_factor,
    DefaultValuedAttr<F64Attr, "4.0">:$high_freq_factor,
    DefaultValuedAttr<I64Attr, "8192">:$original_context_length);
  let results = (outs Gpt_Activation:$result);
  let assemblyFormat = [{
    $input (`positions` `(` $positions^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let declarations = [{
    /// Features of one head.
    int64_t getHeadDim();
    /// Features of one head that are rotated.
    int64_t getEffectiveRotaryDims();
    /// The angle per position of each pair, scaling applied
    /// (`rotary_dims / 2` values, radians).
    ::llvm::SmallVector<double> getFrequencies();
  }];
  let definitions = !strconcat(Gpt_reifyLikeFirstOperand, Gpt_positionwise);
}

def Gpt_AttentionOp : Gpt_InferredOp<"attention"> {
  let summary = "multi-head, multi-query or grouped-query attention";
  let description = [{
    For each head `h` with key/value head `g = h / (num_heads / num_kv_heads)`:
    `result_h = softmax(scale * query_h key_g^T + mask) value_g`
    (Vaswani et al., arXiv 1706.03762; grouped queries: arXiv 2305.13245).
    `scale` is `1 / sqrt(head_dim)` if not given. Query `i` stands at position
    `i + T - S`. With `causal`, key `j` is visible where `j <= i + T - S`; with
    `window = w` only where also `j > i + T - S - w`. `mask` is added to the
    scaled scores. Scores and sums are `f32`; where `query`, `key` and `value` are
    `bf16`, the weights that values are multiplied with may be `bf16`, and are then
    divided by the sum of what they were rounded to. A row without a visible key,
    as where there is none (`T` = 0), gives NaN.

    | operand | shape |
    |---|---|
    | `query` | `[B, S, num_heads * D]` |
    | `key` | `[B, T, num_kv_heads * D]` |
    | `value` | `[B, T, num_kv_heads * E]` |
    | `mask` | broadcast to `[B, num_heads, S, T]`, optional |
    | `result` | `[B, S, num_heads * E]` |

    Constraints:
    * C1: `num_heads` and `num_kv_heads` are positive, and `num_kv_heads`
      divides `num_heads`.
    * C2: the last extents are static; `num_heads` divides that of `query`,
      `num_kv_heads` those of `key` and `value`.
    * C3: `query` and `key` have the same head dimension.
    * C4: the batch extents are equal; `key` and `value` have the same length.
    * C5: `mask`, if given, broadcasts to `[B, num_heads, S, T]`.
    * C6: `window`, if given, is positive and goes with `causal`.
    * C7: `query`, `key` and `value` have the same element type, and it is that
      of `result`.
    * C8: with `causal`, `S <= T` where both are static.

    Example:

    ```mlir
    %y = gpt.attention %q, %k, %v {causal, num_heads = 32 : i64, num_kv_heads = 8 : i64}
        : (tensor<?x?x2048xf32>, tensor<?x?x512xf32>, tensor<?x?x512xf32>)
        -> tensor<?x?x2048xf32>
    ```
  }];
  let arguments = (ins
    Gpt_Activation:$query, Gpt_Activation:$key, Gpt_Activation:$value,
    Optional<Gpt_FloatTensor>:$mask,
    I64Attr:$num_heads, I64Attr:$num_kv_heads,
    UnitAttr:$causal,
    OptionalAttr<F64Attr>:$scale,
    OptionalAttr<I64Attr>:$window);
  let results = (outs Gpt_Activation:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`mask` `(` $mask^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let declarations = [{
    /// Features of one query (and key) head.
    int64_t getHeadDim();
    /// Features of one value head.
    int64_t getValueHeadDim();
    /// The scale that applies, given or `1 / sqrt(head_dim)`.
    double getEffectiveScale();
  }];
}

def Gpt_CachedAttentionOp : Gpt_InferredOp<"cached_attention"> {
  let summary = "causal attention over a KV cache";
  let description = [{
    Appends `key` and `value` of `S` new tokens to the caches of `B` sequences
    and attends from the new queries to all keys up to and including their own.
    With `p = min(max(positions[b], 0), C - S)`:

    * `updated_key[b, g, p + s] = key[b, s, g]`, all else as in `key_cache`;
      `updated_value` likewise.
    * query `s` of sequence `b` stands at position `p + s`; key `j` is visible
      where `j <= p + s`, with `window = w` only where also `j > p + s - w`.
    * `result` is then that of `gpt.attention` over `updated_key` and
      `updated_value`; what it says of `bf16` holds where `query` and the caches
      are.

    Position `p` is clamped as shown, so that no memory outside the cache is
    touched; a runtime refuses such positions before. With more new tokens than
    the cache has places (`S > C`) nothing is computed, and `result` is
    unspecified. Entries at or behind
    `p + S` are never read. After bufferization the caches are updated in place.

    | operand | shape |
    |---|---|
    | `query` | `[B, S, num_heads * D]` |
    | `key` | `[B, S, num_kv_heads * D]` |
    | `value` | `[B, S, num_kv_heads * E]` |
    | `key_cache`, `updated_key` | `[B, num_kv_heads, C, D]` |
    | `value_cache`, `updated_value` | `[B, num_kv_heads, C, E]` |
    | `positions` | `[B]` |
    | `result` | `[B, S, num_heads * E]` |

    Constraints:
    * C1: `num_heads` and `num_kv_heads` are positive, and `num_kv_heads`
      divides `num_heads`.
    * C2: the last extents are static; `num_heads` divides that of `query`,
      `num_kv_heads` those of `key` and `value`.
    * C3: `query` and `key` have the same head dimension.
    * C4: `query`, `key`, `value`, the caches and `positions` agree in `B`,
      and `query`, `key` and `value` in `S`.
    * C5: the caches have `num_kv_heads` heads, the head dimension of `key` and
      `value`, and the same capacity.
    * C6: the capacity is at least 1 and at least `S`.
    * C7: `window`, if given, is positive.
    * C8: `query`, `key` and `value` have the same element type, and it is that
      of `result`. The caches may have another one.
    * C9: the updated caches have the types of the caches.

    Example:

    ```mlir
    %y, %k1, %v1 = gpt.cached_attention %q, %k, %v cache(%k0, %v0) positions(%p)
        {num_heads = 4 : i64, num_kv_heads = 2 : i64}
        : (tensor<?x1x64xf32>, tensor<?x1x32xf32>, tensor<?x1x32xf32>,
           tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?xi64>)
        -> (tensor<?x1x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>)
    ```
  }];
  let arguments = (ins
    Gpt_Activation:$query, Gpt_Activation:$key, Gpt_Activation:$value,
    Gpt_CacheTensor:$key_cache, Gpt_CacheTensor:$value_cache,
    Gpt_PositionTensor:$positions,
    I64Attr:$num_heads, I64Attr:$num_kv_heads,
    OptionalAttr<F64Attr>:$scale,
    OptionalAttr<I64Attr>:$window);
  let results = (outs Gpt_Activation:$result, Gpt_CacheTensor:$updated_key,
                      Gpt_CacheTensor:$updated_value);
  let assemblyFormat = [{
    $query `,` $key `,` $value `cache` `(` $key_cache `,` $value_cache `)`
    `positions` `(` $positions `)` attr-dict `:`
    functional-type(operands, results)
  }];
  let declarations = [{
    /// Features of one query (and key) head.
    int64_t getHeadDim();
    /// Features of one value head.
    int64_t getValueHeadDim();
    /// The scale that applies, given or `1 / sqrt(head_dim)`.
    double getEffectiveScale();
  }];
}

#endif // GPT_ATTENTION_OPS_TD
