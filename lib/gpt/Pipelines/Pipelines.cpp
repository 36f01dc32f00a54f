//===- Pipelines.cpp - named pipelines --------------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of passes within each stage, and why it is that order.
//
//===----------------------------------------------------------------------===//

#include "gpt/Pipelines/Pipelines.h"

#include "gpt/Conversion/Passes.h"
#include "gpt/Input/Passes.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

static void addCleanup(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// Runs one sequence of a schedule.
static void addSchedule(OpPassManager &pm, StringRef schedule,
                        StringRef sequence, bool optional = false) {
  gpt::ApplyScheduleOptions options;
  options.schedule = schedule.str();
  options.sequence = sequence.str();
  options.optional = optional;
  pm.addPass(gpt::createApplySchedule(options));
}

void gpt::buildGptToLinalgPipeline(OpPassManager &pm,
                                   const GptToLinalgOptions &options) {
  // Refuses what the passes that follow are not made for.
  gpt::VerifyLimitsOptions limits;
  limits.maxOps = options.maxOps;
  pm.addPass(gpt::createVerifyLimits(limits));
  // Calls are checked before code is chosen by what they are given.
  pm.addPass(gpt::createAssertShapes());
  if (options.specializeShapes)
    pm.addPass(gpt::createSpecializeShapes());
  // While ops still mean something: among others, what follows the blocks of a
  // prefill is computed for the last token only.
  addCleanup(pm);
  if (!options.schedule.empty())
    addSchedule(pm, options.schedule, "attention", /*optional=*/true);
  pm.addPass(gpt::createConvertGptToLinalg());
  addCleanup(pm);
  pm.addPass(gpt::createVerifyLinalgStage());
}

/// Tensors to buffers. Cache arguments are updated in place and no function
/// returns a buffer that is one of its arguments.
static void addBufferization(OpPassManager &pm) {
  pm.addPass(gpt::createMarkReadOnlyArguments());
  pm.addPass(gpt::createDuplicateFills());
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  // Contiguous buffers everywhere: that is what callers pass, and what loops
  // vectorise on.
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  options.unknownTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  // Folding loop-carried buffers shows which results are arguments.
  addCleanup(pm);
  pm.addPass(bufferization::createDropEquivalentBufferResultsPass());
  addCleanup(pm);
  pm.addPass(gpt::createDropCacheResults());
  pm.addPass(gpt::createReturnDistinctBuffers());
  pm.addPass(gpt::createResultsToArguments());
  pm.addPass(gpt::createPlanMemory());
  bufferization::buildBufferDeallocationPipeline(
      pm, bufferization::BufferDeallocationPipelineOptions());
  // Deallocation clones what a function returns but does not own.
  pm.addPass(createConvertBufferizationToMemRefPass());
  pm.addNestedPass<func::FuncOp>(
      bufferization::createOptimizeAllocationLivenessPass());
  addCleanup(pm);
}

void gpt::buildLinalgToVectorPipeline(OpPassManager &pm,
                                      const LinalgToVectorOptions &options) {
  pm.addPass(createDecomposeAggregates());
  if (options.fuseElementwise) {
    pm.addPass(createFuseElementwise());
    addCleanup(pm);
  }
  if (!options.schedule.empty()) {
    addSchedule(pm, options.schedule, "pack", /*optional=*/true);
    pm.addPass(createHoistWeightPacking());
    addSchedule(pm, options.schedule, "tile");
    addCleanup(pm);
  }
}

void gpt::buildLinalgToLoopsPipeline(OpPassManager &pm,
                                     const LinalgToLoopsOptions &options) {
  pm.addPass(createDecomposeAggregates());
  addBufferization(pm);

  pm.addPass(createConvertStridedCopies());
  // The flags go into bodies, which only generic ops print and keep.
  pm.addPass(createLinalgGeneralizeNamedOpsPass());
  SetFastMathOptions fastMath;
  fastMath.contract = options.contract;
  fastMath.reassociate = options.reassociate;
  pm.addPass(createSetFastMath(fastMath));
  if (options.threads) {
    pm.addPass(createTileForThreads());
    addCleanup(pm);
  }
  if (!options.schedule.empty()) {
    addSchedule(pm, options.schedule, "vectorize", /*optional=*/true);
    pm.addPass(createVerifyVectorStage());
  }
  pm.addPass(createLinalgReductionsToLoops());
  pm.addPass(createConvertLinalgToLoopsPass());
  pm.addPass(memref::createFoldMemRefAliasOpsPass());
  if (options.threads)
    pm.addPass(createOutlineParallel());
  // What is left of parallel loops runs in order.
  pm.addNestedPass<func::FuncOp>(createForallToForLoopPass());
  pm.addNestedPass<func::FuncOp>(createHoistLoopBuffers());
  if (options.approximateMath) {
    ApproximateMathOptions math;
    math.contract = options.contract;
    pm.addPass(createApproximateMath(math));
  }
  addCleanup(pm);
  pm.addPass(createVerifyLoopsStage());
}

void gpt::buildLoopsToLLVMPipeline(OpPassManager &pm,
                                   const LoopsToLLVMOptions &options) {
  pm.addPass(createPrepareExports());
  // Address arithmetic of subviews in terms of affine maps, then arithmetic.
  pm.addPass(createResolveDynamicExpansions());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addNestedPass<func::FuncOp>(affine::createAffineExpandIndexOpsPass());
  pm.addPass(createLowerAffinePass());
  // Before scf disappears: loop-invariant addresses are still easy to see.
  pm.addPass(createLoopInvariantCodeMotionPass());
  pm.addPass(createSplitFloatConversions());
  if (options.expandBF16 || options.expandF16) {
    LegalizeNarrowFloatsOptions narrow;
    narrow.bf16 = options.expandBF16;
    narrow.f16 = options.expandF16;
    pm.addPass(createLegalizeNarrowFloats(narrow));
  }
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = options.expandBF16;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  if (options.expandF16)
    pm.addPass(createExpandF16());
  addCleanup(pm);

  // Last before the conversions: canonicalization would take vectors of vectors
  // apart into scalars.
  if (!options.schedule.empty()) {
    addSchedule(pm, options.schedule, "lower_vectors");
    pm.addPass(createLowerAffinePass());
  }
  pm.addPass(createTabulateArguments());
  pm.addPass(createRollCalls());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createLowerAssertions());
  ConvertVectorToLLVMPassOptions vector;
  vector.x86Vector = true;
  pm.addPass(createConvertVectorToLLVMPass(vector));
  // What has no LLVM intrinsic is a function of libm.
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createLowerWorkspaces());
  FinalizeMemRefToLLVMConversionPassOptions memref;
  memref.useAlignedAlloc = true;
  pm.addPass(createFinalizeMemRefToLLVMConversionPass(memref));
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  if (options.expandBF16)
    pm.addPass(createHoldBF16AsIntegers());
  pm.addPass(createCSEPass());
  pm.addPass(createEmitPackedEntry());
  pm.addPass(createLowerParallelCalls());
  pm.addPass(createVerifyLLVMStage());
}

