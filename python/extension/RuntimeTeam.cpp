//===- RuntimeTeam.cpp - Threads that run compiled code ---------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A step of generation takes dozens of parallel regions of some microseconds,
// so the team is woken once per step: workers wait for the next region
// spinning, and sleep only when none came for longer than a step is apart from
// the next. Waking a sleeper takes tens of microseconds; nobody waits for that:
// a thread that has finished its own part takes pieces of the parts of others,
// and one that comes too late finds nothing left.
//
// Each thread has a slot with one word to claim pieces of its part from: the
// number of the region and how many pieces are left. Publishing a region is a
// store to that word, taking a piece a compare-and-swap on it. A successful
// swap proves that the region is not finished, and hence that the description
// read after it is the right one. No lock is ever waited for.
//
//===----------------------------------------------------------------------===//

#include "RuntimeTeam.h"
#include "RuntimeFailure.h"
#include "RuntimeProcessors.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#else
#include <cfenv>
#endif

using namespace gpt::runtime;

namespace {

/// Least work that is handed to a thread, several times what that costs (below
/// 1 us): a part of a region, and the smallest pieces of a part.
constexpr int64_t kLeastWork = 1 << 15;
/// Bits of a claim word for the pieces that are left.
constexpr unsigned kPieceBits = 8;
constexpr uint64_t kPieceMask = (1 << kPieceBits) - 1;
/// Looks between two readings of the clock.
constexpr int kLooksPerReading = 64;
/// Longer than it takes to choose a token and to call again.
constexpr int kDefaultSpinMicroseconds = 200;

//===----------------------------------------------------------------------===//
// The processor
//===----------------------------------------------------------------------===//

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Rounding and handling of subnormal numbers. Workers take over that of the
/// caller, else results would depend on who computes them.
struct FloatingPointMode {
#if defined(__x86_64__)
  unsigned mode = 0;
  void read() { mode = _mm_getcsr(); }
  void apply() const { _mm_setcsr(mode); }
#else
  std::fenv_t mode;
  void read() { std::fegetenv(&mode); }
  void apply() const { std::fesetenv(&mode); }
#endif
};

/// Returns how often a number can be halved, rounding down, before it is 1.
int floorLog2(int64_t value) {
  return value <= 1 ? 0 : 63 - __builtin_clzll(static_cast<uint64_t>(value));
}

void futexWait(std::atomic<uint32_t> &word, uint32_t expected) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futexWake(std::atomic<uint32_t> &word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

/// Waits for something to happen, by spinning for a while.
class Spin {
public:
  explicit Spin(int microseconds) : limit(microseconds) {}

  /// Lets some time pass. Returns false when spinning has taken long enough.
  bool wait() {
    pause();
    if (++looks % kLooksPerReading != 0)
      return true;
    auto now = std::chrono::steady_clock::now();
    if (looks == kLooksPerReading)
      start = now;
    return now - start < limit;
  }

private:
  std::chrono::microseconds limit;
  std::chrono::steady_clock::time_point start;
  unsigned looks = 0;
};

//===----------------------------------------------------------------------===//
// The team
//===----------------------------------------------------------------------===//

/// The iterations that one thread has of a region. Each of its pieces is half
/// of what the pieces before it leave, but the last one, which is all of it:
/// large ones as long as there is much to do, small ones when others are done.
struct Part {
  Task task;
  void *context;
  int64_t begin, size;
  int numPieces;
  FloatingPointMode mode;

  void run(int piece) const {
    int64_t first = size - (size >> piece);
    int64_t last = piece + 1 == numPieces ? size : size - (size >> (piece + 1));
    task(context, begin + first, begin + last);
  }
};

/// What one thread shares with the others. Aligned to pairs of cache lines,
/// which is what processors fetch.
struct alignas(128) Slot {
  /// region << kPieceBits | pieces left.
  std::atomic<uint64_t> claim{0};
  /// What there are pieces of: beside the claim, where fetching one fetches
  /// both.
  Part part;
  /// Pieces that the thread has executed so far, on a line of its own.
  alignas(128) std::atomic<uint64_t> done{0};
  /// 1 while the thread sleeps or is about to.
  std::atomic<uint32_t> asleep{0};
};

/// All of it is constant-initialised and never destroyed: workers outlive the
/// end of main.
struct Team {
  /// True while a thread runs a region, or changes the team.
  std::atomic<bool> busy{false};
  Slot slots[kMaxThreads];
  /// The number of the current region.
  uint64_t number = 0;
  /// Pieces of all regions so far.
  uint64_t numPieces = 0;
  /// Threads that there are, with the one that calls.
  int size = 1;
  /// Threads that have a part of the current region.
  std::atomic<int> numParts{1};
  bool isForkHandled = false;
  /// Whether a piece of the current region was left, and why the first was.
  std::atomic<bool> hasFailed{false};
  CallFailure failure;

  std::atomic<int> numThreads{0};
  std::atomic<int> numProcessors{0};
  std::atomic<int> spinMicroseconds{kDefaultSpinMicroseconds};

  void grow(int newSize);
  void publish(Task task, void *context, int64_t count, int64_t work);
  void work(int own, int part, uint64_t region);
  void steal(int own, uint64_t region);
  bool isDone() const;
  void join();
  int getProcessors();
  /// Zero if more threads work than there are processors: then spinning keeps
  /// those waiting that have work.
  int getSpinTime() {
    return numParts > getProcessors() ? 0 : spinMicroseconds.load();
  }
};

Team team;
thread_local int requestedThreads = 0;

/// After a fork, the child has the calling thread only.
void resetAfterFork() {
  for (Slot &slot : team.slots) {
    slot.done.store(0);
    slot.asleep.store(0);
  }
  team.numPieces = 0;
  team.size = 1;
  team.numProcessors.store(0);
  team.hasFailed.store(false);
  team.busy.store(false);
}

int Team::getProcessors() {
  int count = numProcessors.load(std::memory_order_relaxed);
  if (count == 0) {
    count = std::min(countUsableProcessors(), kMaxThreads);
    numProcessors.store(count, std::memory_order_relaxed);
  }
  return count;
}

/// Takes a piece of region `number`; returns how many were left with it, or 0
/// if there is none.
int takePiece(Slot &slot, uint64_t number) {
  uint64_t claim = slot.claim.load(std::memory_order_acquire);
  while (claim >> kPieceBits == number && (claim & kPieceMask) != 0)
    if (slot.claim.compare_exchange_weak(claim, claim - 1,
                                         std::memory_order_acq_rel,
                                         std::memory_order_acquire))
      return static_cast<int>(claim & kPieceMask);
  return 0;
}

/// Thread `own` runs what is left of a part of a region.
void Team::work(int own, int part, uint64_t region) {
  std::atomic<uint64_t> &done = slots[own].done;
  while (int left = takePiece(slots[part], region)) {
    const Part &taken = slots[part].part;
    if (own != 0)
      taken.mode.apply();
    auto run = [&] { taken.run(taken.numPieces - left); };
    // Not to be left before all others are done: they use the caller's stack.
    if (CallFailure reason = catchFailure(
            [](void *data) { (*static_cast<decltype(run) *>(data))(); }, &run);
        reason && !hasFailed.exchange(true, std::memory_order_relaxed))
      failure = reason;
    done.store(done.load(std::memory_order_relaxed) + 1,
               std::memory_order_release);
  }
}

/// Thread `own` runs what is left of the parts of others. Parts that are
/// published later, or are those of the next region, are left alone.
void Team::steal(int own, uint64_t region) {
  int count = numParts.load(std::memory_order_relaxed);
  for (int i = 1; i < count; ++i)
    work(own, (own + i) % count, region);
}

/// Waits until the slot's region is another than `last`; returns its number.
uint64_t awaitRegion(Slot &slot, uint64_t last) {
  auto getRegion = [&](std::memory_order order) {
    return slot.claim.load(order) >> kPieceBits;
  };
  while (true) {
    Spin spin(team.getSpinTime());
    do {
      uint64_t region = getRegion(std::memory_order_acquire);
      if (region != last)
        return region;
    } while (spin.wait());
    slot.asleep.store(1, std::memory_order_seq_cst);
    if (getRegion(std::memory_order_seq_cst) == last)
      futexWait(slot.asleep, 1);
    slot.asleep.store(0, std::memory_order_relaxed);
  }
}

void *runWorker(void *slotPointer) {
  Slot &slot = *static_cast<Slot *>(slotPointer);
  int own = static_cast<int>(&slot - team.slots);
  uint64_t last = 0;
  while (true) {
    last = awaitRegion(slot, last);
    team.work(own, own, last);
    team.steal(own, last);
  }
  return nullptr;
}

/// Starts workers until the team has `newSize` threads, or no more can be had.
void Team::grow(int newSize) {
  if (!isForkHandled)
    isForkHandled = pthread_atfork(nullptr, nullptr, resetAfterFork) == 0;
  // Signals are for the threads of the program, but for the one that a file
  // raises in whoever reads it (RuntimeMapping.cpp).
  sigset_t all, previous;
  sigfillset(&all);
  sigdelset(&all, SIGBUS);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  for (; size < newSize; ++size) {
    slots[size].claim.store(0, std::memory_order_relaxed);
    pthread_t thread;
    if (pthread_create(&thread, nullptr, runWorker, &slots[size]) != 0)
      break;
    pthread_setname_np(thread, "gpt-mlir");
    pthread_detach(thread);
  }
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

/// Makes a region visible to the threads that have a part, and wakes those that
/// sleep.
void Team::publish(Task task, void *context, int64_t count, int64_t work) {
  ++number;
  int64_t parts = numParts.load(std::memory_order_relaxed);
  int numHalves = floorLog2(work / parts / kLeastWork);
  FloatingPointMode mode;
  mode.read();
  for (int64_t i = 0, begin = 0; i < parts; ++i) {
    auto end =
        static_cast<int64_t>(static_cast<__int128>(count) * (i + 1) / parts);
    int64_t size = end - begin;
    int pieces = 1 + std::min(numHalves, floorLog2(size));
    slots[i].part = {task, context, begin, size, pieces, mode};
    slots[i].claim.store(number << kPieceBits | static_cast<uint64_t>(pieces),
                         std::memory_order_release);
    numPieces += static_cast<uint64_t>(pieces);
    begin = end;
  }
  // Either a thread that is going to sleep sees its claim, or this thread sees
  // that it sleeps.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (int64_t i = 1; i < parts; ++i)
    if (slots[i].asleep.load(std::memory_order_relaxed) &&
        slots[i].asleep.exchange(0))
      futexWake(slots[i].asleep);
}

/// Whether all pieces are done.
bool Team::isDone() const {
  uint64_t sum = 0;
  for (int i = 0; i < size; ++i)
    sum += slots[i].done.load(std::memory_order_acquire);
  return sum == numPieces;
}

/// Waits until all pieces are done.
void Team::join() {
  Spin spin(getSpinTime());
  while (!isDone())
    if (!spin.wait())
      sched_yield();
}

} // namespace

//===----------------------------------------------------------------------===//
// Interface
//===----------------------------------------------------------------------===//

void gpt::runtime::parallelFor(Task task, void *context, int64_t count,
                               int64_t work) {
  int64_t wanted = std::min<int64_t>(std::min<int64_t>(count, getNumThreads()),
                                     work / kLeastWork);
  if (wanted < 2 || team.busy.exchange(true, std::memory_order_acquire))
    return task(context, 0, count);

  if (wanted > team.size)
    team.grow(static_cast<int>(wanted));
  int parts = std::min(static_cast<int>(wanted), team.size);
  // Read by all, hence written only when it changes.
  if (team.numParts.load(std::memory_order_relaxed) != parts)
    team.numParts.store(parts, std::memory_order_relaxed);
  team.publish(task, context, count, work);
  team.work(/*own=*/0, /*part=*/0, team.number);
  if (!team.isDone()) {
    team.steal(/*own=*/0, team.number);
    team.join();
  }
  CallFailure failure;
  if (team.hasFailed.load(std::memory_order_relaxed)) {
    failure = team.failure;
    team.hasFailed.store(false, std::memory_order_relaxed);
  }
  team.busy.store(false, std::memory_order_release);
  if (!failure)
    return;
  leave(failure);
  // Nobody called this code: it is not known what it would do without.
  std::fputs(failure.message ? failure.message : "out of memory", stderr);
  std::abort();
}

void gpt::runtime::setNumThreads(int count) {
  team.numProcessors.store(0);
  team.numThreads.store(std::clamp(count, 0, kMaxThreads));
}

int gpt::runtime::getNumThreads() {
  int count = requestedThreads;
  if (count == 0)
    count = team.numThreads.load(std::memory_order_relaxed);
  return count != 0 ? count : team.getProcessors();
}

void gpt::runtime::setSpinTime(int microseconds) {
  team.spinMicroseconds.store(std::max(0, microseconds));
}

NumThreadsScope::NumThreadsScope(int count) : previous(requestedThreads) {
  if (count != 0)
    requestedThreads = std::min(count, kMaxThreads);
}

NumThreadsScope::~NumThreadsScope() { requestedThreads = previous; }
