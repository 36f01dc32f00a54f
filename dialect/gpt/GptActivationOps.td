//===- GptActivationOps.td - activations and softmax -------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Point-wise non-linearities, softmax and the causal mask.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_ACTIVATION_OPS_TD
#define GPT_ACTIVATION_OPS_TD

include "gpt/GptDialect.td"
include "gpt/GptEnums.td"
include "gpt/GptTypes.td"

// An op on one tensor whose result has the operand's type.
class Gpt_UnaryOp<string mnemonic> : Gpt_InferredOp<mnemonic> {
  let arguments = (ins Gpt_FloatTensor:$input);
  let results = (outs Gpt_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  code typeOfInput = [{
    ::llvm::LogicalResult $cppClass::inferTypes(
        const ::mlir::gpt::TypeRule &, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      types.push_back(adaptor.getInput().getType());
      return ::mlir::success();
    }
  }];
  let definitions = !strconcat(typeOfInput, Gpt_reifyLikeFirstOperand, Gpt_elementwise);
}

def Gpt_GeluOp : Gpt_UnaryOp<"gelu"> {
  let summary = "Gaussian error linear unit";
  let description = [{
    `approximate = none`: `result = x * 0.5 * (1 + erf(x / sqrt(2)))`.
    `approximate = tanh`:
    `result = x * 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))`.
    Source: Hendrycks and Gimpel, arXiv 1606.08415. Computed in `f32`.

    | operand | shape |
    |---|---|
    | `input` | any |
    | `result` | as `input` |

    Constraints:
    * C1: `result` has the type of `input`.

    Example:

    ```mlir
    %y = gpt.gelu %x {approximate = #gpt<gelu_approximation tanh>}
        : (tensor<?x?x3072xf32>) -> tensor<?x?x3072xf32>
    ```
  }];
  let arguments = (ins Gpt_FloatTensor:$input,
    DefaultValuedAttr<Gpt_GeluApproximationAttr,
                      "::mlir::gpt::GeluApproximation::None">:$approximate);
}

def Gpt_SiluOp : Gpt_UnaryOp<"silu"> {
  let summary = "sigmoid linear unit";
  let description = [{
    `result = x / (1 + exp(-x))`, also called swish. Computed in `f32`.

    | operand | shape |
    |---|---|
    | `input` | any |
    | `result` | as `input` |

    Constraints:
    * C1: `result` has the type of `input`.

    Example:

    ```mlir
    %y = gpt.silu %x : (tensor<?x?x8192xf32>) -> tensor<?x?x8192xf32>
    ```
  }];
}

def Gpt_SoftmaxOp : Gpt_UnaryOp<"softmax"> {
  let summary = "softmax over the last dimension";
  let description = [{
    `result[..., i] = exp(x[..., i] - m) / sum_j exp(x[..., j] - m)` with
    `m = max_j x[..., j]`. Computed in `f32`.

    | operand | shape |
    |---|---|
    | `input` | `[..., N]` |
    | `result` | `[..., N]` |

    Constraints:
    * C1: `input` has rank 1 or more.
    * C2: `result` has the type of `input`.

    Example:

    ```mlir
    %p = gpt.softmax %x : (tensor<?x?x50257xf32>) -> tensor<?x?x50257xf32>
    ```
  }];
  let definitions = !strconcat(Gpt_reifyLikeFirstOperand, Gpt_positionwise);
}

def Gpt_MaskedSoftmaxOp : Gpt_InferredOp<"masked_softmax"> {
  let summary = "softmax of scores plus an additive mask";
  let description = [{
    `result = softmax(input + mask)` over the last dimension. A masked entry
    holds `-inf`. A row in which every entry is masked gives NaN, as the formula
    does (0 / 0). Computed in `f32`.

    | operand | shape |
    |---|---|
    | `input` | `[..., S, T]` |
    | `mask` | broadcast to `input` (aligned at the last dimension) |
    | `result` | as `input` |

    Constraints:
    * C1: `input` has rank 1 or more.
    * C2: `mask` broadcasts to the shape of `input`.
    * C3: `result` has the type of `input`.

    Example:

    ```mlir
    %p = gpt.masked_softmax %scores, %mask
        : (tensor<?x12x?x?xf32>, tensor<?x?xf32>) -> tensor<?x12x?x?xf32>
    ```
  }];
  let arguments = (ins Gpt_FloatTensor:$input, Gpt_FloatTensor:$mask);
  let results = (outs Gpt_FloatTensor:$result);
  let assemblyFormat =
    "$input `,` $mask attr-dict `:` functional-type(operands, results)";
  let definitions = Gpt_reifyLikeFirstOperand;
}

def Gpt_CausalMaskOp : Gpt_Op<"causal_mask", [
    AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<Gpt_ShapeConstraintOpInterface>]> {
  let summary = "additive mask that hides the future";
  let description = [{
    Without `positions`, query `i` stands at position `i + T - S`:
    `result[i, j] = 0` where `j <= i + T - S`, `-inf` elsewhere.
    With `positions`, query `i` of sequence `b` stands at `positions[b] + i`:
    `result[b, 0, i, j] = 0` where `j <= positions[b] + i`, `-inf` elsewhere.
    With `window = w`, keys at a distance of `w` or more are hidden too: a
    visible key also has `j > position - w`.

    | operand | shape |
    |---|---|
    | `sizes` | one `index` per dynamic dimension of `result`, in order |
    | `positions` | `[B]`, optional |
    | `result` | `[S, T]`, or `[B, 1, S, T]` with `positions` |

    Constraints:
    * C1: `result` has rank 2, or rank 4 with a second extent of 1 when
      `positions` is given.
    * C2: there are as many `sizes` as `result` has dynamic dimensions.
    * C3: `window`, if given, is positive.
    * C4: the extent of `positions` is that of dimension 0 of `result`.

    Example:

    ```mlir
    %mask = gpt.causal_mask(%s, %t) : tensor<?x?xf32>
    %wide = gpt.causal_mask(%b, %t) positions(%p : tensor<?xi64>)
        {window = 128 : i64} : tensor<?x1x1x?xf32>
    ```
  }];
  let arguments = (ins Variadic<Index>:$sizes,
                       Optional<Gpt_PositionTensor>:$positions,
                       OptionalAttr<I64Attr>:$window);
  let results = (outs Gpt_FloatTensor:$result);
  let assemblyFormat = [{
    `(` $sizes `)` (`positions` `(` $positions^ `:` type($positions) `)`)?
    attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

#endif // GPT_ACTIVATION_OPS_TD
