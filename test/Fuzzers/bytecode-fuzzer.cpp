//===- bytecode-fuzzer.cpp - Damaged bytecode through gpt-opt ---*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gpt-opt reads bytecode in a child first, which takes ten times as long as the
// reading. Here a worker reads a block of files, as that child would: a file
// that it reads or refuses, with the limits of time and memory of the child,
// the child reads or refuses as well, and so does gpt-opt. Where the worker
// dies, the file is tried alone and all the way that gpt-opt goes, and so is
// one file of some hundred where it does not.
//
// usage: gpt-bytecode-fuzzer [-runs=N] [-first=N] [-seed=N] [-keep=FOLDER]
// CORPUS
//        gpt-bytecode-fuzzer -print=N [-seed=N] CORPUS > FILE
//
//===----------------------------------------------------------------------===//

#include "BytecodeMutator.h"
#include "ModuleInput.h"

#include "gpt/Input/BytecodeTrial.h"
#include "gpt/Input/GuardedInput.h"

#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;
using llvm::cl::desc;
using llvm::cl::init;

/// Files of one worker, and how many of them warm it up before the growth of
/// its memory is looked at.
static constexpr uint64_t kBlock = 5000;
static constexpr uint64_t kWarmUp = 1000;
/// One of so many files is tried alone although the worker survived it.
static constexpr uint64_t kSample = 200;
/// Growth of a worker's memory that counts as a failure, in KiB.
static constexpr int64_t kGrowth = 64 << 10;
/// Processor time of passes over a module that was accepted, in seconds.
static constexpr uint64_t kPassSeconds = 60;

namespace {
/// What a worker tells while it works: it may die at any time.
struct Progress {
  uint64_t number;
  uint64_t accepted;
  int64_t growth;
};

struct Counts {
  uint64_t accepted = 0, crashes = 0, hangs = 0, alone = 0, failures = 0;
  int64_t growth = 0;
};

/// How a file that was tried alone ended.
enum class Ending { refused, read, failed };
} // namespace

/// Returns the second number of /proc/self/statm (resident pages) or the first
/// (address space), in KiB.
static int64_t readMemory(bool resident) {
  long pages[2] = {0, 0};
  if (std::FILE *file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &pages[0], &pages[1]) != 2)
      pages[0] = pages[1] = 0;
    std::fclose(file);
  }
  return pages[resident] * (::sysconf(_SC_PAGESIZE) / 1024);
}

/// Ends this process after so much more processor time, or much more by the
/// clock: it may also wait for ever.
static void allow(double seconds) {
  itimerval timer = {};
  timer.it_value.tv_sec = static_cast<time_t>(seconds);
  timer.it_value.tv_usec =
      static_cast<suseconds_t>((seconds - double(timer.it_value.tv_sec)) * 1e6);
  ::setitimer(ITIMER_PROF, &timer, nullptr);
  ::alarm(30 + 10 * static_cast<unsigned>(seconds));
}

