//===- OptMain.cpp - The main function of gpt-opt ---------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Input is looked at between opening it and handing it to MLIR, of which
// `MlirOptMain` with file names leaves no chance.
//
//===----------------------------------------------------------------------===//

#include "gpt/Input/OptMain.h"

#include "gpt/Input/GuardedInput.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/ToolOutputFile.h"

#include <unistd.h>

using namespace mlir;

/// Whether the tool only prints what it has and reads nothing.
static bool readsInput(const MlirOptMainConfig &config) {
  return !config.shouldShowDialects() && !config.shouldListPasses();
}

LogicalResult gpt::optMain(int argc, char **argv, StringRef toolName,
                           DialectRegistry &registry) {
  auto [inputName, outputName] =
      registerAndParseCLIOptions(argc, argv, toolName, registry);
  llvm::InitLLVM init(argc, argv);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  if (!readsInput(config))
    return MlirOptMain(llvm::outs(), llvm::MemoryBuffer::getMemBuffer(""),
                       registry, config);

  if (inputName == "-" &&
      llvm::sys::Process::FileDescriptorIsDisplayed(STDIN_FILENO))
    llvm::errs() << "(reading from the terminal; end with ctrl-d)\n";
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> input =
      openInputFile(inputName, &message);
  if (!input) {
    llvm::errs() << message << "\n";
    return failure();
  }
  if (llvm::Error error = checkInput(*input, registry)) {
    llvm::errs() << inputName << ": error: " << llvm::toString(std::move(error))
                 << "\n";
    return failure();
  }
  std::unique_ptr<llvm::ToolOutputFile> output =
      openOutputFile(outputName, &message);
  if (!output) {
    llvm::errs() << message << "\n";
    return failure();
  }
  if (failed(MlirOptMain(output->os(), std::move(input), registry, config)))
    return failure();
  output->keep();
  return success();
}
