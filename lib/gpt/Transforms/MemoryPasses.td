//===- MemoryPasses.td - buffers and their places ----------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that decide where the values of a function live: arguments, results,
// workspaces.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_MEMORYPASSES_TD
#define GPT_TRANSFORMS_MEMORYPASSES_TD

include "mlir/Pass/PassBase.td"

def MarkReadOnlyArguments : Pass<"gpt-mark-read-only-arguments", "ModuleOp"> {
  let summary = "Protect the arguments of exported functions from writes";
  let description = [{
    Sets `bufferization.writable` on every tensor argument of a public function
    that has none: true for a KV cache (`gpt.cache`), false for all else. A
    function that changes another argument then works on a copy.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
  let statistics = [
    Statistic<"numReadOnly", "num-read-only", "Number of arguments protected">
  ];
}

def DropCacheResults : Pass<"gpt-drop-cache-results", "ModuleOp"> {
  let summary = "Remove the cache results of exported functions";
  let description = [{
    After bufferization, a result of a public function that carries `gpt.cache`
    is one of the arguments, changed in place. The pass removes it, from the
    function and from its calls. It is an error if such a result is a buffer of
    its own: then bufferization had to copy a cache.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
  let statistics = [
    Statistic<"numDropped", "num-dropped", "Number of results removed">
  ];
}

def ReturnDistinctBuffers : Pass<"gpt-return-distinct-buffers"> {
  let summary = "Return no buffer twice";
  let description = [{
    Clones every returned memref that is a view of what an earlier operand of the
    same `func.return` is a view of. Runs before buffer deallocation.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
  let statistics = [
    Statistic<"numCloned", "num-cloned", "Number of results cloned">
  ];
}

def ResultsToArguments : Pass<"gpt-results-to-arguments", "ModuleOp"> {
  let summary = "Return results in memory of the caller";
  let description = [{
    A private function that allocates what it returns gets the buffer as an
    argument instead, where the size is computed from its arguments; its callers
    allocate. The result may be a view of the buffer, which callers then make.
    Runs before buffer deallocation. A remark names results for which this is
    not possible.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect"
  ];
  let statistics = [
    Statistic<"numPassed", "num-passed", "Number of results made arguments">
  ];
}

def PlanMemory : Pass<"gpt-plan-memory", "ModuleOp"> {
  let summary = "Give all intermediates places in one allocation";
  let description = [{
    Replaces every `memref.alloc` whose size is computed from the arguments of
    its function, and whose lifetime lies within one execution of the block it
    is in, by a view of a workspace. Buffers that are not alive at the same time
    share memory; every buffer begins at a multiple of 64 bytes.

    ```mlir
    func.func @f(%x: memref<?xf32>) {
      %n = memref.dim %x, %c0
      %a = memref.alloc(%n) : memref<?xf32>   // ... last used here
      %b = memref.alloc(%n) : memref<?xf32>
      ...
    // becomes
    func.func @f(%x: memref<?xf32>) {
      %n = memref.dim %x, %c0
      %bytes = ...
      %workspace = memref.alloc(%bytes) {gpt.workspace, ...} : memref<?xi8>
      %a = memref.view %workspace[%c0][%n] : memref<?xi8> to memref<?xf32>
      %b = memref.view %workspace[%c0][%n] : memref<?xi8> to memref<?xf32>
      ...
      memref.dealloc %workspace {gpt.workspace, ...}
    ```

    A private function takes its workspace from its callers, where it is a
    buffer like the others. Runs before buffer deallocation, which takes care of
    what is left: results, and buffers of parallel loops.

    A remark on each function says how many bytes it needs, as a formula of
    sizes of its arguments; another one on each buffer that has no place says
    why.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::bufferization::BufferizationDialect", "::mlir::gpt::GptDialect",
    "::mlir::memref::MemRefDialect"
  ];
  let statistics = [
    Statistic<"numPlanned", "num-planned", "Number of buffers given a place">,
    Statistic<"numWorkspaces", "num-workspaces", "Number of allocations made">
  ];
}

def HoistLoopBuffers : Pass<"gpt-hoist-loop-buffers", "::mlir::func::FuncOp"> {
  let summary = "Allocate the buffers of loops once";
  let description = [{
    Moves every `memref.alloc` of static size that is made and freed in each
    iteration of a loop to the beginning of the function: onto the stack as long
    as all of them together have at most `stack-bytes`, else into one allocation
    for all iterations. Runs when parallel loops are functions: each thread has
    its own. Buffers inside of loops that are parallel still are left alone.
  }];
  let options = [
    Option<"stackBytes", "stack-bytes", "int64_t", "65536",
           "Most bytes of stack that a function may get">
  ];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
  let statistics = [
    Statistic<"numStack", "num-stack", "Number of buffers on the stack">,
    Statistic<"numHoisted", "num-hoisted", "Number of allocations hoisted">
  ];
}

def LowerAssertions : Pass<"gpt-lower-assertions", "ModuleOp"> {
  let summary = "Let the runtime end calls whose assertions fail";
  let description = [{
    Replaces every `cf.assert` by a branch to a call of a function that it makes,

    ```mlir
    llvm.func internal @gpt_fail(%message: !llvm.ptr)
    ```

    and that calls the runtime through a pointer that the module exports,

    ```mlir
    llvm.mlir.global external @gpt_failure_runtime() : !llvm.ptr  // null
    ```

    of the C type `void (*)(const char *message)`, which may leave the call
    (`longjmp`). While it is null, or if it returns, the message goes to the
    standard output and the process ends. Without assertions there is no pointer.

    Runs once control flow is branches.
  }];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::cf::ControlFlowDialect"
  ];
  let statistics = [
    Statistic<"numLowered", "num-lowered", "Number of assertions lowered">
  ];
}

def LowerWorkspaces : Pass<"gpt-lower-workspaces", "ModuleOp"> {
  let summary = "Take memory from the runtime";
  let description = [{
    Replaces allocations with `gpt.workspace` and what frees them, and those
    that nothing frees, which are results, by calls of functions that it makes,

    ```mlir
    llvm.func internal @gpt_acquire_workspace(%bytes: i64) -> !llvm.ptr
    llvm.func internal @gpt_release_workspace(%memory: !llvm.ptr)
    llvm.func internal @gpt_allocate_result(%bytes: i64) -> !llvm.ptr
    ```

    and that ask the runtime through a struct that the module exports,

    ```mlir
    llvm.mlir.global external @gpt_workspace_runtime()
        : !llvm.struct<(ptr, ptr, ptr, ptr)>  // zero
    ```

    of the C type `struct { void *(*acquire)(void *pool, int64_t bytes); void
    (*release)(void *pool, void *memory); void *(*allocate)(void *pool, int64_t
    bytes); void *pool; }`. Memory is aligned to 64 bytes, that of results is
    freed by `free`. While a field is null, its function uses `aligned_alloc` or
    `free`. A field may leave the call (`longjmp`) if there is no memory.
    Without workspaces and results there is no struct.

    Runs before memrefs are converted to the LLVM dialect.
  }];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect"
  ];
  let statistics = [
    Statistic<"numLowered", "num-lowered", "Number of workspaces">,
    Statistic<"numResults", "num-results", "Number of results">
  ];
}

#endif // GPT_TRANSFORMS_MEMORYPASSES_TD
