//===- Target.h - C API: from a module to machine code ------------*- C -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Running pass pipelines, describing targets and emitting code. None of these
// functions prints or ends the process: what goes wrong is handed to a
// callback as text. All may be called from several threads, as long as each
// works on a module in a context of its own.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_C_TARGET_H
#define GPT_C_TARGET_H

#include "mlir-c/Diagnostics.h"
#include "mlir-c/IR.h"
#include "mlir-c/Support.h"

#ifdef __cplusplus
extern "C" {
#endif

//===----------------------------------------------------------------------===//
// Pipelines
//===----------------------------------------------------------------------===//

/// What one compilation may take, and whether the user wants it to stop.
typedef struct {
  void *ptr;
} GptBudget;

/// Asked whether what runs is to stop.
typedef bool (*GptStopCallback)(void *userData);

/// Makes a budget of `seconds` from now on (0: any time), in which the memory
/// of the process may grow by `bytes` (0: any). `shouldStop`, unless null, is
/// asked several times a second, on the thread that calls this only.
MLIR_CAPI_EXPORTED GptBudget gptBudgetCreate(double seconds, uint64_t bytes,
                                             GptStopCallback shouldStop,
                                             void *userData);

/// Ends the life of a budget.
MLIR_CAPI_EXPORTED void gptBudgetDestroy(GptBudget budget);

/// Receives one diagnostic, as text with its location and notes.
typedef void (*GptDiagnosticCallback)(MlirDiagnosticSeverity severity,
                                      MlirStringRef text, void *userData);

/// Runs the textual pass pipeline `pipeline` ("gpt-to-llvm-pipeline{...}", or
/// "builtin.module(...)") on `module`. If it fails and `reproducer` is not
/// empty, writes there a module that `gpt-opt --run-reproducer` fails on in
/// the same way. `budget` (its pointer null: no limits) is looked at between
/// passes and patterns. Once it is spent no more of them run, the result is a
/// failure with one error, and the module is of no use; if it was `shouldStop`
/// that said so, there is no error. In a context that has a handler of actions,
/// the budget is looked at before and behind the pipeline only.
MLIR_CAPI_EXPORTED MlirLogicalResult gptRunPipeline(
    MlirModule module, MlirStringRef pipeline, MlirStringRef reproducer,
    GptBudget budget, GptDiagnosticCallback onDiagnostic, void *userData);

/// Receives what a pass did with an op, or why it did nothing: "passed",
/// "missed", "failure" or "analysis", the name of the pass, where the op is
/// from, and the details as "key=value, ...".
typedef void (*GptRemarkCallback)(MlirStringRef kind, MlirStringRef pass,
                                  MlirStringRef location, MlirStringRef details,
                                  void *userData);

/// From now on passes each remark of `category` (a regular expression) in the
/// context of `module` to `onRemark`, until `onRemark` is null.
MLIR_CAPI_EXPORTED MlirLogicalResult
gptListenToRemarks(MlirModule module, MlirStringRef category,
                   GptRemarkCallback onRemark, void *userData);

/// Passes the text of each pass of the textual pipeline `pipeline` to `onPass`,
/// in order and with its options. Named pipelines are taken apart; what is
/// nested stands within its anchor, "func.func(...)". If the pipeline is not
/// valid, `onError` is called instead and the result is a failure.
MLIR_CAPI_EXPORTED MlirLogicalResult gptListPasses(MlirStringRef pipeline,
                                                   MlirStringCallback onPass,
                                                   MlirStringCallback onError,
                                                   void *userData);

/// Loads a shared library with passes, as `--load-pass-plugin` does, and
/// registers them. If it cannot be loaded, `onError` is called and the result
/// is a failure.
MLIR_CAPI_EXPORTED MlirLogicalResult gptLoadPassPlugin(
    MlirStringRef path, MlirStringCallback onError, void *userData);

/// Passes the text of the built-in schedule `name` to `onText`, for an empty
/// name that of the sequences that all schedules may include; fails if there is
/// none.
MLIR_CAPI_EXPORTED MlirLogicalResult gptGetSchedule(MlirStringRef name,
                                                    MlirStringCallback onText,
                                                    void *userData);

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

/// What to generate code for; see mlir::gpt::TargetOptions for the defaults
/// that empty strings stand for.
typedef struct {
  MlirStringRef triple;
  MlirStringRef cpu;
  MlirStringRef features;
  unsigned optLevel;
} GptTargetOptions;

/// Passes the name of this machine's CPU to `callback`.
MLIR_CAPI_EXPORTED void gptGetHostCpu(MlirStringCallback callback,
                                      void *userData);

/// Passes the features of this machine's CPU, as "+a,-b", to `callback`.
MLIR_CAPI_EXPORTED void gptGetHostFeatures(MlirStringCallback callback,
                                           void *userData);

/// Returns the version of the LLVM that generates the code.
MLIR_CAPI_EXPORTED MlirStringRef gptGetLLVMVersion(void);

/// Fills in the defaults of `options`: calls `onField` three times, with the
/// triple, the CPU and the features. If the target is not valid, `onError` is
/// called instead and the result is a failure.
MLIR_CAPI_EXPORTED MlirLogicalResult
gptResolveTarget(GptTargetOptions options, MlirStringCallback onField,
                 MlirStringCallback onError, void *userData);

/// Sets `result` to whether the target has all of `features` ("+a,+b"), which
/// its architecture knows. If the target is not valid, `onError` is called
/// instead and the result is a failure.
MLIR_CAPI_EXPORTED MlirLogicalResult gptHasFeatures(GptTargetOptions options,
                                                    MlirStringRef features,
                                                    bool *result,
                                                    MlirStringCallback onError,
                                                    void *userData);

/// Passes the features that code for the target may use and this machine lacks
/// to `onFeatures`, separated by commas. If the target is not valid, `onError`
/// is called instead and the result is a failure.
MLIR_CAPI_EXPORTED MlirLogicalResult
gptFindMissingFeatures(GptTargetOptions options, MlirStringCallback onFeatures,
                       MlirStringCallback onError, void *userData);

/// Passes the name of the built-in schedule for the target to `onName`, empty
/// if there is none. If the target is not valid, `onError` is called instead
/// and the result is a failure.
MLIR_CAPI_EXPORTED MlirLogicalResult
gptSelectSchedule(GptTargetOptions options, MlirStringCallback onName,
                  MlirStringCallback onError, void *userData);

//===----------------------------------------------------------------------===//
// Emission
//===----------------------------------------------------------------------===//

typedef enum {
  GptOutputLLVMIR,
  GptOutputAssembly,
  GptOutputObject,
  GptOutputSharedLibrary
} GptOutputKind;

/// Emits `module`, which is in the LLVM dialect, on up to `numThreads` threads
/// (0: as many as there are processors). The output goes to `onOutput`, in one
/// piece; an error goes to `onError` and the result is a failure. `budget` is
/// used as by `gptRunPipeline`.
MLIR_CAPI_EXPORTED MlirLogicalResult
gptEmit(MlirModule module, GptTargetOptions options, GptOutputKind kind,
        unsigned numThreads, GptBudget budget, MlirStringCallback onOutput,
        MlirStringCallback onError, void *userData);

#ifdef __cplusplus
}
#endif

#endif // GPT_C_TARGET_H
