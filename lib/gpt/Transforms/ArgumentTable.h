//===- ArgumentTable.h - Arguments in a table -------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model has as many arguments as weights and caches: hundreds. Passed as one
// pointer to an array of pointers to descriptors, they cost the same whatever
// their number is, and an argument can be chosen by a number at run time.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_ARGUMENTTABLE_H
#define GPT_TRANSFORMS_ARGUMENTTABLE_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <optional>

namespace mlir::gpt {

/// A memref that is an entry of a table.
struct TableEntry {
  Value table;
  int64_t index;
};

/// Whether descriptors of both types are the same in memory.
bool haveSameDescriptor(MemRefType one, MemRefType other);

/// Builds what reads an entry of `table`:
///
///   %slot = llvm.getelementptr %table[index] : ... !llvm.ptr
///   %pointer = llvm.load %slot : !llvm.ptr -> !llvm.ptr
///   %descriptor = llvm.load %pointer : !llvm.ptr -> !llvm.struct<...>
///   %memref = builtin.unrealized_conversion_cast %descriptor : ... to type
Value buildTableEntry(ImplicitLocOpBuilder &builder, Value table,
                      LLVM::GEPArg index, MemRefType type);

/// Returns which entry `value` is, if it is what `buildTableEntry` built of a
/// constant index, or a cast of such to a type of the same descriptor.
std::optional<TableEntry> matchTableEntry(Value value);

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_ARGUMENTTABLE_H
