//===- BytecodeTrial.h - Read bytecode in a process of its own --*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's reader of bytecode trusts counts and indices: a damaged file can crash
// it, make it allocate without end, or keep it busy for ever. None of this can
// be told from the outside of the format, whose attributes and types are
// encoded by each dialect. So a file is read by a child first, which may fail.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_INPUT_BYTECODETRIAL_H
#define GPT_INPUT_BYTECODETRIAL_H

#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::gpt {

/// What reading may take. Sound files need a hundredth.
struct BytecodeTrialLimits {
  /// Address space on top of what the process has, in bytes, and how much more
  /// for each byte of the file.
  uint64_t memory = uint64_t(1) << 27;
  uint64_t memoryPerByte = 256;
  /// Time on a processor, in milliseconds, and how much more for each MiB of
  /// the file.
  uint64_t milliseconds = 300;
  uint64_t millisecondsPerMiB = 2000;
};

/// Reads and verifies `buffer` in a forked process. Returns an error if that
/// crashes or exceeds a limit, and success if it ends, be it with diagnostics:
/// reading once more in this process then ends the same way. To be called
/// while the process has one thread.
llvm::Error tryBytecode(llvm::MemoryBufferRef buffer,
                        const DialectRegistry &registry,
                        const BytecodeTrialLimits &limits = {});

} // namespace mlir::gpt

#endif // GPT_INPUT_BYTECODETRIAL_H
