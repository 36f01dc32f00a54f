//===- ModuleInput.h - What fuzzers do with a module ------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps of gpt-opt behind its check of the input: an invalid module must
// end in a diagnostic, a pass that succeeds must leave a valid one.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TEST_FUZZERS_MODULEINPUT_H
#define GPT_TEST_FUZZERS_MODULEINPUT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>

namespace mlir::gpt::fuzz {

/// All dialects; passes and pipelines are registered with the first call.
const DialectRegistry &getRegistry();

/// A context for each input: the same for some, since making one takes longer
/// than most inputs, but not for ever, since types and attributes stay in it.
class ContextSource {
public:
  MLIRContext &next();

private:
  std::unique_ptr<MLIRContext> context;
  unsigned inputs = 0;
};

/// Parses and verifies text or bytecode, without a word.
OwningOpRef<ModuleOp> read(StringRef input, MLIRContext &context);

/// Runs one of some pipelines, chosen by the input, over a module that was read
/// from it. Ends the process if it leaves an invalid module.
void runPasses(StringRef input, ModuleOp module);

} // namespace mlir::gpt::fuzz

#endif // GPT_TEST_FUZZERS_MODULEINPUT_H
