//===- Passes.td - Passes that check input -----------------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef GPT_INPUT_PASSES_TD
#define GPT_INPUT_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyLimits : Pass<"gpt-verify-limits", "ModuleOp"> {
  let summary = "Refuse modules that no machine can run or that take too long";
  let description = [{
    Runs first. Compilation takes time and memory that grow with the module,
    partly with the square of it, and sizes are computed in 64 bits. What no
    model comes near is refused with a message instead:

    * more than `max-ops` ops, or `max-arguments` arguments of one function;
    * a tensor of more than `max-rank` dimensions, or of more than 2^47 bytes,
      which is what a process can address; a dynamic extent counts as 1;
    * a tensor with a negative extent, as damaged bytecode may have;
    * `gpt.rope` with more than `max-rotary-dims` dimensions, whose frequencies
      are a constant;
    * functions that call themselves, over others or not: nothing in them could
      end it; and calls nested deeper than `max-call-depth`.
  }];
  let options = [
    Option<"maxOps", "max-ops", "int64_t", "100000",
           "Ops that a module may have">,
    Option<"maxArguments", "max-arguments", "int64_t", "20000",
           "Arguments that a function may have">,
    Option<"maxRank", "max-rank", "int64_t", "16",
           "Dimensions that a tensor may have">,
    Option<"maxRotaryDims", "max-rotary-dims", "int64_t", "65536",
           "Dimensions of a head that gpt.rope may turn">,
    Option<"maxCallDepth", "max-call-depth", "int64_t", "100",
           "Calls that may be within each other">
  ];
}

#endif // GPT_INPUT_PASSES_TD
