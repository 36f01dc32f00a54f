//===- RuntimeFailure.h - Calls that are left -------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled code has no way to fail. Where it asks for memory that there is not,
// or an assertion of it does not hold, it calls the runtime, which goes on
// where the code was called. Nothing with a destructor lies in between.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_PYTHON_EXTENSION_RUNTIMEFAILURE_H
#define GPT_PYTHON_EXTENSION_RUNTIMEFAILURE_H

#include <cstdint>

namespace gpt::runtime {

/// Why compiled code was left.
struct CallFailure {
  /// How many bytes it could not get for its workspace or a result, or 0.
  int64_t lackingBytes = 0;
  /// What an assertion says that does not hold, or null; a part of the code.
  const char *message = nullptr;

  explicit operator bool() const { return lackingBytes != 0 || message; }
};

/// Calls `body`, which runs compiled code; returns why it was left.
CallFailure catchFailure(void (*body)(void *), void *data);

/// Leaves the innermost `catchFailure` of this thread; returns if there is
/// none.
void leave(CallFailure failure);

/// What compiled code calls when an assertion does not hold (pass
/// gpt-lower-assertions).
void leaveCall(const char *message);

} // namespace gpt::runtime

#endif // GPT_PYTHON_EXTENSION_RUNTIMEFAILURE_H