static void becomeExpendable() {
  for (int signal :
       {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGPROF, SIGSEGV, SIGTRAP, SIGALRM})
    std::signal(signal, SIG_DFL);
  rlimit none = {0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  int null = ::open("/dev/null", O_WRONLY);
  ::dup2(null, STDERR_FILENO);
}

/// Reads the files from `first` to before `end`, and runs passes over what is
/// accepted.
[[noreturn]] static void work(const gpt::fuzz::BytecodeMutator &mutator,
                              uint64_t first, uint64_t end,
                              Progress &progress) {
  becomeExpendable();
  gpt::BytecodeTrialLimits limits;
  rlimit space;
  ::getrlimit(RLIMIT_AS, &space);
  space.rlim_cur = uint64_t(readMemory(false)) * 1024 + limits.memory;
  ::setrlimit(RLIMIT_AS, &space);
  gpt::fuzz::ContextSource contexts;
  int64_t before = 0;
  for (uint64_t number = first; number < end; ++number) {
    progress.number = number;
    if (number == first + kWarmUp)
      before = readMemory(true);
    std::string input = mutator.make(number);
    // A third of what the child has: what takes longer is tried alone.
    allow(double(limits.milliseconds) / 3e3);
    OwningOpRef<ModuleOp> module = gpt::fuzz::read(input, contexts.next());
    if (!module)
      continue;
    ++progress.accepted;
    allow(kPassSeconds);
    gpt::fuzz::runPasses(input, *module);
  }
  if (before > 0)
    progress.growth = readMemory(true) - before;
  ::_exit(0);
}

/// Goes the way of gpt-opt, in a process of its own.
static Ending tryAlone(StringRef input) {
  pid_t child = ::fork();
  if (child == 0) {
    becomeExpendable();
    llvm::MemoryBufferRef buffer(input, "input");
    if (llvm::Error error = gpt::checkInput(buffer, gpt::fuzz::getRegistry())) {
      llvm::consumeError(std::move(error));
      ::_exit(int(Ending::refused));
    }
    gpt::BytecodeTrialLimits limits;
    allow(2 * double(limits.milliseconds) / 1e3);
    gpt::fuzz::ContextSource contexts;
    if (OwningOpRef<ModuleOp> module =
            gpt::fuzz::read(input, contexts.next())) {
      allow(kPassSeconds);
      gpt::fuzz::runPasses(input, *module);
    }
    ::_exit(int(Ending::read));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  if (!WIFEXITED(status) || WEXITSTATUS(status) > int(Ending::read))
    return Ending::failed;
  return Ending(WEXITSTATUS(status));
}

/// Keeps a file that ended gpt-opt.
static void keep(StringRef folder, uint64_t number, StringRef input) {
  std::string path = (folder + "/" + Twine(number) + ".mlirbc").str();
  std::error_code error = llvm::sys::fs::create_directories(folder);
  llvm::raw_fd_ostream file(path, error);
  file << input;
  llvm::outs() << "failure kept as " << path << "\n";
  llvm::outs().flush();
}

static void runBlock(const gpt::fuzz::BytecodeMutator &mutator, uint64_t first,
                     uint64_t end, Progress &progress, StringRef folder,
                     Counts &counts) {
  auto alone = [&](uint64_t number) {
    std::string input = mutator.make(number);
    ++counts.alone;
    if (tryAlone(input) != Ending::failed)
      return;
    ++counts.failures;
    keep(folder, number, input);
  };
  for (uint64_t number = first; number < end; number += kSample)
    alone(number);
  while (first < end) {
    progress = {first, 0, 0};
    pid_t child = ::fork();
    if (child == 0)
      work(mutator, first, end, progress);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
      ;
    counts.accepted += progress.accepted;
    counts.growth = std::max(counts.growth, progress.growth);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
      break;
    bool hung = WIFSIGNALED(status) &&
                (WTERMSIG(status) == SIGPROF || WTERMSIG(status) == SIGALRM);
    ++(hung ? counts.hangs : counts.crashes);
    if (hung && counts.hangs == 1)
      llvm::outs() << "the first that keeps it busy: " << progress.number
                   << "\n";
    alone(progress.number);
    first = progress.number + 1;
  }
  counts.failures += progress.growth > kGrowth;
}

static std::vector<std::string> readCorpus(StringRef folder) {
  std::vector<std::string> paths, files;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(folder, error), end;
       it != end && !error; it.increment(error))
    paths.push_back(it->path());
  llvm::sort(paths); // The order of a folder is that of the file system.
  for (const std::string &path : paths) {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    if (buffer && isBytecode(**buffer))
      files.push_back((*buffer)->getBuffer().str());
  }
  return files;
}

int main(int argc, char **argv) {
  static llvm::cl::opt<uint64_t> runs("runs", init(1000000),
                                      desc("Files to read"));
  static llvm::cl::opt<uint64_t> seed("seed", init(1), desc("Of all files"));
  static llvm::cl::opt<uint64_t> firstRun("first", init(0),
                                          desc("Number of the first file"));
  static llvm::cl::opt<int64_t> print(
      "print", init(-1), desc("Only write the file of this number"));
  static llvm::cl::opt<std::string> folder("keep", init("failures"),
                                           desc("Folder for what fails"));
  static llvm::cl::opt<std::string> corpus(llvm::cl::Positional,
                                           llvm::cl::Required, desc("corpus"));
  llvm::cl::ParseCommandLineOptions(argc, argv, "Read damaged bytecode.\n");
  std::vector<std::string> files = readCorpus(corpus);
  if (files.empty()) {
    llvm::errs() << corpus << ": expected files of bytecode\n";
    return 1;
  }
  gpt::fuzz::getRegistry();
  gpt::fuzz::BytecodeMutator mutator(std::move(files), seed);
  if (print >= 0) {
    llvm::outs() << mutator.make(print);
    return 0;
  }
  void *shared = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    return 1;
  auto began = std::chrono::steady_clock::now();
  int64_t before = readMemory(true);
  Counts counts;
  uint64_t end = firstRun + runs;
  auto report = [&](uint64_t done) {
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::steady_clock::now() - began);
    llvm::outs() << "seed " << seed << ": " << done - firstRun << " files, "
                 << counts.accepted << " accepted, " << counts.crashes
                 << " that crash MLIR's reader, " << counts.hangs
                 << " that keep it busy, " << counts.alone << " tried alone, "
                 << counts.failures << " failures, memory grew by "
                 << counts.growth / 1024 << " MiB at most in a worker and by "
                 << (readMemory(true) - before) / 1024 << " MiB here, "
                 << seconds.count() << " s\n";
    llvm::outs().flush();
  };
  for (uint64_t first = firstRun; first < end; first += kBlock) {
    runBlock(mutator, first, std::min(end, first + kBlock),
             *static_cast<Progress *>(shared), folder, counts);
    if (first / kBlock % 10 == 9)
      report(std::min(end, first + kBlock));
  }
  report(end);
  return counts.failures > 0;
}
