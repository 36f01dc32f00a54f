//===- GptElementwiseOps.td - element-wise arithmetic and shape ops -*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic with broadcasting, conversion between element types, and the few
// shape ops that graphs need beside it.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_ELEMENTWISE_OPS_TD
#define GPT_ELEMENTWISE_OPS_TD

include "gpt/GptActivationOps.td"

class Gpt_BinaryOp<string mnemonic> : Gpt_InferredOp<mnemonic, [Commutative]> {
  let arguments = (ins Gpt_FloatTensor:$lhs, Gpt_FloatTensor:$rhs);
  let results = (outs Gpt_FloatTensor:$result);
  let assemblyFormat =
    "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  code typeOfBroadcast = [{
    ::llvm::LogicalResult $cppClass::inferTypes(
        const ::mlir::gpt::TypeRule &rule, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return ::mlir::gpt::inferBroadcast(rule, adaptor.getLhs(),
                                         adaptor.getRhs(), types);
    }
  }];
  code reifyBroadcast = [{
    ::llvm::LogicalResult $cppClass::reifyResultShapes(
        ::mlir::OpBuilder &builder,
        ::mlir::ReifiedRankedShapedTypeDims &shapes) {
      shapes.push_back(::mlir::gpt::getBroadcastShape(builder, getLoc(),
                                                      getLhs(), getRhs()));
      return ::mlir::success();
    }
  }];
  let definitions = !strconcat(typeOfBroadcast, reifyBroadcast, Gpt_elementwise);
}

def Gpt_AddOp : Gpt_BinaryOp<"add"> {
  let summary = "sum with broadcasting";
  let description = [{
    `result = lhs + rhs`. Shapes are aligned at the last dimension; a missing
    dimension or a static extent of 1 is repeated.

    | operand | shape |
    |---|---|
    | `lhs`, `rhs` | broadcast against each other |
    | `result` | the common shape |

    Constraints:
    * C1: `lhs` and `rhs` have the same element type, and it is that of `result`.
    * C2: aligned static extents are equal, or one of them is 1.

    Example:

    ```mlir
    %y = gpt.add %x, %bias : (tensor<?x?x768xf32>, tensor<768xf32>) -> tensor<?x?x768xf32>
    ```
  }];
  let hasCanonicalizer = 1;
}

def Gpt_MulOp : Gpt_BinaryOp<"mul"> {
  let summary = "product with broadcasting";
  let description = [{
    `result = lhs * rhs`, element by element, with the broadcasting of
    `gpt.add`.

    | operand | shape |
    |---|---|
    | `lhs`, `rhs` | broadcast against each other |
    | `result` | the common shape |

    Constraints:
    * C1: `lhs` and `rhs` have the same element type, and it is that of `result`.
    * C2: aligned static extents are equal, or one of them is 1.

    Example:

    ```mlir
    %y = gpt.mul %gate, %up : (tensor<?x?x8192xf32>, tensor<?x?x8192xf32>) -> tensor<?x?x8192xf32>
    ```
  }];
}

def Gpt_ScaleOp : Gpt_UnaryOp<"scale"> {
  let summary = "product with a constant";
  let description = [{
    `result = factor * input`. `factor` is rounded to `f32`.

    | operand | shape |
    |---|---|
    | `input` | any |
    | `result` | as `input` |

    Constraints:
    * C1: `result` has the type of `input`.

    Example:

    ```mlir
    %y = gpt.scale %x {factor = 1.250000e-01 : f64} : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
    ```
  }];
  let arguments = (ins Gpt_FloatTensor:$input, F64Attr:$factor);
  let hasFolder = 1;
}

def Gpt_CastOp : Gpt_Op<"cast"> {
  let summary = "conversion between float types";
  let description = [{
    Converts each element to the element type of `result`, rounding to nearest
    even.

    | operand | shape |
    |---|---|
    | `input` | any |
    | `result` | the shape of `input` |

    Constraints:
    * C1: `result` has the shape of `input`.

    Example:

    ```mlir
    %y = gpt.cast %x : tensor<?x?x64xbf16> to tensor<?x?x64xf32>
    ```
  }];
  let arguments = (ins Gpt_FloatTensor:$input);
  let results = (outs Gpt_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($result)";
  let extraClassDefinition = !strconcat(Gpt_reifyLikeFirstOperand, Gpt_elementwise);
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Gpt_TransposeOp : Gpt_InferredOp<"transpose"> {
  let summary = "permutation of dimensions";
  let description = [{
    Dimension `i` of `result` is dimension `permutation[i]` of `input`.

    | operand | shape |
    |---|---|
    | `input` | any |
    | `result` | that of `input`, permuted |

    Constraints:
    * C1: `permutation` is a permutation of the dimensions of `input`.

    Example:

    ```mlir
    %t = gpt.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<2x?x64xf32>) -> tensor<2x64x?xf32>
    ```
  }];
  let arguments = (ins Gpt_FloatTensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Gpt_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Gpt_SplitOp : Gpt_InferredOp<"split"> {
  let summary = "equal parts of the last dimension";
  let description = [{
    Cuts the last dimension into `n` equal parts, `n` being the number of
    results. With `num_groups = g`, the last dimension is seen as
    `[g, n, size]` and part `p` is `[g, size]`, flattened: a projection that
    holds query, key and value of each head side by side (GPT-NeoX) is split
    with `num_groups = num_heads`.
    `results_p[..., g * size + i] = input[..., (g * n + p) * size + i]`.

    | operand | shape |
    |---|---|
    | `input` | `[..., n * num_groups * size]` |
    | `results` | `[..., num_groups * size]` each |

    Constraints:
    * C1: `input` has rank 1 or more and its last extent is static.
    * C2: `num_parts` and `num_groups` are positive, and there are `num_parts`
      results.
    * C3: `num_parts * num_groups` divides the last extent.

    Example:

    ```mlir
    %q, %k, %v = gpt.split %qkv {num_parts = 3 : i64, num_groups = 4 : i64}
        : (tensor<?x?x192xf32>) -> (tensor<?x?x64xf32>, tensor<?x?x64xf32>, tensor<?x?x64xf32>)
    ```
  }];
  let arguments = (ins Gpt_FloatTensor:$input, I64Attr:$num_parts,
                       DefaultValuedAttr<I64Attr, "1">:$num_groups);
  let results = (outs Variadic<Gpt_FloatTensor>:$parts);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let definitions = Gpt_positionwise;
}

def Gpt_LastTokenOp : Gpt_InferredOp<"last_token"> {
  let summary = "the last position of each sequence";
  let description = [{
    `result[b, 0, ...] = input[b, S - 1, ...]`. Canonicalization moves the op
    ahead of position-wise ops, so that a prefill computes logits for the last
    token only. An empty sequence has no last position: what `result` holds is
    not specified then, and nothing outside of `input` is read.

    | operand | shape |
    |---|---|
    | `input` | `[B, S, ...]` |
    | `result` | `[B, 1, ...]` |

    Constraints:
    * C1: `input` has rank 2 or more.
    * C2: the sequence extent is not a static 0.

    Example:

    ```mlir
    %last = gpt.last_token %x : (tensor<?x?x768xf32>) -> tensor<?x1x768xf32>
    ```
  }];
  let arguments = (ins Gpt_AnyTensor:$input);
  let results = (outs Gpt_AnyTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

#endif // GPT_ELEMENTWISE_OPS_TD
