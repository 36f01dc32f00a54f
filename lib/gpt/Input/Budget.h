//===- Budget.h - Time and memory of one compilation ------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Valid input can take any time to compile. A budget says when to give up;
// what runs asks it often and leaves off once it is spent. The same mechanism
// serves a user who wants the program to stop.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_INPUT_BUDGET_H
#define GPT_INPUT_BUDGET_H

#include "llvm/ADT/Twine.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace mlir {
class MLIRContext;
} // namespace mlir

namespace mlir::gpt {

/// What one compilation may take. All members can be called from any thread.
class Budget {
public:
  struct Limits {
    /// From the construction of the budget on.
    std::optional<double> seconds;
    /// By which memory of the process that no file backs may grow.
    std::optional<uint64_t> bytes;
  };

  /// `isInterrupted`, if given, is asked several times a second on the thread
  /// that constructs the budget.
  explicit Budget(Limits limits = {},
                  std::function<bool()> isInterrupted = nullptr);

  /// Whether to leave off, found out now; `place` is where, for the message.
  bool check(const llvm::Twine &place);

  /// Whether `check` has returned true to anybody.
  bool isSpent() const { return spent.load(std::memory_order_acquire); }

  /// The limit that was exceeded and where; empty if there is none, or the user
  /// has interrupted.
  std::string getReason() const;

private:
  using Clock = std::chrono::steady_clock;

  void spend(std::string why, const llvm::Twine &place);

  const Limits limits;
  const std::function<bool()> isInterrupted;
  const std::thread::id owner = std::this_thread::get_id();
  const Clock::time_point begin = Clock::now();
  const uint64_t initialBytes;
  /// When the owner was asked last; used by that thread only.
  Clock::time_point lastAsked = begin;
  /// Milliseconds from `begin` to the last look at the memory.
  std::atomic<int64_t> lastMeasured = 0;
  std::atomic<bool> spent = false;
  mutable std::mutex mutex;
  std::string reason;
};

/// While it lives, passes and patterns that run in a context check a budget.
/// Once that is spent no more of them run: a pipeline ends soon, as if it had
/// succeeded, and what it worked on is of no use. A context that has a handler
/// of actions keeps it, and nothing is checked.
class BudgetScope {
public:
  /// Like a scope that ends with the context, which must go before the budget.
  static void open(MLIRContext &context, Budget &budget);

  BudgetScope(MLIRContext &context, Budget &budget);
  ~BudgetScope();
  BudgetScope(const BudgetScope &) = delete;
  BudgetScope &operator=(const BudgetScope &) = delete;

private:
  /// Null if the context has a handler of its own.
  MLIRContext *context = nullptr;
};

} // namespace mlir::gpt

#endif // GPT_INPUT_BUDGET_H
