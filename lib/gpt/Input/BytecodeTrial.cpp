//===- BytecodeTrial.cpp - Read bytecode in a process of its own *- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The child is a copy of this process: it reads with the same addresses and
// the same memory, so that what it survives is survived here, too.
//
//===----------------------------------------------------------------------===//

#include "gpt/Input/BytecodeTrial.h"

#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/IR/Block.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;

/// How much longer than on a processor reading may take by the clock: others
/// use the machine, too.
static constexpr uint64_t kClockFactor = 100;

/// Returns the address space of this process in bytes, 0 if it is not known.
static uint64_t getAddressSpace() {
  unsigned long pages = 0;
  if (std::FILE *file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%lu", &pages) != 1)
      pages = 0;
    std::fclose(file);
  }
  return uint64_t(pages) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

static uint64_t getMilliseconds(uint64_t fileSize,
                                const gpt::BytecodeTrialLimits &limits) {
  return limits.milliseconds + (limits.millisecondsPerMiB * fileSize >> 20);
}

static void startTimer(__itimer_which timer, uint64_t milliseconds) {
  itimerval value = {};
  value.it_value.tv_sec = static_cast<time_t>(milliseconds / 1000);
  value.it_value.tv_usec = static_cast<suseconds_t>(milliseconds % 1000 * 1000);
  ::setitimer(timer, &value, nullptr);
}

/// Ends this process after so much time on a processor, or much more by the
/// clock: a reader that has damaged its own memory may wait for a lock that
/// nobody holds. Limits of resources know whole seconds of the former only.
static void limitTime(uint64_t milliseconds) {
  std::signal(SIGPROF, SIG_DFL);
  std::signal(SIGALRM, SIG_DFL);
  startTimer(ITIMER_PROF, milliseconds);
  startTimer(ITIMER_REAL, kClockFactor * milliseconds);
}

static void limitResource(int resource, uint64_t amount) {
  rlimit limit;
  if (::getrlimit(resource, &limit) != 0)
    return;
  limit.rlim_cur = std::min<rlim_t>(amount, limit.rlim_max);
  ::setrlimit(resource, &limit);
}

/// Makes this process one that may die without a word.
static void becomeExpendable(uint64_t fileSize,
                             const gpt::BytecodeTrialLimits &limits) {
  for (int signal : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP})
    std::signal(signal, SIG_DFL);
  int null = ::open("/dev/null", O_WRONLY);
  ::dup2(null, STDOUT_FILENO);
  ::dup2(null, STDERR_FILENO);
  limitResource(RLIMIT_CORE, 0);
  limitTime(getMilliseconds(fileSize, limits));
  if (uint64_t used = getAddressSpace())
    limitResource(RLIMIT_AS,
                  used + limits.memory + limits.memoryPerByte * fileSize);
}

[[noreturn]] static void readAndExit(llvm::MemoryBufferRef buffer,
                                     const DialectRegistry &registry,
                                     const gpt::BytecodeTrialLimits &limits) {
  becomeExpendable(buffer.getBufferSize(), limits);
  {
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    // Ops of unknown dialects are refused later, if at all.
    context.allowUnregisteredDialects();
    ScopedDiagnosticHandler silence(&context, [](Diagnostic &) {});
    Block block;
    (void)readBytecodeFile(buffer, &block, ParserConfig(&context));
  }
  ::_exit(0);
}

llvm::Error gpt::tryBytecode(llvm::MemoryBufferRef buffer,
                             const DialectRegistry &registry,
                             const BytecodeTrialLimits &limits) {
  pid_t child = ::fork();
  if (child < 0)
    return llvm::createStringError(
        std::error_code(errno, std::generic_category()),
        "cannot start a process that reads bytecode");
  if (child == 0)
    readAndExit(buffer, registry, limits);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return llvm::Error::success();
  if (WIFSIGNALED(status) &&
      (WTERMSIG(status) == SIGPROF || WTERMSIG(status) == SIGALRM))
    return llvm::createStringError(
        "damaged bytecode: reading it takes more than %.1f s",
        double(getMilliseconds(buffer.getBufferSize(), limits)) / 1000);
  return llvm::createStringError(
      "damaged bytecode: reading it ends in a crash (%s)",
      WIFSIGNALED(status) ? ::strsignal(WTERMSIG(status)) : "exit");
}
