//===- Target.cpp - C API: from a module to machine code --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Target.h. Pipelines run here rather than through MLIR's own C API so
// that all diagnostics are collected, warnings and remarks included, and a
// failure leaves a reproducer.
//
//===----------------------------------------------------------------------===//

#include "gpt-c/Target.h"

#include "gpt/Input/Budget.h"
#include "gpt/Schedules/Schedules.h"
#include "gpt/Target/CrashGuard.h"
#include "gpt/Target/Emit.h"
#include "gpt/Target/TargetOptions.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Support.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;

//===----------------------------------------------------------------------===//
// Pipelines
//===----------------------------------------------------------------------===//

/// The two enumerations number their values differently.
static MlirDiagnosticSeverity wrapSeverity(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Error:
    return MlirDiagnosticError;
  case DiagnosticSeverity::Warning:
    return MlirDiagnosticWarning;
  case DiagnosticSeverity::Note:
    return MlirDiagnosticNote;
  case DiagnosticSeverity::Remark:
    return MlirDiagnosticRemark;
  }
  llvm_unreachable("not a severity");
}

/// Writes "file:line:column: " where `location` knows them, as compilers do,
/// else the location as MLIR prints it.
static void print(raw_ostream &stream, Location location) {
  if (auto position = location->findInstanceOf<FileLineColLoc>())
    stream << position.getFilename().getValue() << ":" << position.getLine()
           << ":" << position.getColumn() << ": ";
  else if (!isa<UnknownLoc>(location))
    stream << location << ": ";
}

/// Writes `diagnostic` with its location and notes. The note that MLIR adds to
/// every error of an operation, the operation itself, is left out: for a
/// function that is all of its body, and the reproducer has it too.
static std::string print(Diagnostic &diagnostic) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  print(stream, diagnostic.getLocation());
  stream << diagnostic;
  for (Diagnostic &note : diagnostic.getNotes()) {
    std::string line = note.str();
    if (StringRef(line).starts_with("see current operation"))
      continue;
    stream << "\n";
    print(stream, note.getLocation());
    stream << "note: " << line;
  }
  return text;
}

/// Builds the passes of `pipeline`, which is either anchored on
/// "builtin.module" or a list of passes for a module.
static LogicalResult parsePipeline(StringRef pipeline, OpPassManager &passes,
                                   raw_ostream &errors) {
  StringRef elements = pipeline.trim();
  if (elements.consume_front("builtin.module(")) {
    if (!elements.consume_back(")")) {
      errors << "expected ')' at the end of the pipeline";
      return failure();
    }
  }
  return parsePassPipeline(elements, passes, errors);
}

GptBudget gptBudgetCreate(double seconds, uint64_t bytes,
                          GptStopCallback shouldStop, void *userData) {
  gpt::Budget::Limits limits;
  if (seconds > 0)
    limits.seconds = seconds;
  if (bytes > 0)
    limits.bytes = bytes;
  std::function<bool()> isInterrupted;
  if (shouldStop)
    isInterrupted = [=] { return shouldStop(userData); };
  return {new gpt::Budget(limits, std::move(isInterrupted))};
}

static gpt::Budget *unwrap(GptBudget budget) {
  return static_cast<gpt::Budget *>(budget.ptr);
}

void gptBudgetDestroy(GptBudget budget) { delete unwrap(budget); }

