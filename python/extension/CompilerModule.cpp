//===- CompilerModule.cpp - Python module of the compiler driver -*- C++
//-*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `gpt_mlir._mlir_libs._compiler`: running pipelines and emitting code. Every
// call that takes noticeable time releases the GIL, so that a progress display
// goes on and other threads compile at the same time; MLIR's own
// `PassManager.run` holds it.
//
//===----------------------------------------------------------------------===//

#include "gpt-c/Target.h"
#include "mlir/Bindings/Python/NanobindAdaptors.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace nb = nanobind;
using namespace nanobind::literals;

namespace {

MlirStringRef wrap(const std::string &text) {
  return mlirStringRefCreate(text.data(), text.size());
}

std::string unwrap(MlirStringRef text) {
  return std::string(text.data, text.length);
}

/// Appends a piece of text to the std::string at `text`.
void appendTo(MlirStringRef piece, void *text) {
  static_cast<std::string *>(text)->append(piece.data, piece.length);
}

/// A diagnostic as Python sees it: severity and text.
using Diagnostic = std::tuple<std::string, std::string>;

const char *getSeverityName(MlirDiagnosticSeverity severity) {
  switch (severity) {
  case MlirDiagnosticError:
    return "error";
  case MlirDiagnosticWarning:
    return "warning";
  case MlirDiagnosticNote:
    return "note";
  case MlirDiagnosticRemark:
    return "remark";
  }
  return "error";
}

/// What a pass did with an op, as Python sees it: kind, pass, location and
/// details.
using Remark = std::tuple<std::string, std::string, std::string, std::string>;

/// Whether Python wants the program to stop: asked without the GIL, on a thread
/// of Python's. The exception stays set.
bool isInterrupted(void *) {
  nb::gil_scoped_acquire gil;
  return PyErr_Occurred() || PyErr_CheckSignals() != 0;
}

/// What one compilation may take. To be used on the thread that made it, where
/// Ctrl-C ends what runs, too.
class Budget {
public:
  explicit Budget(std::optional<double> timeLimit = std::nullopt,
                  std::optional<uint64_t> memoryLimit = std::nullopt)
      : handle(gptBudgetCreate(timeLimit.value_or(0), memoryLimit.value_or(0),
                               isInterrupted, nullptr)) {}
  ~Budget() { gptBudgetDestroy(handle); }
  Budget(const Budget &) = delete;
  Budget &operator=(const Budget &) = delete;

