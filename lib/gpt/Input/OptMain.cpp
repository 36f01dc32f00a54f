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

#include "gpt/Input/Budget.h"
#include "gpt/Input/GuardedInput.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
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

/// What the passes on one input may take. Upstream's tool has no limits, and
/// this one has none unless it is asked for them.
namespace {
struct LimitOptions {
  llvm::cl::opt<double> seconds{
      "gpt-time-limit",
      llvm::cl::desc("Seconds after which passes end in an error (0: none; "
                     "without effect where actions are logged)"),
      llvm::cl::value_desc("seconds"), llvm::cl::init(0)};
  llvm::cl::opt<uint64_t> bytes{
      "gpt-memory-limit",
      llvm::cl::desc("Bytes by which the memory of the process may grow "
                     "before passes end in an error (0: none)"),
      llvm::cl::value_desc("bytes"), llvm::cl::init(0)};

  /// Returns an error for numbers that are no limit.
  llvm::Expected<gpt::Budget::Limits> get() const {
    if (!(seconds >= 0))
      return llvm::createStringError(
          "expected --gpt-time-limit to be 0 or more, but found %g",
          seconds.getValue());
    gpt::Budget::Limits limits;
    if (seconds > 0)
      limits.seconds = seconds;
    if (bytes > 0)
      limits.bytes = bytes;
    return limits;
  }
};
} // namespace

/// Runs the tool with a budget for all passes. Nothing is written once that is
/// spent.
static LogicalResult runWithin(gpt::Budget::Limits limits,
                               std::unique_ptr<llvm::MemoryBuffer> input,
                               StringRef inputName, raw_ostream &output,
                               DialectRegistry &registry,
                               const MlirOptMainConfig &config) {
  gpt::Budget budget(limits);
  MlirOptMainConfig limited = config;
  limited.setPassPipelineSetupFn([&](PassManager &pm) {
    MLIRContext &context = *pm.getContext();
    gpt::BudgetScope::open(context, budget);
    // What fails because patterns are left out is not worth telling.
    context.getDiagEngine().registerHandler(
        [&](Diagnostic &) { return success(budget.isSpent()); });
    return config.setupPassPipeline(pm);
  });
  std::string text;
  llvm::raw_string_ostream stream(text);
  LogicalResult result =
      MlirOptMain(stream, std::move(input), registry, limited);
  if (budget.isSpent()) {
    llvm::errs() << inputName << ": error: " << budget.getReason() << "\n";
    return failure();
  }
  output << text;
  return result;
}

LogicalResult gpt::optMain(int argc, char **argv, StringRef toolName,
                           DialectRegistry &registry) {
  LimitOptions options;
  auto [inputName, outputName] =
      registerAndParseCLIOptions(argc, argv, toolName, registry);
  llvm::InitLLVM init(argc, argv);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  if (!readsInput(config))
    return MlirOptMain(llvm::outs(), llvm::MemoryBuffer::getMemBuffer(""),
                       registry, config);

  llvm::Expected<Budget::Limits> limits = options.get();
  if (!limits) {
    llvm::errs() << "error: " << llvm::toString(limits.takeError()) << "\n";
    return failure();
  }
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
  bool isLimited = limits->seconds || limits->bytes;
  if (failed(isLimited ? runWithin(*limits, std::move(input), inputName,
                                   output->os(), registry, config)
                       : MlirOptMain(output->os(), std::move(input), registry,
                                     config)))
    return failure();
  output->keep();
  return success();
}
