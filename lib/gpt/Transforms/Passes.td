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
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
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
    pointer per argument, to its memref descriptor. A constant
    `@gpt_abi_<name>` holds the number of pointers and the bytes of results, for
    the loader to check. All other definitions of the module get internal
    linkage, so that only these are visible.
  }];
  let statistics = [
    Statistic<"numEntries", "num-entries", "Number of entries made">
  ];
}

#endif // GPT_TRANSFORMS_PASSES_TD