  GptBudget get() const { return handle; }

private:
  GptBudget handle;
};

std::tuple<bool, std::vector<Diagnostic>>
runPipeline(MlirModule module, const std::string &pipeline,
            const std::string &reproducer, const Budget *budget) {
  std::optional<Budget> unlimited;
  if (!budget)
    budget = &unlimited.emplace();
  std::vector<Diagnostic> diagnostics;
  auto collect = [](MlirDiagnosticSeverity severity, MlirStringRef text,
                    void *userData) {
    static_cast<std::vector<Diagnostic> *>(userData)->emplace_back(
        getSeverityName(severity), unwrap(text));
  };
  MlirLogicalResult result;
  {
    nb::gil_scoped_release release;
    result = gptRunPipeline(module, wrap(pipeline), wrap(reproducer),
                            budget->get(), collect, &diagnostics);
  }
  if (PyErr_Occurred())
    throw nb::python_error();
  return {mlirLogicalResultIsSuccess(result), std::move(diagnostics)};
}

std::vector<Remark> reportPipeline(MlirModule module,
                                   const std::string &pipeline,
                                   const std::string &category,
                                   const Budget *budget) {
  std::vector<Remark> remarks;
  auto collect = [](MlirStringRef kind, MlirStringRef pass,
                    MlirStringRef location, MlirStringRef details, void *data) {
    static_cast<std::vector<Remark> *>(data)->emplace_back(
        unwrap(kind), unwrap(pass), unwrap(location), unwrap(details));
  };
  if (mlirLogicalResultIsFailure(
          gptListenToRemarks(module, wrap(category), collect, &remarks)))
    throw std::runtime_error("the context cannot collect remarks");
  std::tuple<bool, std::vector<Diagnostic>> result;
  try {
    result = runPipeline(module, pipeline, "", budget);
  } catch (...) {
    gptListenToRemarks(module, wrap(category), nullptr, nullptr);
    throw;
  }
  gptListenToRemarks(module, wrap(category), nullptr, nullptr);
  if (!std::get<0>(result)) {
    std::string text;
    for (const auto &[severity, message] : std::get<1>(result))
      if (severity == "error")
        text += (text.empty() ? "" : "\n") + message;
    throw std::runtime_error(text);
  }
  return remarks;
}

std::vector<std::string> listPasses(const std::string &pipeline) {
  struct Result {
    std::vector<std::string> passes;
    std::string error;
  } result;
  MlirLogicalResult status = gptListPasses(
      wrap(pipeline),
      [](MlirStringRef pass, void *data) {
        static_cast<Result *>(data)->passes.push_back(unwrap(pass));
      },
      [](MlirStringRef error, void *data) {
        static_cast<Result *>(data)->error = unwrap(error);
      },
      &result);
  if (mlirLogicalResultIsFailure(status))
    throw std::runtime_error(result.error);
  return result.passes;
}

void loadPassPlugin(const std::string &path) {
  std::string error;
  if (mlirLogicalResultIsFailure(
          gptLoadPassPlugin(wrap(path), appendTo, &error)))
    throw std::runtime_error(error);
}

std::string getSchedule(const std::string &name) {
  std::string text;
  if (mlirLogicalResultIsFailure(gptGetSchedule(wrap(name), appendTo, &text)))
    throw nb::value_error(("no built-in schedule '" + name + "'").c_str());
  return text;
}

std::tuple<std::string, std::string, std::string>
resolveTarget(const std::string &triple, const std::string &cpu,
              const std::string &features) {
  struct Result {
    std::vector<std::string> fields;
    std::string error;
  } result;
  GptTargetOptions options = {wrap(triple), wrap(cpu), wrap(features), 0};
  MlirLogicalResult status = gptResolveTarget(
      options,
      [](MlirStringRef field, void *data) {
        static_cast<Result *>(data)->fields.push_back(unwrap(field));
      },
      [](MlirStringRef error, void *data) {
        static_cast<Result *>(data)->error = unwrap(error);
      },
      &result);
  if (mlirLogicalResultIsFailure(status))
    throw std::runtime_error(result.error);
  return {result.fields.at(0), result.fields.at(1), result.fields.at(2)};
}

std::string selectSchedule(const std::string &triple, const std::string &cpu,
                           const std::string &features) {
  std::string text;
  auto keep = [](MlirStringRef value, void *data) {
    *static_cast<std::string *>(data) = unwrap(value);
  };
  GptTargetOptions options = {wrap(triple), wrap(cpu), wrap(features), 0};
  if (mlirLogicalResultIsFailure(gptSelectSchedule(options, keep, keep, &text)))
    throw std::runtime_error(text);
  return text;
}

std::string findMissingFeatures(const std::string &triple,
                                const std::string &cpu,
                                const std::string &features) {
  std::string text;
  auto keep = [](MlirStringRef value, void *data) {
    *static_cast<std::string *>(data) = unwrap(value);
  };
  GptTargetOptions options = {wrap(triple), wrap(cpu), wrap(features), 0};
  if (mlirLogicalResultIsFailure(
          gptFindMissingFeatures(options, keep, keep, &text)))
    throw std::runtime_error(text);
  return text;
}

bool hasFeatures(const std::string &required, const std::string &triple,
                 const std::string &cpu, const std::string &features) {
  std::string text;
  bool result = false;
  auto keep = [](MlirStringRef value, void *data) {
    *static_cast<std::string *>(data) = unwrap(value);
  };
  GptTargetOptions options = {wrap(triple), wrap(cpu), wrap(features), 0};
  if (mlirLogicalResultIsFailure(
          gptHasFeatures(options, wrap(required), &result, keep, &text)))
    throw std::runtime_error(text);
  return result;
}

GptOutputKind parseKind(const std::string &kind) {
  if (kind == "llvmir")
    return GptOutputLLVMIR;
  if (kind == "asm")
    return GptOutputAssembly;
  if (kind == "object")
    return GptOutputObject;
  if (kind == "shared")
    return GptOutputSharedLibrary;
  throw nb::value_error(
      ("unknown output kind '" + kind +
       "'; expected one of 'llvmir', 'asm', 'object', 'shared'")
          .c_str());
}

nb::bytes emit(MlirModule module, const std::string &kind,
               const std::string &triple, const std::string &cpu,
               const std::string &features, unsigned optLevel,
               unsigned numThreads, const Budget *budget) {
  std::optional<Budget> unlimited;
  if (!budget)
    budget = &unlimited.emplace();
  struct Result {
    std::string bytes;
    std::string error;
  } result;
  GptOutputKind outputKind = parseKind(kind);
  GptTargetOptions options = {wrap(triple), wrap(cpu), wrap(features),
                              optLevel};
  MlirLogicalResult status;
  {
    nb::gil_scoped_release release;
    status = gptEmit(
        module, options, outputKind, numThreads, budget->get(),
        [](MlirStringRef piece, void *data) {
          appendTo(piece, &static_cast<Result *>(data)->bytes);
        },
        [](MlirStringRef error, void *data) {
          appendTo(error, &static_cast<Result *>(data)->error);
        },
        &result);
  }
  if (PyErr_Occurred())
    throw nb::python_error();
  if (mlirLogicalResultIsFailure(status))
    throw std::runtime_error(result.error);
  return nb::bytes(result.bytes.data(), result.bytes.size());
}

} // namespace

