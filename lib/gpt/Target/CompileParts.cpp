//===- CompileParts.cpp - Optimize LLVM IR and generate code ----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A budget that is spent ends LLVM in two ways. The passes of the middle end
// are left out. The code generator cannot do without most of its own, so it is
// left as it is left on a fatal error; what it had allocated is lost.
//
//===----------------------------------------------------------------------===//

#include "gpt/Target/CompileParts.h"
#include "gpt/Target/CrashGuard.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/OptBisect.h"
#include "llvm/IR/PassInstrumentation.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Target/TargetMachine.h"

#include <condition_variable>

using namespace mlir;
using llvm::StringRef;

/// How often the thread that waits looks whether it is to stop.
static constexpr std::chrono::milliseconds kWaitInterval(20);

llvm::Error gpt::makeError(StringRef what, StringRef reason) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s: %s",
                                 what.str().c_str(),
                                 reason.trim().str().c_str());
}

namespace {
/// Looks at the budget between passes of the code generator. They are not left
/// out: with a pass missing, others might fail.
class BudgetGate final : public llvm::OptPassGate {
public:
  explicit BudgetGate(gpt::Budget &budget) : budget(budget) {}

  bool isEnabled() const override { return true; }
  bool shouldRunPass(StringRef pass, StringRef) const override {
    if (budget.check("LLVM pass '" + pass + "'"))
      if (auto *context = llvm::CrashRecoveryContext::GetCurrent())
        context->HandleExit(/*RetCode=*/1);
    return true;
  }

private:
  gpt::Budget &budget;
};

/// What LLVM works on, on one thread. Abandoned rather than destroyed after a
/// crash, as its state is unknown then.
struct Workplace {
  explicit Workplace(gpt::Budget &budget) : gate(budget) {
    context.setOptPassGate(gate);
    context.setDiagnosticHandlerCallBack(collectDiagnostic, &messages);
  }

  /// Collects errors. Without a handler LLVM prints them and exits.
  static void collectDiagnostic(const llvm::DiagnosticInfo *info,
                                void *messages) {
    if (info->getSeverity() != llvm::DS_Error)
      return;
    llvm::raw_string_ostream stream(*static_cast<std::string *>(messages));
    llvm::DiagnosticPrinterRawOStream printer(stream);
    info->print(printer);
    stream << "\n";
  }

  BudgetGate gate;
  /// What LLVM said, one message per line.
  std::string messages;
  llvm::LLVMContext context;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<llvm::Module> module;
};
} // namespace

/// Runs the standard LLVM pipeline of level `optLevel`.
static void optimize(llvm::Module &module, llvm::TargetMachine &machine,
                     unsigned optLevel, gpt::Budget &budget) {
  static const llvm::OptimizationLevel levels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = optLevel > 1;
  tuning.SLPVectorization = optLevel > 1;
  llvm::PassInstrumentationCallbacks callbacks;
  callbacks.registerShouldRunOptionalPassCallback(
      [&](StringRef pass, llvm::Any) {
        return !budget.check("LLVM pass '" + pass + "'");
      });

  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning, std::nullopt, &callbacks);
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

/// Runs `work` on a workplace and returns what it has written.
static llvm::Expected<gpt::FileContent> runWork(
    const gpt::TargetOptions &options, gpt::Budget &budget,
    llvm::function_ref<llvm::Error(Workplace &, llvm::raw_svector_ostream &)>
        work) {
  auto machine = gpt::createTargetMachine(options);
  if (!machine)
    return machine.takeError();
  auto place = std::make_unique<Workplace>(budget);
  place->machine = std::move(*machine);
  gpt::FileContent content;
  llvm::raw_svector_ostream stream(content);
  std::optional<llvm::Error> result;
  llvm::Error crash = gpt::runGuarded(
      "code generation failed", [&] { result.emplace(work(*place, stream)); });
  if (crash)
    (void)place.release();
  if (result && *result) {
    llvm::consumeError(std::move(crash));
    return std::move(*result);
  }
  if (budget.isSpent()) {
    llvm::consumeError(std::move(crash));
    return gpt::makeError("code generation ended early", budget.getReason());
  }
  if (crash)
    return crash;
  if (!place->messages.empty())
    return gpt::makeError("code generation failed", place->messages);
  return content;
}