MlirLogicalResult gptRunPipeline(MlirModule module, MlirStringRef pipeline,
                                 MlirStringRef reproducer, GptBudget budget,
                                 GptDiagnosticCallback onDiagnostic,
                                 void *userData) {
  ModuleOp op = unwrap(module);
  auto report = [&](MlirDiagnosticSeverity severity, StringRef text) {
    onDiagnostic(severity, wrap(text), userData);
  };
  PassManager passes(op.getContext(), ModuleOp::getOperationName());
  std::string parseErrors;
  llvm::raw_string_ostream parseStream(parseErrors);
  if (failed(parsePipeline(unwrap(pipeline), passes, parseStream))) {
    report(MlirDiagnosticError, StringRef(parseErrors).trim());
    return wrap(failure());
  }

  gpt::Budget unlimited;
  gpt::Budget &limits = budget.ptr ? *unwrap(budget) : unlimited;
  OwningOpRef<ModuleOp> original;
  if (reproducer.length > 0)
    original = op.clone();
  LogicalResult result = failure();
  {
    gpt::BudgetScope scope(*op.getContext(), limits);
    // Passes that are cut short complain.
    ScopedDiagnosticHandler handler(
        op.getContext(), [&](Diagnostic &diagnostic) {
          if (!limits.isSpent())
            report(wrapSeverity(diagnostic.getSeverity()), print(diagnostic));
        });
    llvm::Error error = gpt::runGuarded("a pass ended fatally",
                                        [&] { result = passes.run(op); });
    if (limits.check("the pipeline"))
      llvm::consumeError(std::move(error));
    else if (error)
      report(MlirDiagnosticError, llvm::toString(std::move(error)));
  }
  if (limits.isSpent()) {
    if (std::string reason = limits.getReason(); !reason.empty())
      report(MlirDiagnosticError, reason);
    return wrap(failure());
  }
  if (failed(result) && original)
    makeReproducer(ModuleOp::getOperationName(), passes.getPasses(), *original,
                   unwrap(reproducer), /*disableThreads=*/true,
                   /*verifyPasses=*/true);
  return wrap(result);
}

namespace {
/// Hands remarks to a callback.
class RemarkListener final : public remark::detail::MLIRRemarkStreamerBase {
public:
  RemarkListener(GptRemarkCallback onRemark, void *userData)
      : onRemark(onRemark), userData(userData) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) final {
    std::string location, details;
    llvm::raw_string_ostream place(location), text(details);
    print(place, remark.getLocation());
    llvm::interleaveComma(remark.getArgs(), text, [&](const auto &argument) {
      text << argument.key << "=" << argument.val;
    });
    std::string kind = remark.getRemarkTypeString().lower();
    onRemark(wrap(StringRef(kind)), wrap(remark.getRemarkName()),
             wrap(StringRef(location).rtrim(": ")), wrap(StringRef(details)),
             userData);
  }

private:
  GptRemarkCallback onRemark;
  void *userData;
};
} // namespace

MlirLogicalResult gptListenToRemarks(MlirModule module, MlirStringRef category,
                                     GptRemarkCallback onRemark,
                                     void *userData) {
  MLIRContext *context = unwrap(module).getContext();
  if (!onRemark) {
    context->setRemarkEngine(nullptr);
    return wrap(success());
  }
  remark::RemarkCategories categories;
  // There is a filter for each kind, and none where none is given.
  categories.passed = categories.missed = categories.analysis =
      categories.failed = unwrap(category).str();
  return wrap(remark::enableOptimizationRemarks(
      *context, std::make_unique<RemarkListener>(onRemark, userData),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories));
}

/// Hands an error to `onError`.
static MlirLogicalResult fail(llvm::Error error, MlirStringCallback onError,
                              void *userData) {
  std::string text = llvm::toString(std::move(error));
  onError(wrap(StringRef(text)), userData);
  return wrap(failure());
}

MlirLogicalResult gptListPasses(MlirStringRef pipeline,
                                MlirStringCallback onPass,
                                MlirStringCallback onError, void *userData) {
  OpPassManager passes(ModuleOp::getOperationName());
  std::string errors;
  llvm::raw_string_ostream stream(errors);
  if (failed(parsePipeline(unwrap(pipeline), passes, stream))) {
    onError(wrap(StringRef(errors).trim()), userData);
    return wrap(failure());
  }
  for (Pass &pass : passes.getPasses()) {
    std::string text;
    llvm::raw_string_ostream os(text);
    pass.printAsTextualPipeline(os);
    onPass(wrap(StringRef(text)), userData);
  }
  return wrap(success());
}

MlirLogicalResult gptLoadPassPlugin(MlirStringRef path,
                                    MlirStringCallback onError,
                                    void *userData) {
  llvm::Expected<PassPlugin> plugin = PassPlugin::load(unwrap(path).str());
  if (!plugin)
    return fail(plugin.takeError(), onError, userData);
  plugin->registerPassRegistryCallbacks();
  return wrap(success());
}

