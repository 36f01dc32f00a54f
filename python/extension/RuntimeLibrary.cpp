//===- RuntimeLibrary.cpp - A loaded shared library -------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled libraries name no dependencies: which file holds `expf` is the
// business of the machine that runs them. The mathematics library is therefore
// made globally visible first, and everything is bound when a library is
// loaded, so that a missing symbol is an error there and not in a call.
//
//===----------------------------------------------------------------------===//

#include "RuntimeLibrary.h"
#include "RuntimeTeam.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

using namespace gpt::runtime;

[[noreturn]] static void throwLoadError(const std::string &path) {
  const char *reason = dlerror();
  throw std::runtime_error("cannot load compiled code from '" + path +
                           "': " + (reason ? reason : "unknown reason"));
}

void Library::connect() {
  using ParallelRuntime = decltype(&parallelFor);
  if (void *pointer = lookup("gpt_parallel_runtime"))
    *static_cast<ParallelRuntime *>(pointer) = &parallelFor;
  if (void *pointer = lookup("gpt_workspace_runtime"))
    workspaces = connectWorkspaces(*static_cast<WorkspaceRuntime *>(pointer));
  using FailureRuntime = decltype(&leaveCall);
  if (void *pointer = lookup("gpt_failure_runtime"))
    *static_cast<FailureRuntime *>(pointer) = &leaveCall;
}

std::shared_ptr<Library> Library::open(const std::string &path) {
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    throwLoadError(path);
  std::shared_ptr<Library> library(new Library(handle, -1));
  library->connect();
  return library;
}

std::shared_ptr<Library> Library::fromBytes(std::string_view bytes,
                                            const std::string &name) {
  int file = memfd_create(name.c_str(), MFD_CLOEXEC);
  if (file < 0)
    throw std::runtime_error(std::string("cannot create a file in memory: ") +
                             strerror(errno));
  std::shared_ptr<Library> library(new Library(nullptr, file));
  while (!bytes.empty()) {
    ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      throw std::runtime_error(std::string("cannot write a file in memory: ") +
                               strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  std::string path = "/proc/self/fd/" + std::to_string(file);
  library->handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library->handle)
    throwLoadError(path);
  library->connect();
  return library;
}

Library::~Library() {
  if (handle)
    dlclose(handle);
  if (file >= 0)
    close(file);
}

void *Library::lookup(const std::string &symbol) const {
  return dlsym(handle, symbol.c_str());
}

void gpt::runtime::loadSystemLibraries() {
  // libgcc_s converts f16 on CPUs without the instructions for it. A machine
  // without one of the two reports the missing symbol when code needs it.
  for (const char *name : {"libm.so.6", "libgcc_s.so.1"})
    dlopen(name, RTLD_NOW | RTLD_GLOBAL);
}
