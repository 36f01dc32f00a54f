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

def ConvertGptAttentionToVector : Pass<"convert-gpt-attention-to-vector"> {
  let summary = "Convert attention to loops over tiles of vectors";
  let description = [{
    Converts `gpt.attention` and `gpt.cached_attention` to the online form of
    softmax: tiles of keys one after the other, with the weighted sum, the
    greatest score and the sum of weights carried along. The scores of all keys
    are never held. Tiles of keys that no query of a tile sees are not visited,
    and only tiles that some query sees in part are masked.

    Many queries: an `scf.forall` over batch, head and tiles of `query-tile`
    queries, which are in the lanes of vectors. Keys are read `row-tile` at a
    time, each as it is stored:

    ```mlir
    %s = scf.for %f = %c0 to %c64 step %c1 iter_args(%sum = %zeros) -> (vector<8x32xf32>) {
      %keys = vector.from_elements ... : vector<8xf32>     // one feature of 8 keys
      %queries = vector.transfer_read %packed[%f, %c0] ... : tensor<64x32xf32>, vector<32xf32>
      %next = vector.outerproduct %keys, %queries, %sum : vector<8xf32>, vector<32xf32>
      scf.yield %next : vector<8x32xf32>
    }
    ```

    With `pairs`, where queries, keys and values are bf16, products are those of
    pairs, with sums in f32: of two features of a key, of two keys of a feature.
    The weights that values are multiplied with are then bf16, too, and the sum of
    weights is theirs.

    ```mlir
    %s = scf.for %p = %c0 to %c32 step %c1 iter_args(%sum = %zeros) -> (vector<8x32xf32>) {
      %keys = vector.transfer_read %k[...] ... : tensor<?x12x?x64xbf16>, vector<8x2xbf16>
      %queries = vector.transfer_read %packed[%p, %c0, %c0] ... : tensor<32x32x2xbf16>, vector<32x2xbf16>
      %next = vector.contract {...} %keys, %queries, %sum
          : vector<8x2xbf16>, vector<32x2xbf16> into vector<8x32xf32>
      scf.yield %next : vector<8x32xf32>
    }
    ```

    One query per sequence (a static length of 1): an `scf.forall` over batch, kv
    head and parts of `key-part` keys, in which all query heads of a kv head
    share each key and value; another one merges the parts. The parts do not
    depend on the number of threads.
  }];
  let options = [
    Option<"queryTile", "query-tile", "int64_t", "32", "Queries of a tile">,
    Option<"keyTile", "key-tile", "int64_t", "64", "Keys of a tile">,
    Option<"rowTile", "row-tile", "int64_t", "8",
           "Keys, or features of a value, in registers at a time">,
    Option<"keyPart", "key-part", "int64_t", "256",
           "Keys of a part, where there is one query">,
    Option<"vectorSize", "vector-size", "int64_t", "16",
           "Elements of a vector register">,
    Option<"pairs", "pairs", "bool", "false",
           "Multiply pairs where queries, keys and values are bf16">
  ];
  let statistics = [
    Statistic<"numConverted", "num-converted", "Number of attentions converted">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect", "::mlir::vector::VectorDialect"
  ];
}

#endif // GPT_CONVERSION_PASSES_TD