void gpt::buildGptToLLVMPipeline(OpPassManager &pm,
                                 const GptToLLVMOptions &options) {
  OptLevel level = options.optLevel;
  bool vectorise = level >= OptLevel::Vectors && !options.schedule.empty();
  GptToLinalgOptions toLinalg;
  toLinalg.maxOps = options.maxOps;
  toLinalg.specializeShapes =
      level >= OptLevel::Vectors && options.specializeShapes;
  if (vectorise)
    toLinalg.schedule = options.schedule;
  buildGptToLinalgPipeline(pm, toLinalg);
  LinalgToVectorOptions toVector;
  toVector.fuseElementwise = level >= OptLevel::Fusion;
  if (vectorise)
    toVector.schedule = options.schedule;
  buildLinalgToVectorPipeline(pm, toVector);
  LinalgToLoopsOptions toLoops;
  toLoops.contract = level >= OptLevel::Fusion;
  toLoops.reassociate = level >= OptLevel::Fusion;
  toLoops.approximateMath = level >= OptLevel::Vectors;
  toLoops.threads = level >= OptLevel::Threads;
  if (vectorise)
    toLoops.schedule = options.schedule;
  buildLinalgToLoopsPipeline(pm, toLoops);
  LoopsToLLVMOptions toLLVM;
  toLLVM.expandBF16 = options.expandBF16;
  toLLVM.expandF16 = options.expandF16;
  if (vectorise)
    toLLVM.schedule = options.schedule;
  buildLoopsToLLVMPipeline(pm, toLLVM);
}

void gpt::registerGptPipelines() {
  PassPipelineRegistration<GptToLinalgOptions>(
      "gpt-to-linalg-pipeline", "Convert gpt to linalg on tensors",
      buildGptToLinalgPipeline);
  PassPipelineRegistration<LinalgToVectorOptions>(
      "gpt-linalg-to-vector-pipeline",
      "Fuse, tile and vectorise linalg on tensors by a schedule",
      buildLinalgToVectorPipeline);
  PassPipelineRegistration<LinalgToLoopsOptions>(
      "gpt-linalg-to-loops-pipeline",
      "Lower linalg on tensors to loops on memory", buildLinalgToLoopsPipeline);
  PassPipelineRegistration<LoopsToLLVMOptions>(
      "gpt-loops-to-llvm-pipeline", "Lower loops on memory to the LLVM dialect",
      buildLoopsToLLVMPipeline);
  PassPipelineRegistration<GptToLLVMOptions>("gpt-to-llvm-pipeline",
                                             "Lower gpt to the LLVM dialect",
                                             buildGptToLLVMPipeline);
}
