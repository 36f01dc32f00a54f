//===- RuntimeMapping.cpp - Files mapped for reading ------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The handler of SIGBUS may interrupt any thread anywhere, so it takes no lock,
// allocates nothing and calls the kernel only. It finds the mapping in a list
// of slots that are used again, but never freed. A slot is written by one
// thread at a time, under a number that is odd meanwhile; one that changes
// while it is read is not that of the mapping that the interrupted thread
// reads, since that lives at least as long as the reading.
//
//===----------------------------------------------------------------------===//

#include "RuntimeMapping.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

using namespace gpt::runtime;

//===----------------------------------------------------------------------===//
// The list of mappings
//===----------------------------------------------------------------------===//

struct FileMapping::Slot {
  std::atomic<bool> isTaken{false};
  /// Odd while the fields behind it change.
  std::atomic<uint32_t> version{0};
  std::atomic<uintptr_t> begin{0}, end{0};
  std::atomic<const FileMapping *> mapping{nullptr};
  std::atomic<bool> isCut{false};
  /// Set before the slot is in the list.
  Slot *next = nullptr;

  void write(uintptr_t newBegin, uintptr_t newEnd, const FileMapping *of) {
    version.fetch_add(1);
    begin.store(newBegin);
    end.store(newEnd);
    mapping.store(of);
    version.fetch_add(1);
  }
};

static std::atomic<FileMapping::Slot *> slots{nullptr};
std::atomic<int> gpt::runtime::numCutMappings{0};

/// Returns a slot that nobody has.
static FileMapping::Slot *takeSlot() {
  for (FileMapping::Slot *slot = slots.load(); slot; slot = slot->next)
    if (!slot->isTaken.exchange(true))
      return slot;
  auto *slot = new FileMapping::Slot;
  slot->isTaken.store(true);
  slot->next = slots.load();
  while (!slots.compare_exchange_weak(slot->next, slot)) {
  }
  return slot;
}

/// Returns the slot of the mapping at `address`, or null. Safe in a handler.
static FileMapping::Slot *findSlot(uintptr_t address, uintptr_t &end) {
  for (FileMapping::Slot *slot = slots.load(); slot; slot = slot->next) {
    uint32_t version = slot->version.load();
    uintptr_t begin = slot->begin.load();
    end = slot->end.load();
    if (version % 2 == 0 && begin <= address && address < end &&
        slot->version.load() == version)
      return slot;
  }
  return nullptr;
}

//===----------------------------------------------------------------------===//
// The handler
//===----------------------------------------------------------------------===//

/// What was there before ours.
static struct sigaction previousAction;
static uintptr_t pageSize;

