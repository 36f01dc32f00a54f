//===- CrashGuard.h - Turn LLVM's fatal errors into errors ------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's code generator ends the process when it meets something that it
// cannot select, and lld's driver does so on a fatal error. This library lives
// inside other people's processes, so both are run under a crash recovery
// context that turns the exit into an error. What the failed run had allocated
// is leaked: that is the price of going on.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TARGET_CRASHGUARD_H
#define GPT_TARGET_CRASHGUARD_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace mlir::gpt {

/// Runs `body`; a fatal error, a call to exit or a crash inside it becomes an
/// error that begins with `what`. May be called from several threads at once.
llvm::Error runGuarded(llvm::StringRef what, llvm::function_ref<void()> body);

} // namespace mlir::gpt

#endif // GPT_TARGET_CRASHGUARD_H
