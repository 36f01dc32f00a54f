//===- Passes.td - transformation passes -------------------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that stay within one level of the IR, and the contract passes between
// stages.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_PASSES_TD
#define GPT_TRANSFORMS_PASSES_TD

include "gpt/Transforms/ArithmeticPasses.td"
include "gpt/Transforms/MemoryPasses.td"
include "gpt/Transforms/SchedulePasses.td"
include "gpt/Transforms/ShapePasses.td"
include "gpt/Transforms/ThreadPasses.td"
include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// Binary interface
//===----------------------------------------------------------------------===//

def PrepareExports : Pass<"gpt-prepare-exports", "ModuleOp"> {
  let summary = "Decide which functions the compiled code exports";
  let description = [{
    Every public `func.func` with a body is exported: it gets
    `llvm.emit_c_interface`, from which `gpt-emit-packed-entry` later makes an
    entry point. Private functions get internal linkage. Runs before
    `convert-func-to-llvm`, on tensors or on memrefs.

    Exported functions take and return ranked tensors, or memrefs with identity
    layout, of integers or floats; anything else is an error. The argument and
    result attributes of the `gpt` and `bufferization` dialects are removed.

    No symbol has the name of a function of libc or libm that compiled code
    calls, except for declarations of functions of libm on f32 or f64.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def TabulateArguments : Pass<"gpt-tabulate-arguments", "ModuleOp"> {
  let summary = "Pass the arguments of exported functions as one table";
  let description = [{
    An exported function (`llvm.emit_c_interface`) takes one pointer to an array
    of pointers to memref descriptors, which its callers have anyway, and the
    attribute `gpt.table` says how many there are. A private function takes the
    table, too, if all its callers pass entries of theirs and each argument has
    the same place for all of them; what else it takes stays.

    ```mlir
    func.func @f(%x: memref<4xf32>, %w: memref<4xf32>) attributes {llvm.emit_c_interface} {
      call @g(%x, %w, %n) : (memref<4xf32>, memref<4xf32>, index) -> ()
    // becomes
    func.func @f(%table: !llvm.ptr) attributes {gpt.table = 2 : i64, llvm.emit_c_interface} {
      call @g(%table, %n) : (!llvm.ptr, index) -> ()
    ```

    A function with hundreds of arguments then compiles like one with few. Runs
    after `gpt-prepare-exports`, ahead of `convert-func-to-llvm`.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
  let statistics = [
    Statistic<"numFunctions", "num-functions", "Number of functions that take a table">
  ];
}

def RollCalls : Pass<"gpt-roll-calls", "ModuleOp"> {
  let summary = "Make a loop of calls of one function";
  let description = [{
    Calls of one function without results, with nothing but pure ops in between,
    become one call in a loop if each operand is the same in all of them, one of
    two in turn, or an entry of a table of arguments at a regular distance (see
    `gpt-tabulate-arguments`). Up to two calls stay ahead of the loop. These are
    the layers of a model: the code does not grow with their number.

    A remark says which operand is in the way where three or more calls are no
    loop.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::scf::SCFDialect"];
  let statistics = [
    Statistic<"numRolled", "num-rolled", "Number of calls in loops">,
    Statistic<"numLoops", "num-loops", "Number of loops made">
  ];
}

def EmitPackedEntry : Pass<"gpt-emit-packed-entry", "ModuleOp"> {
  let summary = "Give every exported function an entry of one fixed C type";
  let description = [{
    For every `_mlir_ciface_<name>` that has a body, adds

    ```mlir
    llvm.func @gpt_entry_<name>(%args: !llvm.ptr)
    ```

    which loads one pointer per parameter from the array `%args` and calls it.
    `args[0]` points to storage for the results (the concatenation of their
    memref descriptors) and is absent if there are none; then follows one
    pointer per argument, to its memref descriptor. A function that takes a
    table (`gpt-tabulate-arguments`) is called with the address of these. A
    constant
    `@gpt_abi_<name>` holds the number of pointers and the bytes of results, for
    the loader to check. All other definitions of the module get internal
    linkage, so that only these are visible.
  }];
  let statistics = [
    Statistic<"numEntries", "num-entries", "Number of entries made">
  ];
}

//===----------------------------------------------------------------------===//
// Incremental execution
//===----------------------------------------------------------------------===//

def InsertKVCache : Pass<"gpt-insert-kv-cache", "ModuleOp"> {
  let summary = "Make prefill and decode functions with KV caches";
  let description = [{
    Takes a stateless forward function over whole sequences and adds two that
    compute the same with KV caches: one for many new tokens (prefill) and one
    for a single new token of each sequence (decode).

    ```mlir
    func.func @forward(%ids: tensor<?x?xi64>, %w...) -> tensor<?x?xVxf32>
    // makes
    func.func @prefill(%ids: tensor<?x?xi64>, %w..., %positions: tensor<?xi64>,
                       %k0: tensor<?xHx?xDxf32>, %v0: tensor<?xHx?xDxf32>, ...)
        -> (tensor<?x1xVxf32>, tensor<?xHx?xDxf32>, tensor<?xHx?xDxf32>, ...)
    func.func @decode(%ids: tensor<?x1xi64>, ...) -> ...
    ```

    **The sequence.** An argument without `gpt.weight` whose `gpt.dims` names
    dimension 1 `seq` is a sequence. If no argument has such a name, dimension 1
    of every ranked tensor argument of rank 2 or more without `gpt.weight` is
    the sequence. Dimension 0 of these arguments is the batch. The dimension is
    followed through every op by `SequenceOpInterface` and through `func.call`
    into called functions; a function called with several patterns is cloned for
    each. Ops that take no sequence may be of any dialect.

    **The clones.** The sequence dimension becomes dynamic (prefill) or 1
    (decode) in every type. `gpt.attention` becomes `gpt.cached_attention`;
    `gpt.rope` and `gpt.position_ids` get the `positions` operand. New arguments
    follow the existing ones: `positions` (`gpt.positions`), then a key and a
    value cache for each attention in order of execution (`gpt.cache`,
    `bufferization.writable`), named `cache.0.key`, `cache.0.value`, ... The
    updated caches follow the existing results in the same order. Called
    functions are cloned as `@<callee>_<prefill-name>` and receive what they
    need; one that needs no change is shared. With `logits=last`, results of the
    prefill that have the sequence in dimension 1 are reduced to the last
    position by `gpt.last_token`, which canonicalization moves ahead of
    position-wise ops.

    **Refusals.** A function does not qualify when an op mixes positions (masks,
    attention that is not causal, products or reductions over the sequence),
    when an op has no rule for the sequence, when the length of the sequence is
    computed with, when there is control flow, recursion or a call to a
    declaration, when it has no attention, or when it has caches or positions
    already. The error is on the function, with notes on the op and on the calls
    that lead to it; the module is left as it was.
  }];
  let options = [
    Option<"function", "function", "std::string", "\"forward\"",
           "Function to start from">,
    Option<"prefillName", "prefill-name", "std::string", "\"prefill\"",
           "Name of the function for many new tokens">,
    Option<"decodeName", "decode-name", "std::string", "\"decode\"",
           "Name of the function for one new token">,
    Option<"logits", "logits", "::mlir::gpt::PrefillLogits",
           "::mlir::gpt::PrefillLogits::Last",
           "Positions for which the prefill returns results",
           [{::llvm::cl::values(
             clEnumValN(::mlir::gpt::PrefillLogits::Last, "last", "the last one"),
             clEnumValN(::mlir::gpt::PrefillLogits::All, "all", "all"))}]>,
    Option<"keepFunction", "keep-function", "bool", "true",
           "Keep the function and what only it calls">,
    Option<"cacheElementType", "cache-element-type",
           "::mlir::gpt::CacheElementType",
           "::mlir::gpt::CacheElementType::AsActivations",
           "Element type of the caches",
           [{::llvm::cl::values(
             clEnumValN(::mlir::gpt::CacheElementType::AsActivations,
                        "as-activations", "that of keys and values"),
             clEnumValN(::mlir::gpt::CacheElementType::F32, "f32", "f32"),
             clEnumValN(::mlir::gpt::CacheElementType::BF16, "bf16", "bf16"),
             clEnumValN(::mlir::gpt::CacheElementType::F16, "f16", "f16"))}]>
  ];
  let statistics = [
    Statistic<"numAttention", "num-attention",
              "Number of attention ops executed by the forward function">,
    Statistic<"numFunctions", "num-functions", "Number of functions made">
  ];
  let dependentDialects = [
    "::mlir::bufferization::BufferizationDialect",
    "::mlir::func::FuncDialect",
    "::mlir::gpt::GptDialect"
  ];
}

//===----------------------------------------------------------------------===//
// From linalg on tensors to loops on memory
//===----------------------------------------------------------------------===//

def DecomposeAggregates : Pass<"gpt-decompose-aggregates"> {
  let summary = "Decompose composite linalg ops";
  let description = [{
    Replaces every op on tensors that implements `AggregatedOpInterface` (of what
    the compiler builds: `linalg.softmax`) by the ops it is made of.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"
  ];
  let statistics = [
    Statistic<"numDecomposed", "num-decomposed", "Number of ops decomposed">
  ];
}

def FuseElementwise : Pass<"gpt-fuse-elementwise"> {
  let summary = "Fuse chains of element-wise ops, products left alone";
  let description = [{
    Fuses element-wise `linalg` ops into the op that alone reads them, and moves
    reshapes out of the way between them. Unlike upstream's
    `linalg-fuse-elementwise-ops` it moves no reshape through a contraction: a
    product keeps the rank of its operands.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"
  ];
  let statistics = [
    Statistic<"numFused", "num-fused", "Number of ops that are gone">
  ];
}

def DuplicateFills : Pass<"gpt-duplicate-fills"> {
  let summary = "Give every op that writes a filled tensor its own fill";
  let description = [{
    A `linalg.fill` of a `tensor.empty` with several uses, of which some write
    it (as an init operand), is cloned in front of each of those.
  }];
  let dependentDialects = [
    "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"
  ];
  let statistics = [
    Statistic<"numDuplicated", "num-duplicated", "Number of fills made">
  ];
}

def ConvertStridedCopies : Pass<"gpt-convert-strided-copies"> {
  let summary = "Convert copies of strided memory to linalg.copy";
  let description = [{
    A `memref.copy` of which one side is not known to be contiguous would
    become a call of MLIR's runner library; as `linalg.copy` it becomes loops.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
  let statistics = [
    Statistic<"numConverted", "num-converted", "Number of copies converted">
  ];
}

def ResolveDynamicExpansions : Pass<"gpt-resolve-dynamic-expansions"> {
  let summary = "Make several dynamic extents out of one by the sizes given";
  let description = [{
    Replaces every `memref.expand_shape` that makes several dynamic dimensions
    out of one, or a dynamic one beside an extent of 0, by a
    `memref.reinterpret_cast` to the sizes that it states. Upstream's
    `expand-strided-metadata` derives one extent from the size of the source.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::memref::MemRefDialect"
  ];
  let statistics = [
    Statistic<"numResolved", "num-resolved", "Number of expansions replaced">
  ];
}

def SetFastMath : Pass<"gpt-set-fast-math"> {
  let summary = "Allow roundings to differ where that is harmless";
  let description = [{
    Sets fast-math flags in the bodies of `linalg.generic`: `contract` on
    additions, subtractions and products, `reassoc` on the additions that carry
    a sum through a reduction. No flag says anything about NaN or infinity.
  }];
  let options = [
    Option<"contract", "contract", "bool", "true",
           "Allow a product and a sum to be fused">,
    Option<"reassociate", "reassociate", "bool", "true",
           "Allow sums of reductions to be taken in any order">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let statistics = [
    Statistic<"numContract", "num-contract", "Number of ops with contract">,
    Statistic<"numReassociate", "num-reassociate", "Number of sums with reassoc">
  ];
}

def LinalgReductionsToLoops : Pass<"gpt-linalg-reductions-to-loops"> {
  let summary = "Lower reductions to loops that carry their accumulator";
  let description = [{
    Lowers each linalg op on memrefs whose innermost loop is a reduction to
    `scf.for` loops, the innermost of which carries the accumulators as
    loop-carried values instead of loading and storing them.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect"
  ];
  let statistics = [
    Statistic<"numCarried", "num-carried", "Number of accumulators carried">
  ];
}

def VectorizeLinalg : Pass<"gpt-vectorize-linalg"> {
  let summary = "Lower linalg ops on memory to loops over vectors";
  let description = [{
    Lowers each `linalg.generic` on memrefs to `scf.for` loops of which the
    innermost one runs over vectors: along the loop of the op for which the
    elements of most operands are neighbours in memory, or the same.

    ```mlir
    linalg.generic {...} ins(%x, %mean : memref<?x?xf32>, memref<?xf32>) outs(%y : ...) {
    ^bb0(%in: f32, %m: f32, %out: f32):
      %c = arith.subf %in, %m : f32
      linalg.yield %c : f32
    }
    // becomes
    scf.for %i = %c0 to %rows step %c1 {
      scf.for %j = %c0 to %rounded step %c64 {
        %in = vector.load %x[%i, %j] : memref<?x?xf32>, vector<64xf32>
        %m = memref.load %mean[%i] : memref<?xf32>
        %ms = vector.broadcast %m : f32 to vector<64xf32>
        %c = arith.subf %in, %ms : vector<64xf32>
        vector.store %c, %y[%i, %j] : memref<?x?xf32>, vector<64xf32>
      }
      scf.for %j = %rounded to %columns step %c16 { ... }  // masked
    }
    ```

    `lanes` is the length of a vector register; the main loop works on up to four
    of them at once. A reduction carries vectors of partial sums, if its
    arithmetic allows any order (`reassoc`) or does not depend on it. Rows that
    the body looks up (`memref.load` whose last index counts the loop) are loads
    of vectors as well.

    Elements that are apart, two to four places, are shuffled out of a masked load of all
    between them, and stored under such a mask; others are gathered and
    scattered.

    A remark says of each op that is left why it is.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "16",
           "Elements of a vector register, a power of two">
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"
  ];
  let statistics = [
    Statistic<"numVectorized", "num-vectorized", "Number of ops vectorised">,
    Statistic<"numScattered", "num-scattered",
              "Number of accesses to elements that are apart">,
    Statistic<"numScalar", "num-scalar", "Number of ops left">
  ];
}

//===----------------------------------------------------------------------===//
// Contracts between stages
//===----------------------------------------------------------------------===//

def VerifyLinalgStage : Pass<"gpt-verify-linalg-stage"> {
  let summary = "Check what the linalg stage promises";
  let description = [{
    Only ops of the dialects `affine`, `arith`, `func`, `linalg`, `math`, `scf`,
    `tensor`, `ub` and `vector`, and no memrefs.
  }];
}

def VerifyVectorStage : Pass<"gpt-verify-vector-stage"> {
  let summary = "Check that no large op is left for loops over scalars";
  let description = [{
    Runs where a schedule has made vectors of all it can, on tensors or on
    memory. Every linalg op that is left is an error that names its iterations,
    but for two kinds:

    * ops of at most `scalar-iterations` iterations, known when compiling;
    * ops whose body has a loop: a search, of which each step depends on the one
      before (`gpt.sample` walks along a cumulative sum).

    Index arithmetic is no linalg op.
  }];
  let options = [
    Option<"scalarIterations", "scalar-iterations", "int64_t", "64",
           "Iterations an op may have that is left">
  ];
  let statistics = [
    Statistic<"numAllowed", "num-allowed", "Number of ops left that may be">
  ];
}

def VerifyLoopsStage : Pass<"gpt-verify-loops-stage"> {
  let summary = "Check what the loops stage promises";
  let description = [{
    Only ops of the dialects `affine`, `arith`, `cf`, `func`, `math`, `memref`,
    `scf`, `ub` and `vector`, and no tensors.
  }];
}

def VerifyLLVMStage : Pass<"gpt-verify-llvm-stage", "ModuleOp"> {
  let summary = "Check what the LLVM stage promises";
  let description = [{
    Only ops of the `llvm` dialect, and no functions without a body but those of
    libc and libm.
  }];
}

#endif // GPT_TRANSFORMS_PASSES_TD