NB_MODULE(_compiler, m) {
  m.doc() = "Pass pipelines, targets and code emission of gpt-mlir.";

  nb::class_<Budget>(
      m, "Budget",
      "What one compilation may take from now on: seconds, and bytes by which\n"
      "the memory of the process may grow. Used on the thread that made it.")
      .def(nb::init<std::optional<double>, std::optional<uint64_t>>(),
           nb::kw_only(), "time_limit"_a = nb::none(),
           "memory_limit"_a = nb::none());
  m.def("run_pipeline", &runPipeline, "module"_a, "pipeline"_a,
        "reproducer"_a = "", nb::kw_only(), "budget"_a = nb::none(),
        "Runs a textual pass pipeline on `module`, in place.\n\n"
        "Returns whether it succeeded, and the (severity, text) of every\n"
        "diagnostic. If it failed and `reproducer` names a file, that file\n"
        "then holds input for `gpt-opt --run-reproducer`.");
  m.def(
      "report_pipeline", &reportPipeline, "module"_a, "pipeline"_a,
      "category"_a, nb::kw_only(), "budget"_a = nb::none(),
      "Runs a pipeline like `run_pipeline` and returns (kind, pass, location,\n"
      "details) of all remarks of a category. Raises RuntimeError with the\n"
      "errors if it fails.");
  m.def("list_passes", &listPasses, "pipeline"_a,
        "Returns the text of each pass of a textual pipeline, named pipelines\n"
        "taken apart. Raises RuntimeError if it is not valid.");
  m.def("load_pass_plugin", &loadPassPlugin, "path"_a,
        "Loads a shared library with passes and registers them. Raises\n"
        "RuntimeError if that fails.");
  m.def("schedule_text", &getSchedule, "name"_a,
        "Returns the text of a built-in schedule; for an empty name, that of\n"
        "the sequences that all schedules may include.");
  m.def("emit", &emit, "module"_a, "kind"_a, nb::kw_only(), "triple"_a = "",
        "cpu"_a = "native", "features"_a = "", "opt_level"_a = 3,
        "num_threads"_a = 0, "budget"_a = nb::none(),
        "Emits a module of the LLVM dialect as 'llvmir', 'asm', 'object' or\n"
        "'shared', on so many threads (0: as many as there are processors);\n"
        "their number does not change what is emitted. Raises RuntimeError\n"
        "with the compiler's messages.");
  m.def(
      "select_schedule", &selectSchedule, nb::kw_only(), "triple"_a = "",
      "cpu"_a = "native", "features"_a = "",
      "Returns the name of the built-in schedule for a target, empty if there "
      "is none. Raises RuntimeError for a target that is not valid.");
  m.def(
      "has_features", &hasFeatures, "required"_a, nb::kw_only(),
      "triple"_a = "", "cpu"_a = "native", "features"_a = "",
      "Returns whether a target has all features of `required` (\"+a,+b\"),\n"
      "which its architecture knows. Raises RuntimeError for a target that is\n"
      "not valid.");
  m.def("missing_features", &findMissingFeatures, nb::kw_only(),
        "triple"_a = "", "cpu"_a = "native", "features"_a = "",
        "Returns the features that code for a target may use and this machine\n"
        "lacks, separated by commas. Raises RuntimeError for a target that is\n"
        "not valid.");
  m.def("resolve_target", &resolveTarget, nb::kw_only(), "triple"_a = "",
        "cpu"_a = "native", "features"_a = "",
        "Returns (triple, cpu, features) with all defaults filled in. Raises\n"
        "RuntimeError if the target is not known.");
  m.def(
      "host_cpu",
      [] {
        std::string name;
        gptGetHostCpu(appendTo, &name);
        return name;
      },
      "Returns LLVM's name of this machine's CPU.");
  m.def(
      "host_features",
      [] {
        std::string features;
        gptGetHostFeatures(appendTo, &features);
        return features;
      },
      "Returns the features of this machine's CPU, as '+a,-b'.");
  m.def(
      "llvm_version", [] { return unwrap(gptGetLLVMVersion()); },
      "Returns the version of the LLVM that generates the code.");
}
