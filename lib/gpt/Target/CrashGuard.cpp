//===- CrashGuard.cpp - Turn LLVM's fatal errors into errors ----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Crash recovery works through signal handlers and a fatal error handler, both
// process-wide. They are installed while at least one guarded body runs and
// taken out afterwards, so that an embedding process keeps its own handlers
// (Python's faulthandler, for one) at all other times.
//
//===----------------------------------------------------------------------===//

#include "gpt/Target/CrashGuard.h"

#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"

#include <mutex>
#include <string>

using namespace mlir;

namespace {

/// The text of the fatal error that ended this thread's guarded body.
thread_local std::string fatalMessage;

[[noreturn]] void leaveGuardedBody(void *, const char *reason, bool) {
  fatalMessage = reason ? reason : "";
  if (llvm::CrashRecoveryContext *context =
          llvm::CrashRecoveryContext::GetCurrent())
    context->HandleExit(/*RetCode=*/1);
  // A thread that nobody guards: what LLVM would have done without us.
  llvm::errs() << "LLVM ERROR: " << fatalMessage << "\n";
  abort();
}

/// Keeps the process-wide handlers installed while any instance lives.
class HandlerScope {
public:
  HandlerScope() {
    std::lock_guard<std::mutex> lock(mutex);
    if (users++ == 0) {
      llvm::CrashRecoveryContext::Enable();
      llvm::install_fatal_error_handler(leaveGuardedBody);
    }
  }
  ~HandlerScope() {
    std::lock_guard<std::mutex> lock(mutex);
    if (--users == 0) {
      llvm::remove_fatal_error_handler();
      llvm::CrashRecoveryContext::Disable();
    }
  }
  HandlerScope(const HandlerScope &) = delete;
  HandlerScope &operator=(const HandlerScope &) = delete;

private:
  static std::mutex mutex;
  static unsigned users;
};

std::mutex HandlerScope::mutex;
unsigned HandlerScope::users = 0;

} // namespace

llvm::Error gpt::runGuarded(llvm::StringRef what,
                            llvm::function_ref<void()> body) {
  HandlerScope handlers;
  fatalMessage.clear();
  llvm::CrashRecoveryContext context;
  if (context.RunSafely(body))
    return llvm::Error::success();
  std::string reason =
      fatalMessage.empty()
          ? "stopped with code " + std::to_string(context.RetCode)
          : fatalMessage;
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s: %s",
                                 what.str().c_str(), reason.c_str());
}
