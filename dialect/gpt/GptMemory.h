//===- GptMemory.h - What is known about memory -----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of the attributes that carry what is known about memory from the memory
// plan to code generation, and how much memory elements take.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_GPTMEMORY_H
#define GPT_GPTMEMORY_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>

namespace mlir::gpt {

/// On an allocation and on what frees it (a unit): the intermediates of one
/// call, which a runtime may keep for the next.
inline constexpr llvm::StringLiteral kWorkspaceAttr = "gpt.workspace";

/// On a global of the LLVM dialect (a unit): a loader writes to it.
inline constexpr llvm::StringLiteral kRuntimeAttr = "gpt.runtime";

/// On a function (an integer): its last argument is a table of so many
/// arguments, an array of pointers to memref descriptors.
inline constexpr llvm::StringLiteral kTableAttr = "gpt.table";

/// What a process can address, as a power of two.
inline constexpr int64_t kAddressBits = 47;

/// Returns how many bytes of a buffer an element of `type` takes at most, what
/// aligns it included: an integer, float, index, complex number or vector of
/// such. Nothing for other types.
std::optional<int64_t> getElementBytes(Type type);

/// Returns `bytes` times the static extents of `shape`, or nothing if that is
/// more than a process can address.
std::optional<int64_t> multiplyExtents(int64_t bytes,
                                       llvm::ArrayRef<int64_t> shape);

/// What workspaces, results and places of buffers are aligned to: a cache line,
/// and the largest vector.
inline constexpr int64_t kBufferAlignment = 64;

/// Returns the bytes of the static extents of a buffer; nothing if these are
/// not known or an element needs more alignment than `kBufferAlignment`.
std::optional<int64_t> getStaticBytes(MemRefType type);

} // namespace mlir::gpt

#endif // GPT_GPTMEMORY_H
