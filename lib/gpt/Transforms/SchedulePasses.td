//===- SchedulePasses.td - what schedules run --------------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that run schedules, and those that schedules run.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_SCHEDULEPASSES_TD
#define GPT_TRANSFORMS_SCHEDULEPASSES_TD

include "mlir/Pass/PassBase.td"

def PackProjections : Pass<"gpt-pack-projections", "ModuleOp"> {
  let summary = "Pack the operands of products with a weight";
  let description = [{
    Rewrites every `linalg.contract` of rows `[rows..., k]` with a weight `[n, k]`
    or `[k, n]` into one of panels: rows in tiles of `row-tile`, columns in tiles
    of `column-tile`, with zeros behind the last row and column. Several
    dimensions of rows, a batch of sequences, are one: single rows of a batch
    fill tiles together. The packed contraction carries
    `gpt.class = "projection"`, the packed rows `gpt.class = "rows"`, the packed
    weight `gpt.class = "weight"`: the names under which schedules find them. The
    result is a `linalg.unpack` with `gpt.class = "product"`. Rows of bf16 or f16
    are extended to f32, or, with `pairs` and a weight of bf16, both are packed in
    pairs of features, as `"pair_rows"` and `"pair_weight"`. A depth that is not
    a multiple of `depth-multiple` (of twice as much for pairs) is padded with
    zeros in front of the packs.

    A product of a single row with a weight (an argument that is `gpt.weight` in
    every call) reads the same panels and carries `gpt.class = "row_projection"`;
    the row stays as it is, and the product has one dimension.

    Left alone: products of a single row with anything else (reading it once as
    it is costs less than a copy), and with fewer columns than a tile.
  }];
  let options = [
    Option<"rowTile", "row-tile", "int64_t", "8", "Rows of a tile">,
    Option<"columnTile", "column-tile", "int64_t", "32", "Columns of a tile">,
    Option<"depthMultiple", "depth-multiple", "int64_t", "16",
           "What the depth is padded to a multiple of">,
    Option<"pairs", "pairs", "bool", "false",
           "Pack bf16 rows and a bf16 weight in pairs of features">
  ];
  let statistics = [
    Statistic<"numPacked", "num-packed", "Number of products packed">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def HoistWeightPacking : Pass<"gpt-hoist-weight-packing", "ModuleOp"> {
  let summary = "Move what packs a weight out of the functions";
  let description = [{
    A weight is the same in every call, so what packs it need run only once. The
    pass takes every value that is computed from weights and constants alone, that
    contains a `linalg.pack` with `gpt.class = "weight"` and whose elements are
    no wider than those of the weights, and makes it an argument of its
    function:

    ```mlir
    func.func private @block(%x: ..., %w: tensor<96x48xf32>) {
      %p = linalg.pack %w inner_dims_pos = [0] inner_tiles = [32] into %empty
             {gpt.class = "weight"} : tensor<96x48xf32> -> tensor<3x48x32xf32>
      use(%p)
    }
    // becomes
    func.func private @block(%x: ..., %p: tensor<3x48x32xf32>) { use(%p) }
    ```

    and likewise the callers, up to the `gpt.weight` arguments of public
    functions. A weight that is also used unpacked stays an argument as well.
    Packed weights follow the other arguments. For each way of packing, a public
    function is added that writes the packed form of its first arguments to its
    last one:

    ```mlir
    func.func @gpt_pack_0(%w: tensor<96x48xf32>, %packed: memref<3x48x32xf32>)
    ```

    The attribute `gpt.packing` of the module says who takes what. It stays on
    the module to the end:

    ```mlir
    gpt.packing = {
      // Each packed weight: who makes it of which weights.
      weights = [{function = "gpt_pack_0", layout = "<hash of the function>",
                  sources = ["h.0.w"], type = tensor<3x48x32xf32>}, ...],
      // Each public function that changed: the arguments it has kept, by their
      // number before, and the packed weights that follow them.
      functions = {decode = {arguments = array<i64: 0, 1>,
                             packed = array<i64: 0, 1, 2>}, ...}
    }
    ```

    A pack stays where it is if its source is not a weight in every call of its
    function, and in a module that has `gpt.packing` already; a remark says so.
  }];
  let statistics = [
    Statistic<"numWeights", "num-weights", "Number of packed weights">,
    Statistic<"numFunctions", "num-functions", "Number of packing functions">,
    Statistic<"numKept", "num-kept", "Number of packs that were not hoisted">
  ];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FormEpilogues : Pass<"gpt-form-epilogues"> {
  let summary = "Gather what is computed from a packed product in one op";
  let description = [{
    Runs after `gpt-pack-projections`. What is computed element by element from
    a product, and from nothing but it and tensors that exist before, becomes
    one `linalg.generic` of rows and columns: bias, activation, gate, residual,
    casts. It carries `gpt.class = "epilogue"` and reads the product as its first
    operand, or `gpt.class = "joint_epilogue"` and reads two products; for the
    product of a single row, which has columns only, `"row_epilogue"` or
    `"joint_row_epilogue"`. A product that several ops read gets an epilogue that
    changes nothing.
  }];
  let statistics = [
    Statistic<"numFused", "num-fused",
              "Number of epilogues that compute something">
  ];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FuseNorms : Pass<"gpt-fuse-norms"> {
  let summary = "Compute a norm in one loop over rows, or where it is packed";
  let description = [{
    A norm is an element-wise `linalg.generic` that reads a number of each row,
    and what computes that number: sums over rows, and ops on one number per row.
    All become one `scf.forall` over rows. Runs after `gpt-form-epilogues`.

    Where a pack of rows (`gpt.class = "rows"`) alone reads the norm, the loop is
    that over its tiles of rows: a tile is normalised into a buffer of the
    iteration and packed from there. The pack in the loop carries
    `gpt.class = "norm_rows"`; what it writes for rows behind the last one is not
    defined. Rows packed in pairs of bf16 are half as many bytes, and read a norm
    that is stored.

    ```mlir
    %packed = scf.forall (%tile) in (%row_tiles) shared_outs(%out = %empty) -> (tensor<?x768x8xf32>) {
      %rows = tensor.extract_slice %x[%row, 0] [%n, 768] [1, 1] : ...   // at most 8
      %sums = linalg.generic ... ins(%rows) ... -> tensor<?xf32>
      %norm = linalg.generic ... ins(%rows, %sums, %weight) ... -> tensor<?x768xf32>
      %whole = tensor.insert_slice %norm into %buffer[0, 0] [%n, 768] [1, 1] : ... into tensor<8x768xf32>
      %pack = linalg.pack %whole ... {gpt.class = "norm_rows"} ...
      ...
    }
    ```

    Left alone, with a remark: norms of a single row, which is its own loop, norms
    in a loop, and those of which something else reads a statistic.
  }];
  let options = [
    Option<"tileBytes", "tile-bytes", "int64_t", "49152",
           "Size of the largest buffer for a tile of rows, which is on the stack "
           "of a thread">
  ];
  let statistics = [
    Statistic<"numFused", "num-fused", "Number of norms that are one loop">,
    Statistic<"numPacked", "num-packed",
              "Number of norms computed where they are packed">,
    Statistic<"numKept", "num-kept", "Number of norms left alone">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::bufferization::BufferizationDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def BoundMaskedTransfers : Pass<"gpt-bound-masked-transfers"> {
  let summary = "Replace masks by the bounds of the tensor that is read or written";
  let description = [{
    Masked vectorisation of a tile that the end of a tensor may cut off makes
    masks of the extents of the tile. Where a mask says nothing but where the
    tensor ends, the transfer becomes one that is out of bounds there. A tile that
    is written and read again becomes the vector that it was.
  }];
  let statistics = [
    Statistic<"numBounded", "num-bounded", "Number of masks dropped">
  ];
}

def LowerPairProducts : Pass<"gpt-lower-pair-products"> {
  let summary = "Lower contractions of pairs of bf16 to AVX-512 BF16";
  let description = [{
    Contractions `[k, m, 2] x [k, n, 2] -> [m, n]` or, of one row,
    `[k, 2] x [k, n, 2] -> [n]`, with or without the dimension `k`, of bf16 with
    sums in f32 become `x86vector.avx512.dot`, and what packs pairs of rows becomes
    `vector.interleave`. Runs on vectors and memory, last before the conversion to
    LLVM; for targets that have `avx512bf16`.
  }];
  let statistics = [
    Statistic<"numLowered", "num-lowered", "Number of contractions lowered">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::vector::VectorDialect",
                           "::mlir::x86vector::X86VectorDialect"];
}

def PrefetchPanels : Pass<"gpt-prefetch-panels"> {
  let summary = "Fetch the next panel of a weight while one is multiplied with";
  let description = [{
    Where a loop over panels of a weight has one over tiles of rows, and that one
    over the depth, each step over the depth also fetches a feature of the panel
    that follows (`memref.prefetch`). As many tiles of rows as a step has features
    fetch all of it; the others fetch the last part again, which is in the cache
    by then. Runs on memory, after tiling.

    Left alone: panels of which two are larger than the cache.
  }];
  let options = [
    Option<"cacheBytes", "cache-bytes", "int64_t", "1048576",
           "Size of the cache that holds a panel">,
    Option<"lineBytes", "line-bytes", "int64_t", "64",
           "Size of a line of the cache">
  ];
  let statistics = [
    Statistic<"numPanels", "num-panels", "Number of loops that fetch panels">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect"];
}

def JamPanels : Pass<"gpt-jam-panels"> {
  let summary = "Multiply by several panels of a weight at a time";
  let description = [{
    Puts `factor` iterations of every `scf.forall` of class `class` together, and
    loops over the same range within them, such as those over the depth of a
    product, into one:

    ```mlir
    scf.forall (%panel) in (96) {
      %sums = scf.for %k ... iter_args(%s) { multiply(%s, %w[%panel, %k]) }
      use(%panel, %sums)
    }
    // becomes
    scf.forall (%i) in (48) {
      %sums:2 = scf.for %k ... iter_args(%s, %t) {
        multiply(%s, %w[2 * %i, %k])
        multiply(%t, %w[2 * %i + 1, %k])
      }
      use(2 * %i, %sums#0)
      use(2 * %i + 1, %sums#1)
    }
    ```

    A weight is then read as `factor` streams, which some processors fetch faster
    than one. Results are the same to the last bit. Where `factor` does not divide
    the number of panels, the last iteration computes the last panel more than
    once.

    Left alone: loops of several dimensions, of a number of iterations that is
    not known or at most `factor`, and on memory.
  }];
  let options = [
    Option<"factor", "factor", "int64_t", "2", "Iterations that become one">,
    Option<"className", "class", "std::string", "\"row_panels\"",
           "The `gpt.class` of the loops">
  ];
  let statistics = [
    Statistic<"numJammed", "num-jammed", "Number of loops put together">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect",
                           "::mlir::scf::SCFDialect"];
}

def ApplySchedule : Pass<"gpt-apply-schedule", "ModuleOp"> {
  let summary = "Apply a sequence of a schedule";
  let description = [{
    Runs the named sequence `sequence` of a schedule on the module. `schedule` is
    the name of a built-in one (a file of `lib/gpt/Schedules`) or the path of a
    file that ends in `.mlir`.
  }];
  let options = [
    Option<"schedule", "schedule", "std::string", /*default=*/"",
           "Name of a built-in schedule, or a file">,
    Option<"sequence", "sequence", "std::string", "\"tile\"",
           "Name of the sequence">,
    Option<"optional", "optional", "bool", "false",
           "Do nothing if the schedule has no such sequence">
  ];
  let dependentDialects = ["::mlir::transform::TransformDialect"];
}

#endif // GPT_TRANSFORMS_SCHEDULEPASSES_TD
