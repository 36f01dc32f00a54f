//===- Budget.cpp - Time and memory of one compilation ----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR runs passes, iterations of the greedy driver and each pattern as
// actions, which a handler may leave out. It is asked on every thread that
// passes run on.
//
//===----------------------------------------------------------------------===//

#include "gpt/Input/Budget.h"

#include "mlir/IR/Action.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatAdapters.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"

#include <fcntl.h>
#include <unistd.h>

using namespace mlir;
using llvm::StringRef;

/// How long a budget goes by without asking the user, who may have to wait for
/// a lock, and the kernel.
static constexpr std::chrono::milliseconds kInterval(50);

/// Memory of this process that is in use and no part of a file, or 0 where the
/// kernel does not say so: weights are mapped, and their pages come and go.
static uint64_t measureMemory() {
  int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return 0;
  char buffer[128];
  ssize_t size = read(file, buffer, sizeof(buffer));
  close(file);
  llvm::SmallVector<StringRef> fields;
  StringRef(buffer, std::max<ssize_t>(size, 0)).split(fields, ' ');
  uint64_t resident = 0, shared = 0;
  if (fields.size() < 3 || fields[1].getAsInteger(10, resident) ||
      fields[2].getAsInteger(10, shared))
    return 0;
  return (resident - std::min(shared, resident)) *
         llvm::sys::Process::getPageSizeEstimate();
}

gpt::Budget::Budget(Limits limits, std::function<bool()> isInterrupted)
    : limits(limits), isInterrupted(std::move(isInterrupted)),
      initialBytes(limits.bytes ? measureMemory() : 0) {}

bool gpt::Budget::check(const llvm::Twine &place) {
  if (isSpent())
    return true;
  Clock::time_point now = Clock::now();
  if (isInterrupted && std::this_thread::get_id() == owner &&
      now - lastAsked > kInterval) {
    lastAsked = now;
    if (isInterrupted())
      spend("", place);
  }
  std::chrono::duration<double> passed = now - begin;
  if (limits.seconds && passed.count() > *limits.seconds)
    spend(llvm::formatv("takes longer than time_limit={0} seconds",
                        llvm::format("%g", *limits.seconds)),
          place);
  if (limits.bytes) {
    auto milliseconds =
        std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
    int64_t last = lastMeasured;
    // One thread at a time looks.
    if (milliseconds - last >= kInterval.count() &&
        lastMeasured.compare_exchange_strong(last, milliseconds)) {
      uint64_t bytes = measureMemory();
      if (bytes > initialBytes && bytes - initialBytes > *limits.bytes)
        spend(llvm::formatv("takes more memory than memory_limit={0} bytes",
                            *limits.bytes),
              place);
    }
  }
  return isSpent();
}

void gpt::Budget::spend(std::string why, const llvm::Twine &place) {
  std::lock_guard<std::mutex> lock(mutex);
  if (isSpent())
    return;
  if (!why.empty())
    reason = "compilation " + why + ", found in " + place.str() +
             "; raise the limit if the input is meant to be so large";
  spent.store(true, std::memory_order_release);
}

std::string gpt::Budget::getReason() const {
  std::lock_guard<std::mutex> lock(mutex);
  return reason;
}

/// The passes that run on this thread, the innermost one last, without those
/// that only run others.
static thread_local llvm::SmallVector<StringRef> runningPasses;

gpt::BudgetScope::BudgetScope(MLIRContext &context, Budget &budget) {
  if (context.hasActionHandler())
    return;
  this->context = &context;
  open(context, budget);
}

void gpt::BudgetScope::open(MLIRContext &context, Budget &budget) {
  if (context.hasActionHandler())
    return;
  context.registerActionHandler([&budget](llvm::function_ref<void()> transform,
                                          const tracing::Action &action) {
    auto *execution = llvm::dyn_cast<PassExecutionAction>(&action);
    StringRef pass =
        execution ? execution->getPass().getArgument() : StringRef();
    if (!pass.empty())
      runningPasses.push_back(pass);
    llvm::scope_exit leave([&] {
      if (!pass.empty())
        runningPasses.pop_back();
    });
    bool isSpent = runningPasses.empty()
                       ? budget.check("the pipeline")
                       : budget.check("pass '" + runningPasses.back() + "'");
    if (!isSpent)
      transform();
  });
}

gpt::BudgetScope::~BudgetScope() {
  if (context)
    context->registerActionHandler(nullptr);
}
