//===- ModuleInput.cpp - What fuzzers do with a module ----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See ModuleInput.h.
//
//===----------------------------------------------------------------------===//

#include "ModuleInput.h"

#include "gpt/Pipelines/Registration.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

static constexpr unsigned kInputsPerContext = 200;

/// Chosen by the content, cheap ones often. All begin as compilations do: of
/// extents below 0, which bytecode can have, canonicalization makes ops that
/// are not valid.
static constexpr StringLiteral kPipelines[] = {
    "gpt-verify-limits,canonicalize,cse",
    "gpt-to-linalg-pipeline",
    "gpt-verify-limits,gpt-insert-kv-cache,cse,canonicalize",
    "gpt-verify-limits,canonicalize,cse",
    "gpt-to-linalg-pipeline",
    "gpt-verify-limits,gpt-specialize-shapes,canonicalize",
    "gpt-verify-limits,canonicalize,cse",
    "gpt-to-llvm-pipeline{opt-level=1}",
};

const DialectRegistry &gpt::fuzz::getRegistry() {
  static const DialectRegistry registry = [] {
    registerAllPasses();
    registerAllGptPasses();
    DialectRegistry result;
    registerAllDialects(result);
    registerAllExtensions(result);
    registerAllGpt(result);
    return result;
  }();
  return registry;
}

MLIRContext &gpt::fuzz::ContextSource::next() {
  if (inputs++ % kInputsPerContext == 0) {
    context = std::make_unique<MLIRContext>(getRegistry(),
                                            MLIRContext::Threading::DISABLED);
  }
  return *context;
}

OwningOpRef<ModuleOp> gpt::fuzz::read(StringRef input, MLIRContext &context) {
  ScopedDiagnosticHandler silence(&context, [](Diagnostic &) {});
  return parseSourceString<ModuleOp>(input, ParserConfig(&context));
}

void gpt::fuzz::runPasses(StringRef input, ModuleOp module) {
  MLIRContext *context = module.getContext();
  ScopedDiagnosticHandler silence(context, [](Diagnostic &) {});
  PassManager passes(context);
  passes.enableVerifier(false);
  size_t choice = llvm::hash_value(input) % std::size(kPipelines);
  if (failed(parsePassPipeline(kPipelines[choice], passes)))
    llvm::report_fatal_error("a pipeline of the fuzzer is not valid");
  if (succeeded(passes.run(module)) && failed(verify(module)))
    llvm::report_fatal_error(kPipelines[choice] + " left an invalid module");
}
