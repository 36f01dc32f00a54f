//===- RuntimeWorkspace.cpp - Memory of intermediates -----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See RuntimeWorkspace.h. Large pieces are aligned to huge pages and the kernel
// is asked for such: fewer faults on the first use, fewer misses of the TLB on
// all others.
//
//===----------------------------------------------------------------------===//

#include "RuntimeWorkspace.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <new>
#include <sys/mman.h>

using namespace gpt::runtime;

static constexpr size_t kLine = 64;
static constexpr size_t kHugePage = size_t(2) << 20;

/// What stands in front of the memory that a call gets.
struct alignas(kLine) WorkspacePool::Piece {
  /// Of the memory behind it.
  size_t bytes;

  void *memory() { return this + 1; }
  static Piece *of(void *memory) { return static_cast<Piece *>(memory) - 1; }

  /// Returns null if there is no memory.
  static Piece *create(size_t bytes) {
    // A prompt that is a little longer than the last one should not need other
    // memory: sizes grow in steps of an eighth.
    size_t step = kLine;
    while (step * 16 < bytes)
      step *= 2;
    bytes = (bytes + step - 1) / step * step;
    size_t total = (bytes + sizeof(Piece) + kLine - 1) / kLine * kLine;
    size_t alignment = total >= kHugePage ? kHugePage : kLine;
    void *memory = nullptr;
    if (posix_memalign(&memory, alignment, total) != 0)
      return nullptr;
    // Those that are used to their end: of the last one, nobody needs the rest.
    if (alignment == kHugePage)
      madvise(memory, total / kHugePage * kHugePage, MADV_HUGEPAGE);
    return new (memory) Piece{bytes};
  }
};

WorkspacePool::~WorkspacePool() {
  for (Piece *piece : idle)
    std::free(piece);
}

void *WorkspacePool::acquire(int64_t bytes) {
  auto needed = static_cast<size_t>(std::max<int64_t>(bytes, 0));
  Piece *replaced = nullptr;
  if (std::unique_lock lock(mutex, std::try_to_lock); lock && !idle.empty()) {
    // By size: the smallest that is large enough, or else the largest, which a
    // larger one then takes the place of.
    auto found = std::lower_bound(
        idle.begin(), idle.end(), needed,
        [](const Piece *piece, size_t size) { return piece->bytes < size; });
    if (found == idle.end())
      --found;
    Piece *piece = *found;
    idle.erase(found);
    if (piece->bytes >= needed)
      return piece->memory();
    replaced = piece;
  }
  std::free(replaced);
  Piece *piece = Piece::create(needed);
  return piece ? piece->memory() : nullptr;
}

void WorkspacePool::release(void *memory) {
  if (!memory)
    return;
  Piece *piece = Piece::of(memory);
  std::unique_lock lock(mutex, std::try_to_lock);
  if (!lock) {
    std::free(piece);
    return;
  }
  auto place = std::lower_bound(idle.begin(), idle.end(), piece,
                                [](const Piece *left, const Piece *right) {
                                  return left->bytes < right->bytes;
                                });
  idle.insert(place, piece);
}

int64_t WorkspacePool::getIdleBytes() const {
  std::unique_lock lock(mutex);
  size_t bytes = 0;
  for (const Piece *piece : idle)
    bytes += piece->bytes;
  return static_cast<int64_t>(bytes);
}

//===----------------------------------------------------------------------===//
// Calls that take memory
//===----------------------------------------------------------------------===//

namespace {
struct Taken {
  WorkspacePool *pool;
  void *memory;
};
} // namespace

/// What calls of this thread have taken and not given back. Its capacity is
/// seen to before a call, since nothing may throw within: what exceeds it, and
/// what other threads take for a call, is not noted.
static thread_local std::vector<Taken> taken;
static constexpr size_t kTakenByCall = 8;

CallFailure gpt::runtime::callInWorkspace(void (*entry)(void **),
                                          void **arguments) {
  const size_t numTaken = taken.size();
  taken.reserve(numTaken + kTakenByCall);
  auto call = [&] { entry(arguments); };
  CallFailure failure = catchFailure(
      [](void *data) { (*static_cast<decltype(call) *>(data))(); }, &call);
  if (failure)
    for (; taken.size() > numTaken; taken.pop_back())
      taken.back().pool->release(taken.back().memory);
  return failure;
}

static void *returnOrLeave(void *memory, int64_t bytes) {
  if (!memory)
    leave({bytes, nullptr});
  return memory;
}

static void *acquire(WorkspacePool *pool, int64_t bytes) {
  void *memory = returnOrLeave(pool->acquire(bytes), bytes);
  if (taken.size() < taken.capacity())
    taken.push_back({pool, memory});
  return memory;
}

static void release(WorkspacePool *pool, void *memory) {
  // The last one but for workspaces of different lifetimes in one function.
  for (size_t i = taken.size(); i-- > 0;) {
    if (taken[i].memory != memory)
      continue;
    taken.erase(taken.begin() + static_cast<ptrdiff_t>(i));
    break;
  }
  pool->release(memory);
}

static void *allocate(WorkspacePool *, int64_t bytes) {
  size_t total = (static_cast<size_t>(bytes) + kLine - 1) / kLine * kLine;
  // Memory for nothing, too, has an address that is not null.
  return returnOrLeave(std::aligned_alloc(kLine, std::max(total, kLine)),
                       bytes);
}

std::shared_ptr<WorkspacePool>
gpt::runtime::connectWorkspaces(WorkspaceRuntime &runtime) {
  static std::mutex mutex;
  static std::map<WorkspaceRuntime *, std::weak_ptr<WorkspacePool>> pools;
  std::lock_guard lock(mutex);
  std::weak_ptr<WorkspacePool> &known = pools[&runtime];
  std::shared_ptr<WorkspacePool> pool = known.lock();
  if (!pool)
    known = pool = std::make_shared<WorkspacePool>();
  runtime = {acquire, release, allocate, pool.get()};
  return pool;
}
