//===- RuntimeFailure.cpp - Calls that are left -----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See RuntimeFailure.h.
//
//===----------------------------------------------------------------------===//

#include "RuntimeFailure.h"

#include <csetjmp>

using namespace gpt::runtime;

/// Where the innermost call of this thread goes on if it is left.
static thread_local std::jmp_buf *returnPoint = nullptr;
/// Why that call was left.
static thread_local CallFailure reason;

CallFailure gpt::runtime::catchFailure(void (*body)(void *), void *data) {
  std::jmp_buf here;
  std::jmp_buf *outer = returnPoint;
  if (setjmp(here) != 0) {
    returnPoint = outer;
    return reason;
  }
  returnPoint = &here;
  body(data);
  returnPoint = outer;
  return {};
}

void gpt::runtime::leave(CallFailure failure) {
  if (!returnPoint)
    return;
  reason = failure;
  std::longjmp(*returnPoint, 1);
}

void gpt::runtime::leaveCall(const char *message) { leave({0, message}); }
