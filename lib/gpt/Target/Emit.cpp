//===- Emit.cpp - LLVM-dialect module to machine code -----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's ExecutionEngine is not used: it optimizes without a target machine
// unless told otherwise, ignores the code generation level and keeps its
// objects in memory only. Here one TargetMachine serves the middle end (as
// source of cost models) and the back end, and triple and data layout are set
// before the first LLVM pass runs.
//
//===----------------------------------------------------------------------===//

#include "gpt/Target/Emit.h"
#include "gpt/Target/CrashGuard.h"
#include "gpt/Target/SharedLibrary.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using llvm::StringRef;

/// What LLVM or MLIR said, one message per line.
using Messages = std::string;

static llvm::Error makeError(StringRef what, StringRef reason) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s: %s",
                                 what.str().c_str(),
                                 reason.trim().str().c_str());
}

/// Appends an MLIR diagnostic and its notes to `messages`.
static void append(Messages &messages, Diagnostic &diagnostic) {
  llvm::raw_string_ostream stream(messages);
  stream << diagnostic.getLocation() << ": " << diagnostic << "\n";
  for (Diagnostic &note : diagnostic.getNotes())
    stream << "note: " << note << "\n";
}

/// Collects LLVM's errors. Without a handler LLVM prints them and exits.
static void collectLLVMDiagnostic(const llvm::DiagnosticInfo *info,
                                  void *messages) {
  if (info->getSeverity() != llvm::DS_Error)
    return;
  llvm::raw_string_ostream stream(*static_cast<Messages *>(messages));
  llvm::DiagnosticPrinterRawOStream printer(stream);
  info->print(printer);
  stream << "\n";
}

/// Translates to LLVM IR for `machine`.
static llvm::Expected<std::unique_ptr<llvm::Module>>
translate(ModuleOp module, llvm::TargetMachine &machine,
          llvm::LLVMContext &context) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module->getContext()->appendDialectRegistry(registry);

  Messages messages;
  std::unique_ptr<llvm::Module> result;
  {
    ScopedDiagnosticHandler handler(
        module->getContext(),
        [&](Diagnostic &diagnostic) { append(messages, diagnostic); });
    result = translateModuleToLLVMIR(module, context,
                                     module.getName().value_or("gpt-mlir"),
                                     /*disableVerification=*/true);
  }
  if (!result)
    return makeError("cannot translate the module to LLVM IR", messages);
  result->setTargetTriple(machine.getTargetTriple());
  result->setDataLayout(machine.createDataLayout());

  Messages problems;
  llvm::raw_string_ostream stream(problems);
  if (llvm::verifyModule(*result, &stream))
    return makeError("the translated LLVM IR is invalid", problems);
  return result;
}

/// Runs the standard LLVM pipeline of level `optLevel`.
static void optimize(llvm::Module &module, llvm::TargetMachine &machine,
                     unsigned optLevel) {
  static const llvm::OptimizationLevel levels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = optLevel > 1;
  tuning.SLPVectorization = optLevel > 1;

  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  llvm::OptimizationLevel level = levels[optLevel];
  llvm::ModulePassManager passes =
      optLevel == 0 ? builder.buildO0DefaultPipeline(level)
                    : builder.buildPerModuleDefaultPipeline(level);
  passes.run(module, modules);
}

/// Runs the code generator. Returns false if the target has none for files of
/// this type.
static bool generateCode(llvm::Module &module, llvm::TargetMachine &machine,
                         llvm::CodeGenFileType type,
                         llvm::raw_pwrite_stream &output) {
  llvm::legacy::PassManager passes;
  llvm::TargetLibraryInfoImpl libraryInfo(module.getTargetTriple());
  passes.add(new llvm::TargetLibraryInfoWrapperPass(libraryInfo));
  if (machine.addPassesToEmitFile(passes, output, /*DwoOut=*/nullptr, type))
    return false;
  passes.run(module);
  return true;
}

/// Optimizes `module` and prints it as `kind`; a shared library is printed as
/// the object it is linked from.
static llvm::Error compile(llvm::Module &module, llvm::TargetMachine &machine,
                           unsigned optLevel, gpt::OutputKind kind,
                           llvm::SmallVectorImpl<char> &output) {
  bool supported = true;
  llvm::raw_svector_ostream stream(output);
  if (llvm::Error error = gpt::runGuarded("code generation failed", [&] {
        optimize(module, machine, optLevel);
        if (kind == gpt::OutputKind::LLVMIR)
          module.print(stream, /*AAW=*/nullptr);
        else
          supported = generateCode(module, machine,
                                   kind == gpt::OutputKind::Assembly
                                       ? llvm::CodeGenFileType::AssemblyFile
                                       : llvm::CodeGenFileType::ObjectFile,
                                   stream);
      }))
    return error;
  if (!supported)
    return makeError("code generation failed",
                     "target '" + module.getTargetTriple().str() +
                         "' cannot emit this kind of file");
  return llvm::Error::success();
}

llvm::Error gpt::emit(ModuleOp module, const TargetOptions &options,
                      OutputKind kind, llvm::raw_ostream &output) {
  auto machine = createTargetMachine(options);
  if (!machine)
    return machine.takeError();
  if (kind == OutputKind::SharedLibrary &&
      !(*machine)->getTargetTriple().isOSBinFormatELF())
    return makeError("cannot link a shared library",
                     "target '" + (*machine)->getTargetTriple().str() +
                         "' does not use ELF");

  // The context outlives a failed run on purpose: after a recovered crash its
  // state is unknown, so it is destroyed only when all went well.
  auto context = std::make_unique<llvm::LLVMContext>();
  Messages messages;
  context->setDiagnosticHandlerCallBack(collectLLVMDiagnostic, &messages);
  auto llvmModule = translate(module, **machine, *context);
  if (!llvmModule)
    return llvmModule.takeError();

  llvm::SmallVector<char, 0> buffer;
  if (llvm::Error error =
          compile(**llvmModule, **machine, options.optLevel, kind, buffer)) {
    (void)llvmModule->release();
    (void)machine->release();
    (void)context.release();
    return error;
  }
  if (!messages.empty())
    return makeError("code generation failed", messages);
  StringRef result(buffer.data(), buffer.size());
  if (kind == OutputKind::SharedLibrary)
    return linkSharedLibrary(result, output);
  output << result;
  return llvm::Error::success();
}
