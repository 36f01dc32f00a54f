//===- RuntimeWorkspace.h - Memory of intermediates -------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A call of compiled code needs one piece of memory for all its intermediates
// (pass gpt-plan-memory). A library keeps it from call to call: the next one
// finds its pages present and, with luck, in the cache.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PYTHON_EXTENSION_RUNTIMEWORKSPACE_H
#define GPT_PYTHON_EXTENSION_RUNTIMEWORKSPACE_H

#include "RuntimeFailure.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace gpt::runtime {

/// Memory that calls of one library take and give back. Calls may run at the
/// same time: each takes a piece of its own. There are never more pieces than
/// calls have run at once.
class WorkspacePool {
public:
  WorkspacePool() = default;
  ~WorkspacePool();
  WorkspacePool(const WorkspacePool &) = delete;
  WorkspacePool &operator=(const WorkspacePool &) = delete;

  /// Returns memory of at least so many bytes, aligned to 64 bytes; null if
  /// there is none.
  void *acquire(int64_t bytes);
  /// Takes back what `acquire` returned.
  void release(void *memory);

  /// Returns how many bytes no call is using at the moment.
  int64_t getIdleBytes() const;

private:
  struct Piece;

  /// Never waited for: who does not get it does without the pool, so that calls
  /// do not hold each other up and a fork cannot leave it locked for good.
  mutable std::mutex mutex;
  std::vector<Piece *> idle;
};

/// The struct that compiled code exports (pass gpt-lower-workspaces).
struct WorkspaceRuntime {
  void *(*acquire)(WorkspacePool *pool, int64_t bytes);
  void (*release)(WorkspacePool *pool, void *memory);
  /// Memory that `std::free` gives back.
  void *(*allocate)(WorkspacePool *pool, int64_t bytes);
  WorkspacePool *pool;
};

/// Calls compiled code; returns why it was left, if it was. What it took from
/// the pool goes back then; results that it had allocated by then are lost.
CallFailure callInWorkspace(void (*entry)(void **), void **arguments);

/// Fills that struct with a pool that lives as long as the result. A library
/// that is loaded twice has one struct, and its users share one pool.
std::shared_ptr<WorkspacePool> connectWorkspaces(WorkspaceRuntime &runtime);

} // namespace gpt::runtime

#endif // GPT_PYTHON_EXTENSION_RUNTIMEWORKSPACE_H
