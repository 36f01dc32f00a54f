//===- Emit.cpp - LLVM-dialect module to machine code -----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's ExecutionEngine is not used: it optimizes without a target machine
// unless told otherwise, ignores the code generation level and keeps its
// objects in memory only. Triple and data layout are set before the first LLVM
// pass runs.
//
//===----------------------------------------------------------------------===//

#include "gpt/Target/Emit.h"
#include "gpt/Target/CompileParts.h"
#include "gpt/Target/SharedLibrary.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using llvm::StringRef;

/// What LLVM or MLIR said, one message per line.
using Messages = std::string;

/// Appends an MLIR diagnostic and its notes to `messages`.
static void append(Messages &messages, Diagnostic &diagnostic) {
  llvm::raw_string_ostream stream(messages);
  stream << diagnostic.getLocation() << ": " << diagnostic << "\n";
  for (Diagnostic &note : diagnostic.getNotes())
    stream << "note: " << note << "\n";
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
    return gpt::makeError("cannot translate the module to LLVM IR", messages);
  result->setTargetTriple(machine.getTargetTriple());
  result->setDataLayout(machine.createDataLayout());

  Messages problems;
  llvm::raw_string_ostream stream(problems);
  if (llvm::verifyModule(*result, &stream))
    return gpt::makeError("the translated LLVM IR is invalid", problems);
  return result;
}

/// Translates `module` and cuts the result.
static llvm::Expected<std::unique_ptr<gpt::Partition>>
makeParts(ModuleOp module, llvm::TargetMachine &machine) {
  llvm::LLVMContext context;
  auto translated = translate(module, machine, context);
  if (!translated)
    return translated.takeError();
  return std::make_unique<gpt::Partition>(**translated);
}

llvm::Error gpt::emit(ModuleOp module, const TargetOptions &options,
                      OutputKind kind, unsigned numThreads, Budget &budget,
                      llvm::raw_ostream &output) {
  // Once: in a virtual machine it takes milliseconds to ask the processor.
  auto target = resolveTarget(options);
  if (!target)
    return target.takeError();
  TargetOptions resolved{target->triple, target->cpu, target->features,
                         options.optLevel};
  auto machine = createTargetMachine(resolved);
  if (!machine)
    return machine.takeError();
  bool isLibrary = kind == OutputKind::SharedLibrary;
  if (isLibrary && !(*machine)->getTargetTriple().isOSBinFormatELF())
    return gpt::makeError("cannot link a shared library",
                          "target '" + (*machine)->getTargetTriple().str() +
                              "' does not use ELF");

  auto partition = makeParts(module, **machine);
  if (!partition)
    return partition.takeError();
  std::optional<llvm::CodeGenFileType> type;
  if (isLibrary || kind == OutputKind::Object)
    type = llvm::CodeGenFileType::ObjectFile;
  else if (kind == OutputKind::Assembly)
    type = llvm::CodeGenFileType::AssemblyFile;

  // One file of IR, assembly or object is what whoever reads it expects: parts
  // are joined before code is generated. Libraries are linked anyway.
  auto parts =
      compileParts(**partition, resolved, isLibrary ? type : std::nullopt,
                   numThreads, budget);
  if (!parts)
    return parts.takeError();
  if (isLibrary)
    return linkSharedLibrary(*parts, output);
  auto joined = joinParts(**partition, *parts, resolved, type, budget);
  if (!joined)
    return joined.takeError();
  output << StringRef(joined->data(), joined->size());
  return llvm::Error::success();
}
