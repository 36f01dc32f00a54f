//===- RuntimeLibrary.h - A loaded shared library ---------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled code in this process. A library comes from a file (an entry of the
// object cache) or from memory (when no cache can be used).
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PYTHON_EXTENSION_RUNTIMELIBRARY_H
#define GPT_PYTHON_EXTENSION_RUNTIMELIBRARY_H

#include "RuntimeWorkspace.h"

#include <memory>
#include <string>
#include <string_view>

namespace gpt::runtime {

/// A shared library, loaded as long as this object lives. Its symbols are
/// visible to nobody else, so that any number of libraries with functions of
/// the same name live side by side.
class Library {
public:
  /// Loads the file at `path`. Throws std::runtime_error with the loader's
  /// reason if that is not possible.
  static std::shared_ptr<Library> open(const std::string &path);

  /// Loads the bytes of a shared library; `name` shows in /proc/<pid>/maps.
  static std::shared_ptr<Library> fromBytes(std::string_view bytes,
                                            const std::string &name);

  ~Library();
  Library(const Library &) = delete;
  Library &operator=(const Library &) = delete;

  /// Returns the address of `symbol`, or null.
  void *lookup(const std::string &symbol) const;

  /// Returns the bytes that calls keep for the intermediates of the next ones.
  int64_t getWorkspaceBytes() const {
    return workspaces ? workspaces->getIdleBytes() : 0;
  }

private:
  Library(void *handle, int file) : handle(handle), file(file) {}

  /// Gives the code the threads and the memory of this process, if it has a use
  /// for them.
  void connect();

  /// Null if the code needs none.
  std::shared_ptr<WorkspacePool> workspaces;

  void *handle;
  /// The memory file the library was loaded from, or -1. Kept open: the loader
  /// takes a second library of the same path ("/proc/self/fd/5") for the first.
  int file;
};

/// Makes the C libraries that compiled code calls visible to it. Called once
/// when the module is imported.
void loadSystemLibraries();

} // namespace gpt::runtime

#endif // GPT_PYTHON_EXTENSION_RUNTIMELIBRARY_H