MlirLogicalResult gptGetSchedule(MlirStringRef name, MlirStringCallback onText,
                                 void *userData) {
  if (name.length == 0) {
    onText(wrap(gpt::getScheduleLibrary()), userData);
    return wrap(success());
  }
  const gpt::Schedule *schedule = gpt::findSchedule(unwrap(name));
  if (!schedule)
    return wrap(failure());
  onText(wrap(schedule->text), userData);
  return wrap(success());
}

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

static gpt::TargetOptions unwrapOptions(const GptTargetOptions &options) {
  gpt::TargetOptions result;
  result.triple = unwrap(options.triple).str();
  result.cpu = unwrap(options.cpu).str();
  result.features = unwrap(options.features).str();
  result.optLevel = options.optLevel;
  return result;
}

void gptGetHostCpu(MlirStringCallback callback, void *userData) {
  std::string name = gpt::getHostCpu();
  callback(wrap(StringRef(name)), userData);
}

void gptGetHostFeatures(MlirStringCallback callback, void *userData) {
  std::string features = gpt::getHostFeatures();
  callback(wrap(StringRef(features)), userData);
}

MlirStringRef gptGetLLVMVersion() { return wrap(gpt::getLLVMVersion()); }

MlirLogicalResult gptResolveTarget(GptTargetOptions options,
                                   MlirStringCallback onField,
                                   MlirStringCallback onError, void *userData) {
  llvm::Expected<gpt::ResolvedTarget> target =
      gpt::resolveTarget(unwrapOptions(options));
  if (!target)
    return fail(target.takeError(), onError, userData);
  for (StringRef field : {target->triple, target->cpu, target->features})
    onField(wrap(field), userData);
  return wrap(success());
}

MlirLogicalResult gptHasFeatures(GptTargetOptions options,
                                 MlirStringRef features, bool *result,
                                 MlirStringCallback onError, void *userData) {
  llvm::Expected<bool> has =
      gpt::hasFeatures(unwrapOptions(options), unwrap(features));
  if (!has)
    return fail(has.takeError(), onError, userData);
  *result = *has;
  return wrap(success());
}

MlirLogicalResult gptFindMissingFeatures(GptTargetOptions options,
                                         MlirStringCallback onFeatures,
                                         MlirStringCallback onError,
                                         void *userData) {
  llvm::Expected<std::string> features =
      gpt::findMissingFeatures(unwrapOptions(options));
  if (!features)
    return fail(features.takeError(), onError, userData);
  onFeatures(wrap(StringRef(*features)), userData);
  return wrap(success());
}

MlirLogicalResult gptSelectSchedule(GptTargetOptions options,
                                    MlirStringCallback onName,
                                    MlirStringCallback onError,
                                    void *userData) {
  llvm::Expected<std::string> name =
      gpt::selectSchedule(unwrapOptions(options));
  if (!name)
    return fail(name.takeError(), onError, userData);
  onName(wrap(StringRef(*name)), userData);
  return wrap(success());
}

//===----------------------------------------------------------------------===//
// Emission
//===----------------------------------------------------------------------===//

static gpt::OutputKind unwrapKind(GptOutputKind kind) {
  switch (kind) {
  case GptOutputLLVMIR:
    return gpt::OutputKind::LLVMIR;
  case GptOutputAssembly:
    return gpt::OutputKind::Assembly;
  case GptOutputObject:
    return gpt::OutputKind::Object;
  case GptOutputSharedLibrary:
    return gpt::OutputKind::SharedLibrary;
  }
  llvm_unreachable("not an output kind");
}

MlirLogicalResult gptEmit(MlirModule module, GptTargetOptions options,
                          GptOutputKind kind, unsigned numThreads,
                          GptBudget budget, MlirStringCallback onOutput,
                          MlirStringCallback onError, void *userData) {
  std::string bytes;
  llvm::raw_string_ostream output(bytes);
  gpt::Budget unlimited;
  if (llvm::Error error = gpt::emit(
          unwrap(module), unwrapOptions(options), unwrapKind(kind), numThreads,
          budget.ptr ? *unwrap(budget) : unlimited, output))
    return fail(std::move(error), onError, userData);
  onOutput(wrap(StringRef(bytes)), userData);
  return wrap(success());
}
