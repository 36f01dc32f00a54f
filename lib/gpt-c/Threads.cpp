//===- Threads.cpp - C API: the threads of contexts -------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Threads.h. A context that owns its pool waits for the pool's threads when
// it is destroyed. Threads are not forked: in a child it would wait for ever,
// and so would a pass.
//
//===----------------------------------------------------------------------===//

#include "gpt-c/Threads.h"

#include "mlir/CAPI/IR.h"
#include "llvm/Support/ThreadPool.h"

#include <atomic>
#include <pthread.h>

namespace {

/// Passes everything on to LLVM's pool, of which each process has one.
class SharedThreadPool final : public llvm::ThreadPoolInterface {
public:
  static SharedThreadPool &get() {
    // Never destroyed: contexts may outlive whatever is destroyed at exit.
    static SharedThreadPool *shared = new SharedThreadPool;
    return *shared;
  }

  void wait() override { getPool().wait(); }
  void wait(llvm::ThreadPoolTaskGroup &group) override {
    getPool().wait(group);
  }
  unsigned getMaxConcurrency() const override {
    return getPool().getMaxConcurrency();
  }

private:
  SharedThreadPool() {
    // The parent's pool is left as it is: it may be in the middle of anything.
    pthread_atfork(nullptr, nullptr, [] { pool.store(nullptr); });
  }

  void asyncEnqueue(llvm::unique_function<void()> task,
                    llvm::ThreadPoolTaskGroup *group) override {
    if (group)
      getPool().async(*group, std::move(task));
    else
      getPool().async(std::move(task));
  }

  static llvm::DefaultThreadPool &getPool() {
    llvm::DefaultThreadPool *current = pool.load();
    if (current)
      return *current;
    // It starts its threads with its first tasks.
    auto *made = new llvm::DefaultThreadPool;
    if (pool.compare_exchange_strong(current, made))
      return *made;
    delete made;
    return *current;
  }

  static inline std::atomic<llvm::DefaultThreadPool *> pool = nullptr;
};

} // namespace

void gptShareThreads(MlirContext context) {
  mlir::MLIRContext *unwrapped = unwrap(context);
  unwrapped->disableMultithreading();
  unwrapped->setThreadPool(SharedThreadPool::get());
}