/// Prints `place.module` as `type`.
static llvm::Error print(Workplace &place, llvm::CodeGenFileType type,
                         llvm::raw_pwrite_stream &stream) {
  if (generateCode(*place.module, *place.machine, type, stream))
    return llvm::Error::success();
  return gpt::makeError("code generation failed",
                        "target '" + place.module->getTargetTriple().str() +
                            "' cannot emit this kind of file");
}

llvm::Expected<std::vector<gpt::FileContent>>
gpt::compileParts(const Partition &partition, const TargetOptions &options,
                  std::optional<llvm::CodeGenFileType> type,
                  unsigned numThreads, Budget &budget) {
  std::vector<FileContent> contents(partition.size());
  std::vector<std::string> errors(partition.size());
  auto compile = [&](unsigned number) {
    auto content = runWork(
        options, budget,
        [&](Workplace &place,
            llvm::raw_svector_ostream &stream) -> llvm::Error {
          auto module = partition.load(number, place.context);
          if (!module)
            return module.takeError();
          place.module = std::move(*module);
          optimize(*place.module, *place.machine, options.optLevel, budget);
          if (type && !budget.isSpent())
            return print(place, *type, stream);
          llvm::WriteBitcodeToFile(*place.module, stream);
          return llvm::Error::success();
        });
    if (content)
      contents[number] = std::move(*content);
    else
      errors[number] = llvm::toString(content.takeError());
  };

  // Threads of their own even for one part: this thread has to see whether the
  // user wants to stop.
  llvm::ThreadPoolStrategy strategy = llvm::hardware_concurrency(numThreads);
  strategy.ThreadsRequested =
      std::min(strategy.compute_thread_count(), partition.size());
  llvm::DefaultThreadPool pool(strategy);
  // The futures of the pool are deferred: nobody can wait for one for a while.
  std::mutex mutex;
  std::condition_variable finished;
  unsigned numFinished = 0;
  for (unsigned number = 0; number < partition.size(); ++number)
    pool.async([&, number] {
      compile(number);
      std::lock_guard<std::mutex> lock(mutex);
      ++numFinished;
      finished.notify_one();
    });
  std::unique_lock<std::mutex> lock(mutex);
  while (!finished.wait_for(lock, kWaitInterval,
                            [&] { return numFinished == partition.size(); })) {
    lock.unlock();
    budget.check("LLVM");
    lock.lock();
  }
  lock.unlock();
  pool.wait();

  for (std::string &error : errors)
    if (!error.empty())
      return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                     llvm::Twine(error));
  return contents;
}

llvm::Expected<gpt::FileContent>
gpt::joinParts(const Partition &partition, llvm::ArrayRef<FileContent> parts,
               const TargetOptions &options,
               std::optional<llvm::CodeGenFileType> type, Budget &budget) {
  return runWork(
      options, budget,
      [&](Workplace &place, llvm::raw_svector_ostream &stream) -> llvm::Error {
        for (const FileContent &part : parts) {
          auto module = llvm::parseBitcodeFile(
              llvm::MemoryBufferRef(StringRef(part.data(), part.size()),
                                    "gpt-mlir"),
              place.context);
          if (!module)
            return module.takeError();
          if (!place.module)
            place.module = std::move(*module);
          else if (llvm::Linker::linkModules(*place.module, std::move(*module)))
            return makeError("cannot link the parts", place.messages);
        }
        partition.restoreLinkage(*place.module);
        if (type)
          return print(place, *type, stream);
        place.module->print(stream, /*AAW=*/nullptr);
        return llvm::Error::success();
      });
}
