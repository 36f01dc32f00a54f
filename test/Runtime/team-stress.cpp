//===- team-stress.cpp - The threads of the runtime under load --*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Several threads call the team at once, with ranges of many sizes and nested
// ones, while others change its size and how long it spins, and while the
// process forks. Each call checks that every iteration ran once and that what
// it wrote is there when the call returns: plain memory, so that
// ThreadSanitizer sees whether the team orders it. Takes the number of rounds
// of each thread.
//
//===----------------------------------------------------------------------===//

#include "RuntimeTeam.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace gpt::runtime;

namespace {

constexpr int kCallers = 4;
constexpr int kMaxTeam = 6;
constexpr int64_t kMaxCount = 300;
/// Enough work for as many threads as are asked for.
constexpr int64_t kWork = int64_t(1) << 40;
/// A hang ends the process.
constexpr unsigned kSecondsToHang = 900;

struct Job {
  std::vector<int64_t> input, output;
  bool isNested;
};

void runInner(void *context, int64_t begin, int64_t end) {
  auto &sums = *static_cast<std::vector<int64_t> *>(context);
  for (int64_t i = begin; i < end; ++i)
    sums[i] += i;
}

void runJob(void *context, int64_t begin, int64_t end) {
  Job &job = *static_cast<Job *>(context);
  for (int64_t i = begin; i < end; ++i) {
    job.output[i] += 2 * job.input[i] + 1;
    if (!job.isNested)
      continue;
    std::vector<int64_t> sums(3, 1);
    parallelFor(runInner, &sums, 3, kWork);
    job.output[i] += sums[0] + sums[1] + sums[2] - 6;
  }
}

/// Runs one parallel loop and checks all that it did.
void runOnce(std::mt19937 &random) {
  auto pick = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  NumThreadsScope scope(static_cast<int>(pick(0, kMaxTeam)));
  int64_t count = pick(0, 3) == 0 ? pick(0, 4) : pick(0, kMaxCount);
  Job job{std::vector<int64_t>(count), std::vector<int64_t>(count, 0),
          pick(0, 7) == 0};
  for (int64_t &value : job.input)
    value = pick(-1000, 1000);
  parallelFor(runJob, &job, count, pick(0, 5) == 0 ? 1 : kWork);
  for (int64_t i = 0; i < count; ++i) {
    if (job.output[i] == 2 * job.input[i] + 1)
      continue;
    std::fprintf(stderr, "iteration %ld of %ld: %ld, expected %ld\n", long(i),
                 long(count), long(job.output[i]), long(2 * job.input[i] + 1));
    std::abort();
  }
}

void runMany(unsigned seed, int rounds) {
  std::mt19937 random(seed);
  for (int round = 0; round < rounds; ++round)
    runOnce(random);
}

/// Iteration 0 of 64 ends when three quarters of them have: those that the
/// other thread has, and the half of its own thread's that comes last.
void runUneven(void *context, int64_t begin, int64_t end) {
  auto &ended = *static_cast<std::atomic<int> *>(context);
  while (begin == 0 && ended.load() < 48)
    std::this_thread::yield();
  ended += static_cast<int>(end - begin);
}

/// A thread that is done takes from one that is not; a hang otherwise.
void checkBalance() {
  NumThreadsScope scope(2);
  std::atomic<int> ended{0};
  parallelFor(runUneven, &ended, 64, kWork);
}

/// Forks while the other threads work; the child has a team of its own.
void forkOnce(unsigned seed) {
  pid_t child = fork();
  if (child == 0) {
    alarm(kSecondsToHang);
    runMany(seed, 20);
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    std::fprintf(stderr, "forked process %u: status %d\n", seed, status);
    std::abort();
  }
}

} // namespace

int main(int argc, char **argv) {
  int rounds = argc > 1 ? std::atoi(argv[1]) : 2000;
  int forks = argc > 2 ? std::atoi(argv[2]) : 20;
  alarm(kSecondsToHang);
  checkBalance();
  std::atomic<bool> stop{false};
  std::thread changer([&] {
    std::mt19937 random(0);
    while (!stop.load()) {
      setNumThreads(static_cast<int>(random() % (kMaxTeam + 1)));
      setSpinTime(static_cast<int>(random() % 3 * 50));
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
    }
  });
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller)
    callers.emplace_back(runMany, caller + 1, rounds);
  for (int i = 0; i < forks; ++i)
    forkOnce(1000 + i);
  for (std::thread &caller : callers)
    caller.join();
  stop.store(true);
  changer.join();
  // The workers of the team are still there: the process ends under them.
  std::printf("%d calls and %d forks: every iteration ran once\n",
              kCallers * rounds, forks);
  return 0;
}