/// Puts zeros where a mapping has no file any more; returns false if `address`
/// is in no mapping.
static bool replacePages(uintptr_t address) {
  uintptr_t end;
  FileMapping::Slot *slot = findSlot(address, end);
  if (!slot)
    return false;
  // First of all: another thread may read zeros as soon as there are some.
  if (!slot->isCut.exchange(true))
    numCutMappings.fetch_add(1);
  // What lies behind a page that is gone is gone as well. One by one, each page
  // would be a signal, and there is a limit of mappings. Not `mmap`, which a
  // sanitizer may have replaced.
  uintptr_t begin = address & ~(pageSize - 1);
  long result =
      syscall(SYS_mmap, begin, end - begin, PROT_READ,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  return result == static_cast<long>(begin);
}

/// Does what would happen without our handler.
static void forward(int number, siginfo_t *info, void *context) {
  bool hasInfo = previousAction.sa_flags & SA_SIGINFO;
  auto handler = previousAction.sa_handler;
  bool isSent = info->si_code <= 0;
  if (!hasInfo && handler == SIG_IGN && isSent)
    return;
  if (!hasInfo && (handler == SIG_IGN || handler == SIG_DFL)) {
    // The instruction runs again and raises the signal once more; one that
    // somebody sent has to be sent again.
    sigaction(number, &previousAction, nullptr);
    if (isSent)
      raise(number);
    return;
  }
  if (previousAction.sa_flags & SA_RESETHAND)
    signal(number, SIG_DFL);
  if (hasInfo)
    previousAction.sa_sigaction(number, info, context);
  else
    handler(number);
}

static void handleBusError(int number, siginfo_t *info, void *context) {
  int error = errno;
  bool isOurs = info->si_code == BUS_ADRERR &&
                replacePages(reinterpret_cast<uintptr_t>(info->si_addr));
  if (!isOurs)
    forward(number, info, context);
  errno = error;
}

/// Installs the handler, once. Whoever installs one later sees the signal
/// first; to go behind it could make a ring of handlers that call each other.
static void installHandler() {
  [[maybe_unused]] static const bool isInstalled = [] {
    pageSize = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    sigaction(SIGBUS, nullptr, &previousAction);
    struct sigaction action = {};
    action.sa_sigaction = handleBusError;
    action.sa_mask = previousAction.sa_mask;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK |
                      (previousAction.sa_flags & (SA_NODEFER | SA_RESTART));
    return sigaction(SIGBUS, &action, nullptr) == 0;
  }();
}

//===----------------------------------------------------------------------===//
// Mappings
//===----------------------------------------------------------------------===//

[[noreturn]] static void throwError() {
  throw std::system_error(errno, std::generic_category());
}

FileMapping::FileMapping(int source, size_t size, std::string name)
    : name(std::move(name)), size(size) {
  installHandler();
  file = fcntl(source, F_DUPFD_CLOEXEC, 0);
  if (file < 0)
    throwError();
  data = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
  if (data == MAP_FAILED) {
    int error = errno;
    close(file);
    errno = error;
    throwError();
  }
  slot = takeSlot();
  auto begin = reinterpret_cast<uintptr_t>(data);
  // With the page that it ends in: a file that ends with a page may be emptied.
  slot->write(begin, begin + (size + pageSize - 1) / pageSize * pageSize, this);
}

FileMapping::~FileMapping() {
  // Before the addresses may become those of another mapping.
  slot->write(0, 0, nullptr);
  if (slot->isCut.exchange(false))
    numCutMappings.fetch_sub(1);
  slot->isTaken.store(false);
  munmap(data, size);
  close(file);
}

int64_t FileMapping::getFileSize() const {
  struct stat status;
  if (fstat(file, &status) != 0)
    throwError();
  return status.st_size;
}

void FileMapping::release(size_t begin, size_t bytes) const {
  // Advice: nothing depends on it.
  size_t first = begin / pageSize * pageSize;
  if (begin <= size && bytes <= size - begin && bytes > 0)
    madvise(static_cast<char *>(data) + first, begin + bytes - first,
            MADV_DONTNEED);
}

void FileMapping::expectRows(size_t begin, size_t bytes) const {
  // The kernel maps whole pieces of the page cache, up to 2 MiB, that lie
  // within one area of equal advice, whatever the advice is (Linux 6.18). Half
  // of these areas get one that makes no difference to them.
  constexpr size_t kArea = size_t(512) << 10;
  if (begin > size || bytes > size - begin)
    return;
  size_t first = (begin + pageSize - 1) / pageSize * pageSize;
  for (size_t at = first; at + kArea <= begin + bytes; at += 2 * kArea)
    madvise(static_cast<char *>(data) + at, kArea, MADV_NOHUGEPAGE);
}

void FileMapping::check() const {
  if (!slot->isCut.load())
    return;
  int64_t found = getFileSize();
  if (found >= static_cast<int64_t>(size))
    throw FileCutError(name + ": could not be read while in use: load the "
                              "model again, and replace files by renaming");
  throw FileCutError(name + ": cut while in use, from " + std::to_string(size) +
                     " to " + std::to_string(found) +
                     " bytes: load the model again, and replace files by "
                     "renaming");
}

void gpt::runtime::checkMapping(const void *data) {
  uintptr_t end;
  FileMapping::Slot *slot = findSlot(reinterpret_cast<uintptr_t>(data), end);
  if (slot && slot->isCut.load())
    slot->mapping.load()->check();
}
