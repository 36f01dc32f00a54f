//===- ThreadPasses.td - work of several threads -----------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that find parallel work and hand it to the team of the runtime.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_THREADPASSES_TD
#define GPT_TRANSFORMS_THREADPASSES_TD

include "mlir/Pass/PassBase.td"

def TileForThreads : Pass<"gpt-tile-for-threads"> {
  let summary = "Put parallel loops around linalg ops on memory";
  let description = [{
    Tiles every linalg op on memrefs that is in no parallel loop, into an
    `scf.parallel`, along loops whose iterations are independent: outer ones by
    single iterations (at most 64 tiles of a loop of known size), and, where
    that may not make at least eight tiles, the largest other one by runs of a
    multiple of 64. Reductions are not tiled. Ops known to be small are left
    alone.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"
  ];
  let statistics = [
    Statistic<"numTiled", "num-tiled", "Number of ops tiled">
  ];
}

def OutlineParallel : Pass<"gpt-outline-parallel", "ModuleOp"> {
  let summary = "Make functions of parallel loops";
  let description = [{
    Replaces every outermost `scf.forall` or `scf.parallel` without results by
    the call of a function that may be shared among threads:

    ```mlir
    scf.forall (%i) in (%n) { use(%i, %x) }
    // becomes
    func.call @f_parallel(%work, %n, %x)

    func.func private @f_parallel(%work: index, %count: index, %x: T)
        attributes {gpt.parallel} {
      func.call @f_parallel_body(%c0, %count, %x)
    }
    func.func private @f_parallel_body(%begin: index, %end: index, %x: T) {
      scf.for %i = %begin to %end step %c1 { use(%i, %x) }
    }
    ```

    A loop of several dimensions runs over their product. Constants move into
    the body, other values are passed. Loops inside of it stay as they are, and
    so do loops known to have one iteration: there the next loop inside counts.

    `%work` is an estimate of the work of all iterations in multiply-adds:
    `gpt.work` of the loop times the number of iterations, else the ops that it
    executes. Loops whose work is a constant below `min-work` stay as they are.
  }];
  let options = [
    Option<"minWork", "min-work", "int64_t", "16384",
           "Least work, if it is a constant, that a function is made for">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::gpt::GptDialect", "::mlir::scf::SCFDialect"
  ];
  let statistics = [
    Statistic<"numOutlined", "num-outlined", "Number of loops made functions">,
    Statistic<"numSmall", "num-small", "Number of loops with too little work">
  ];
}

def LowerParallelCalls : Pass<"gpt-lower-parallel-calls", "ModuleOp"> {
  let summary = "Let the runtime share calls among threads";
  let description = [{
    In every function with `gpt.parallel`, replaces the call of the body by a
    call through a pointer that the module then exports,

    ```mlir
    llvm.mlir.global external @gpt_parallel_runtime() : !llvm.ptr  // null
    ```

    of the C type `void (*)(void (*task)(void *context, int64_t begin, int64_t
    end), void *context, int64_t count, int64_t work)`. It has to call the task
    for ranges that cover 0 to count, each iteration once, on any threads, and
    to return when they are done. While it is null, the task is called once, for
    all iterations. Without such functions there is no pointer.

    Runs after `gpt-emit-packed-entry`, which makes all that it finds internal.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
  let statistics = [
    Statistic<"numLowered", "num-lowered", "Number of calls shared">
  ];
}

#endif // GPT_TRANSFORMS_THREADPASSES_TD
