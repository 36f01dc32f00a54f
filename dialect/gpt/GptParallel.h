//===- GptParallel.h - Attributes of parallel execution ---------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of the attributes that carry what is known about parallel loops from
// schedules to code generation. Apart from GptDialect.h because only two passes
// and the verifier need them.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_GPTPARALLEL_H
#define GPT_GPTPARALLEL_H

#include "llvm/ADT/StringRef.h"

namespace mlir::gpt {

/// On a loop: an integer, the work of one iteration in multiply-adds.
inline constexpr llvm::StringLiteral kWorkAttr = "gpt.work";

/// On a function (a unit): its call may be shared among threads. The function
/// takes work, count and further arguments, and calls one other function with
/// 0, count and these arguments: the iterations to run.
inline constexpr llvm::StringLiteral kParallelAttr = "gpt.parallel";

} // namespace mlir::gpt

#endif // GPT_GPTPARALLEL_H
