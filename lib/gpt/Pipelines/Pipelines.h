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

/// Options of `gpt-to-linalg-pipeline`.
struct GptToLinalgOptions : public PassPipelineOptions<GptToLinalgOptions> {
  PassOptions::Option<std::string> schedule{
      *this, "schedule",
      llvm::cl::desc("Schedule whose sequence 'attention' makes loops over "
                     "tiles of attention: a built-in name or a file; none if "
                     "empty"),
      llvm::cl::init("")};
  PassOptions::Option<bool> specializeShapes{
      *this, "specialize-shapes",
      llvm::cl::desc("Make code of its own for single tokens"),
      llvm::cl::init(false)};
  PassOptions::Option<int64_t> maxOps{
      *this, "max-ops", llvm::cl::desc("Ops that a module may have"),
      llvm::cl::init(100000)};
};

/// Options of `gpt-linalg-to-vector-pipeline`.
struct LinalgToVectorOptions
    : public PassPipelineOptions<LinalgToVectorOptions> {
  PassOptions::Option<bool> fuseElementwise{
      *this, "fuse-elementwise",
      llvm::cl::desc("Fuse chains of element-wise ops"), llvm::cl::init(false)};
  PassOptions::Option<std::string> schedule{
      *this, "schedule",
      llvm::cl::desc("Schedule that tiles and vectorises: a built-in name or a "
                     "file; none if empty"),
      llvm::cl::init("")};
};

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
  PassOptions::Option<bool> approximateMath{
      *this, "approximate-math",
      llvm::cl::desc("Compute elementary functions by polynomials"),
      llvm::cl::init(false)};
  PassOptions::Option<bool> threads{
      *this, "threads",
      llvm::cl::desc("Run the outermost parallel loops on several threads"),
      llvm::cl::init(false)};
  PassOptions::Option<std::string> schedule{
      *this, "schedule",
      llvm::cl::desc("Schedule that vectorises what is in no tile; none leaves "
                     "loops over scalars"),
      llvm::cl::init("")};
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
  PassOptions::Option<std::string> schedule{
      *this, "schedule",
      llvm::cl::desc("Schedule whose sequence 'lower_vectors' takes vectors "
                     "apart; none if empty"),
      llvm::cl::init("")};
};

/// How much `gpt-to-llvm-pipeline` does; each level adds to those before.
enum class OptLevel { Loops, Fusion, Vectors, Threads };

/// Options of `gpt-to-llvm-pipeline`.
struct GptToLLVMOptions : public PassPipelineOptions<GptToLLVMOptions> {
  PassOptions::Option<OptLevel> optLevel{
      *this, "opt-level", llvm::cl::desc("Level of optimization"),
      llvm::cl::init(OptLevel::Fusion),
      llvm::cl::values(
          clEnumValN(OptLevel::Loops, "0", "loops with exact roundings"),
          clEnumValN(OptLevel::Fusion, "1",
                     "element-wise ops fused, sums in any order"),
          clEnumValN(OptLevel::Vectors, "2",
                     "tiled and vectorised by the schedule, elementary "
                     "functions by polynomials"),
          clEnumValN(OptLevel::Threads, "3", "on several threads"))};
  PassOptions::Option<std::string> schedule{
      *this, "schedule",
      llvm::cl::desc("Schedule for levels 2 and 3: a built-in name or a file"),
      llvm::cl::init("")};
  PassOptions::Option<bool> specializeShapes{
      *this, "specialize-shapes",
      llvm::cl::desc(
          "From level 2 on: code of its own for single tokens, which "
          "sums in another order than that for several"),
      llvm::cl::init(true)};
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
  PassOptions::Option<int64_t> maxOps{
      *this, "max-ops", llvm::cl::desc("Ops that a module may have"),
      llvm::cl::init(100000)};
};

/// gpt -> linalg on tensors; vectors where the schedule tiles ops of gpt.
void buildGptToLinalgPipeline(OpPassManager &pm,
                              const GptToLinalgOptions &options);

/// linalg on tensors -> linalg and vectors on tensors: decomposition, fusion,
/// and what the schedule does.
void buildLinalgToVectorPipeline(OpPassManager &pm,
                                 const LinalgToVectorOptions &options);

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
