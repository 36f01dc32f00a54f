//===- RuntimeTeam.h - Threads that run compiled code -----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One team of threads per process, shared by all compiled libraries. Compiled
// code hands it a range of iterations (pass gpt-lower-parallel-calls describes
// the call); the calling thread works too, and returns when all is done.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PYTHON_EXTENSION_RUNTIMETEAM_H
#define GPT_PYTHON_EXTENSION_RUNTIMETEAM_H

#include <cstdint>

namespace gpt::runtime {

/// The most threads a team can have.
inline constexpr int kMaxThreads = 256;

/// Compiled code that runs the iterations from `begin` to `end`.
using Task = void (*)(void *context, int64_t begin, int64_t end);

/// Runs `task` for ranges that together cover 0 to `count`. `work` is that of
/// all iterations in multiply-adds: each thread is given enough to pay for
/// waking it. What one iteration computes does not depend on how they are
/// distributed. Called while the team is busy, by another thread or from a
/// task, runs everything on the calling thread. May be called from any thread
/// and after a fork.
void parallelFor(Task task, void *context, int64_t count, int64_t work);

/// Sets how many threads calls use unless told otherwise; 0 for as many as this
/// process has processors.
void setNumThreads(int count);

/// Returns how many threads a call from this thread would use.
int getNumThreads();

/// Sets how many microseconds a thread without work looks out for more, before
/// it sleeps.
void setSpinTime(int microseconds);

/// Says how many threads calls from the current thread use, as long as it
/// lives; 0 changes nothing.
class NumThreadsScope {
public:
  explicit NumThreadsScope(int count);
  ~NumThreadsScope();
  NumThreadsScope(const NumThreadsScope &) = delete;
  NumThreadsScope &operator=(const NumThreadsScope &) = delete;

private:
  int previous;
};

} // namespace gpt::runtime

#endif // GPT_PYTHON_EXTENSION_RUNTIMETEAM_H
