//===- target.c - Test of the C API of compilation
//---------------------------===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program that compiles through gpt-c/Target.h only, as a client in another
// language would. It also brings the code generator and the linker into builds
// with sanitizers, which have no Python.
//
//===----------------------------------------------------------------------===//

// RUN: gpt-capi-target-test 2>&1 | FileCheck %s

#include "gpt-c/Target.h"
#include "gpt-c/Dialects.h"
#include "mlir-c/IR.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const source =
    "llvm.func @f(%x: !llvm.ptr) { llvm.return }\n"
    "llvm.func @_mlir_ciface_f(%x: !llvm.ptr) {\n"
    "  llvm.call @f(%x) : (!llvm.ptr) -> ()\n"
    "  llvm.return\n"
    "}\n";

/// A budget without limits.
static const GptBudget unlimited = {NULL};

static MlirStringRef str(const char *text) {
  return mlirStringRefCreateFromCString(text);
}

static void printText(MlirStringRef text, void *prefix) {
  printf("%s%.*s\n", (const char *)prefix, (int)text.length, text.data);
}

static void printDiagnostic(MlirDiagnosticSeverity severity, MlirStringRef text,
                            void *userData) {
  (void)userData;
  printf("diagnostic %d: %.*s\n", (int)severity, (int)text.length, text.data);
}

// Prints what kind of file came out.
static void printHeader(MlirStringRef output, void *kind) {
  int isElf = output.length > 18 && !memcmp(output.data, "\177ELF", 4);
  printf("%s: ELF %d, type %d, machine %d\n", (const char *)kind, isElf,
         isElf ? output.data[16] : 0,
         isElf ? (unsigned char)output.data[18] : 0);
}

static void ignore(MlirStringRef output, void *userData) {
  (void)output;
  (void)userData;
}

static GptTargetOptions makeOptions(const char *triple, const char *cpu) {
  GptTargetOptions options = {str(triple), str(cpu), str(""), 3};
  return options;
}

static void testTargets(void) {
  // CHECK-LABEL: targets
  printf("targets\n");
  // CHECK: field: aarch64-unknown-linux-gnu
  // CHECK-NEXT: field: cortex-a57
  // CHECK-NEXT: field: {{$}}
  gptResolveTarget(makeOptions("aarch64-linux-gnu", "cortex-a57"), printText,
                   printText, "field: ");
  // CHECK-NEXT: field: unknown target cpu 'x86-64-v9' for
  // 'x86_64-unknown-linux-gnu'; did you mean 'x86-64{{.*}}'?
  gptResolveTarget(makeOptions("x86_64-linux-gnu", "x86-64-v9"), printText,
                   printText, "field: ");
}

static void testPipelines(MlirModule module) {
  // CHECK-LABEL: pipelines
  printf("pipelines\n");
  // CHECK-NEXT: diagnostic 0: {{.*}}'no-such-pass' does not refer to a
  // registered pass
  gptRunPipeline(module, str("no-such-pass"), str(""), unlimited,
                 printDiagnostic, NULL);
  // CHECK: expected ')' at the end of the pipeline
  gptRunPipeline(module, str("builtin.module(cse"), str(""), unlimited,
                 printDiagnostic, NULL);
  // CHECK-NEXT: succeeded: 1
  MlirLogicalResult result =
      gptRunPipeline(module, str("builtin.module(gpt-emit-packed-entry)"),
                     str(""), unlimited, printDiagnostic, NULL);
  printf("succeeded: %d\n", mlirLogicalResultIsSuccess(result));
  // CHECK-NEXT: diagnostic 0: {{.*}} needs symbol 'gpt_entry_f' for its entry
  gptRunPipeline(module, str("gpt-emit-packed-entry"), str(""), unlimited,
                 printDiagnostic, NULL);
}

static bool alwaysStop(void *calls) {
  ++*(int *)calls;
  return true;
}

static void testBudgets(MlirModule module) {
  // CHECK-LABEL: budgets
  printf("budgets\n");
  // CHECK-NEXT: diagnostic 0: compilation takes longer than
  // time_limit=1e-09 seconds, found in pass 'cse'
  // CHECK-NEXT: failed: 1
  GptBudget short_ = gptBudgetCreate(1e-9, 0, NULL, NULL);
  MlirLogicalResult result = gptRunPipeline(module, str("cse"), str(""), short_,
                                            printDiagnostic, NULL);
  printf("failed: %d\n", mlirLogicalResultIsFailure(result));
  // CHECK-NEXT: error: code generation ended early: compilation takes longer
  gptEmit(module, makeOptions("x86_64-linux-gnu", "x86-64-v3"), GptOutputObject,
          2, short_, ignore, printText, "error: ");
  gptBudgetDestroy(short_);
  // Whoever stops does not have to be told. Nobody is asked at once.
  int calls = 0;
  GptBudget stopped = gptBudgetCreate(0, 0, alwaysStop, &calls);
  // CHECK-NEXT: failed: 0
  result = gptRunPipeline(module, str("cse"), str(""), stopped, printDiagnostic,
                          NULL);
  printf("failed: %d\n", mlirLogicalResultIsFailure(result));
  usleep(100000);
  // CHECK-NEXT: failed: 1, asked 1
  result = gptRunPipeline(module, str("cse"), str(""), stopped, printDiagnostic,
                          NULL);
  printf("failed: %d, asked %d\n", mlirLogicalResultIsFailure(result), calls);
  gptBudgetDestroy(stopped);
}

static void testEmission(MlirModule module) {
  // CHECK-LABEL: emission
  printf("emission\n");
  GptTargetOptions x86 = makeOptions("x86_64-linux-gnu", "x86-64-v3");
  GptTargetOptions arm = makeOptions("aarch64-linux-gnu", "generic");
  // CHECK-NEXT: object: ELF 1, type 1, machine 62
  gptEmit(module, x86, GptOutputObject, 2, unlimited, printHeader, printText,
          "object");
  // CHECK-NEXT: library: ELF 1, type 3, machine 62
  gptEmit(module, x86, GptOutputSharedLibrary, 2, unlimited, printHeader,
          printText, "library");
  // CHECK-NEXT: object: ELF 1, type 1, machine 183
  gptEmit(module, arm, GptOutputObject, 2, unlimited, printHeader, printText,
          "object");
  // CHECK-NEXT: text: ELF 0
  gptEmit(module, x86, GptOutputAssembly, 2, unlimited, printHeader, printText,
          "text");
  // CHECK-NEXT: error: unknown target cpu 'none'
  gptEmit(module, makeOptions("x86_64-linux-gnu", "none"), GptOutputObject, 2,
          unlimited, ignore, printText, "error: ");
  // CHECK-NEXT: error: cannot link a shared library: target '{{.*}}' does not
  // use ELF
  gptEmit(module, makeOptions("arm64-apple-darwin", "generic"),
          GptOutputSharedLibrary, 2, unlimited, ignore, printText, "error: ");
}

int main(void) {
  MlirDialectRegistry registry = mlirDialectRegistryCreate();
  gptRegisterAllDialects(registry);
  gptRegisterAllPasses();
  MlirContext context =
      mlirContextCreateWithRegistry(registry, /*threadingEnabled=*/false);
  mlirDialectRegistryDestroy(registry);
  MlirModule module = mlirModuleCreateParse(context, str(source));
  testTargets();
  testPipelines(module);
  testBudgets(module);
  testEmission(module);
  mlirModuleDestroy(module);
  mlirContextDestroy(context);
  return 0;
}
