//===- RuntimeMapping.h - Files mapped for reading --------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights are files in memory. When one is cut by somebody else, its pages
// behind the new end are gone, and touching one raises SIGBUS in the middle of
// compiled code, which has no way to fail. For mappings made here there are
// zeros instead, and a call that may have read them is an error when it ends.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PYTHON_EXTENSION_RUNTIMEMAPPING_H
#define GPT_PYTHON_EXTENSION_RUNTIMEMAPPING_H

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace gpt::runtime {

/// A mapped file has become shorter, or cannot be read any more.
class FileCutError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// A file, mapped read-only and shared as long as this object lives.
class FileMapping {
public:
  /// Maps the first `size` bytes of an open file, which may be closed then.
  /// `name` is what messages call it. Throws std::system_error.
  FileMapping(int file, size_t size, std::string name);
  ~FileMapping();
  FileMapping(const FileMapping &) = delete;
  FileMapping &operator=(const FileMapping &) = delete;

  const void *getData() const { return data; }
  size_t getSize() const { return size; }

  /// Returns how long the file is now.
  int64_t getFileSize() const;

  /// Says that these bytes are not needed for a while: the pages they are in
  /// leave the process.
  void release(size_t begin, size_t bytes) const;

  /// Says that of these bytes only few will be read, here and there: for each
  /// of them, not much more than its page is to be mapped.
  void expectRows(size_t begin, size_t bytes) const;

  /// Throws FileCutError if a page was touched that is not there any more.
  void check() const;

  /// The place of a mapping in the list that the signal handler reads.
  struct Slot;

private:
  std::string name;
  size_t size;
  /// Kept open: the name may be that of another file by now.
  int file;
  void *data;
  Slot *slot;
};

/// How many mappings have been touched where their file is not any more.
extern std::atomic<int> numCutMappings;

/// Throws FileCutError if `data` lies in a mapping that was touched where its
/// file is not any more. The memory at `data` must be somebody's who keeps it.
void checkMapping(const void *data);

} // namespace gpt::runtime

#endif // GPT_PYTHON_EXTENSION_RUNTIMEMAPPING_H
