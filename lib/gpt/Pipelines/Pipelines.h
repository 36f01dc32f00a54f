//===- Pipelines.h - named pipelines ----------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The stages of the compiler. Each is a function that adds passes to a pass
// manager and a pipeline that is registered by name; each ends with the pass
// that checks its contract.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PIPELINES_PIPELINES_H
#define GPT_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace mlir::gpt {

/// Options of `gpt-linalg-to-loops-pipeline`.
struct LinalgToLoopsOptions : public PassPipelineOptions<LinalgToLoopsOptions> {
  PassOptions::Option<bool> contract{
      *this, "contract",
      llvm::cl::desc("Allow a product and a sum to be fused"),
      llvm::cl::init(true)};
  PassOptions::Option<bool> reassociate{
      *this, "reassociate",
      llvm::cl::desc("Allow sums of reductions to be taken in any order"),
      llvm::cl::init(true)};
  PassOptions::Option<bool> fuseElementwise{
      *this, "fuse-elementwise",
      llvm::cl::desc("Fuse chains of element-wise ops before bufferization"),
      llvm::cl::init(false)};
};

/// Options of `gpt-loops-to-llvm-pipeline`.
struct LoopsToLLVMOptions : public PassPipelineOptions<LoopsToLLVMOptions> {
  PassOptions::Option<bool> expandBF16{
      *this, "expand-bf16",
      llvm::cl::desc("Convert bf16 in integer arithmetic; off only for targets "
                     "that have instructions for it"),
      llvm::cl::init(true)};
  PassOptions::Option<bool> expandF16{
      *this, "expand-f16",
      llvm::cl::desc("Convert f16 in integer arithmetic; off only for targets "
                     "that have instructions for it"),
      llvm::cl::init(true)};
};

/// Options of `gpt-to-llvm-pipeline`: those of its stages.
struct GptToLLVMOptions : public PassPipelineOptions<GptToLLVMOptions> {
  PassOptions::Option<bool> contract{
      *this, "contract",
      llvm::cl::desc("Allow a product and a sum to be fused"),
      llvm::cl::init(true)};
  PassOptions::Option<bool> reassociate{
      *this, "reassociate",
      llvm::cl::desc("Allow sums of reductions to be taken in any order"),
      llvm::cl::init(true)};
  PassOptions::Option<bool> fuseElementwise{
      *this, "fuse-elementwise",
      llvm::cl::desc("Fuse chains of element-wise ops before bufferization"),
      llvm::cl::init(false)};
  PassOptions::Option<bool> expandBF16{
      *this, "expand-bf16",
      llvm::cl::desc("Convert bf16 in integer arithmetic; off only for targets "
                     "that have instructions for it"),
      llvm::cl::init(true)};
  PassOptions::Option<bool> expandF16{
      *this, "expand-f16",
      llvm::cl::desc("Convert f16 in integer arithmetic; off only for targets "
                     "that have instructions for it"),
      llvm::cl::init(true)};
};

/// gpt -> linalg on tensors.
void buildGptToLinalgPipeline(OpPassManager &pm);

/// linalg on tensors -> loops on memory: decomposition, bufferization in place,
/// deallocation, loops.
void buildLinalgToLoopsPipeline(OpPassManager &pm,
                                const LinalgToLoopsOptions &options);

/// Loops on memory -> the LLVM dialect, with the entries of the binary
/// interface.
void buildLoopsToLLVMPipeline(OpPassManager &pm,
                              const LoopsToLLVMOptions &options);

/// gpt -> the LLVM dialect: all stages.
void buildGptToLLVMPipeline(OpPassManager &pm, const GptToLLVMOptions &options);

/// Registers every pipeline of this project by name.
void registerGptPipelines();

} // namespace mlir::gpt

#endif // GPT_PIPELINES_PIPELINES_H
