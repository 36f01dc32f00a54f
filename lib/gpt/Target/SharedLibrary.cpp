//===- SharedLibrary.cpp - Link objects into a library ----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lld reads and writes files only, so objects and the library pass through
// a temporary folder of their own. lld keeps its state in globals, hence the
// lock; it may end the process on a fatal error, hence the guard; and what it
// makes of the sections lives until its thread ends, hence the thread.
//
//===----------------------------------------------------------------------===//

#include "gpt/Target/SharedLibrary.h"
#include "gpt/Target/CrashGuard.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/thread.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace mlir;
using llvm::SmallString;
using llvm::StringRef;

/// Creates an empty folder: where TMPDIR says, else in shared memory.
static llvm::Error createTemporaryFolder(SmallString<128> &folder) {
  SmallString<128> first;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, first);
  std::error_code error;
  for (StringRef base : {first.str(), StringRef("/dev/shm")}) {
    SmallString<128> prefix(base);
    llvm::sys::path::append(prefix, "gpt-mlir-link");
    std::error_code status =
        llvm::sys::fs::createUniqueDirectory(prefix, folder);
    if (!status)
      return llvm::Error::success();
    if (!error)
      error = status;
  }
  return llvm::createStringError(
      error, "cannot create a temporary folder for linking in '%s': %s",
      first.c_str(), error.message().c_str());
}

/// Writes `content` to a new file at `path`.
static llvm::Error writeFile(StringRef path, StringRef content) {
  std::error_code error;
  llvm::raw_fd_ostream file(path, error);
  if (!error) {
    file << content;
    file.close();
    error = file.error();
    file.clear_error();
  }
  if (!error)
    return llvm::Error::success();
  return llvm::createStringError(error, "cannot write '%s': %s",
                                 path.str().c_str(), error.message().c_str());
}

/// Runs the ELF driver of lld on files.
static llvm::Error runLinker(llvm::ArrayRef<std::string> objectPaths,
                             const char *libraryPath) {
  // BIND_NOW together with dlopen(RTLD_NOW) makes a missing symbol an error
  // when the library is loaded, not in the middle of a call.
  llvm::SmallVector<const char *> arguments = {
      "ld.lld",      "-shared",     "--hash-style=gnu",
      "-Bsymbolic",  "-z",          "now",
      "-z",          "relro",       "-z",
      "noexecstack", "--threads=1", "-o",
      libraryPath};
  for (const std::string &path : objectPaths)
    arguments.push_back(path.c_str());
  lld::DriverDef driver = {lld::Gnu, &lld::elf::link};
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  lld::Result result = {1, true};

  static std::mutex linkerMutex;
  static bool canRunAgain = true;
  std::lock_guard<std::mutex> lock(linkerMutex);
  if (!canRunAgain)
    return llvm::createStringError(
        llvm::inconvertibleErrorCode(),
        "the linker failed fatally before in this process and cannot be used "
        "again; restart the process");
  llvm::Error crash = llvm::Error::success();
  llvm::thread linker([&] {
    llvm::ErrorAsOutParameter checked(crash);
    crash = gpt::runGuarded("linking failed", [&] {
      result = lld::lldMain(arguments, llvm::nulls(), stream, driver);
    });
  });
  linker.join();
  if (crash) {
    canRunAgain = false;
    return crash;
  }
  canRunAgain = result.canRunAgain;
  if (result.retCode == 0)
    return llvm::Error::success();
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 "linking failed: %s",
                                 StringRef(messages).trim().str().c_str());
}

llvm::Error
gpt::linkSharedLibrary(llvm::ArrayRef<llvm::SmallVector<char, 0>> objects,
                       llvm::raw_ostream &output) {
  SmallString<128> folder;
  if (llvm::Error error = createTemporaryFolder(folder))
    return error;
  llvm::SmallVector<std::string> objectPaths;
  SmallString<128> libraryPath(folder);
  llvm::sys::path::append(libraryPath, "library.so");
  llvm::scope_exit cleanUp([&] {
    for (const std::string &path : objectPaths)
      llvm::sys::fs::remove(path);
    llvm::sys::fs::remove(libraryPath);
    llvm::sys::fs::remove(folder);
  });

  for (auto [number, object] : llvm::enumerate(objects)) {
    SmallString<128> path(folder);
    llvm::sys::path::append(path, "object" + llvm::Twine(number) + ".o");
    objectPaths.push_back(path.str().str());
    if (llvm::Error error =
            writeFile(path, StringRef(object.data(), object.size())))
      return error;
  }
  if (llvm::Error error = runLinker(objectPaths, libraryPath.c_str()))
    return error;
  auto library = llvm::MemoryBuffer::getFile(libraryPath);
  if (!library)
    return llvm::createStringError(
        library.getError(), "cannot read the linked library '%s': %s",
        libraryPath.c_str(), library.getError().message().c_str());
  output << (*library)->getBuffer();
  return llvm::Error::success();
}
