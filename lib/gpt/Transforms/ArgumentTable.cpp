//===- ArgumentTable.cpp - Arguments in a table -----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See ArgumentTable.h.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/ArgumentTable.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

bool gpt::haveSameDescriptor(MemRefType one, MemRefType other) {
  return one.getRank() == other.getRank() &&
         one.getElementType() == other.getElementType() &&
         one.getMemorySpace() == other.getMemorySpace() &&
         one.getLayout().isIdentity() && other.getLayout().isIdentity();
}

Value gpt::buildTableEntry(ImplicitLocOpBuilder &builder, Value table,
                           LLVM::GEPArg index, MemRefType type) {
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  LLVMTypeConverter converter(builder.getContext());
  Value slot = LLVM::GEPOp::create(builder, pointer, pointer, table,
                                   ArrayRef<LLVM::GEPArg>{index});
  Value address = LLVM::LoadOp::create(builder, pointer, slot);
  Value descriptor =
      LLVM::LoadOp::create(builder, converter.convertType(type), address);
  return UnrealizedConversionCastOp::create(builder, type, descriptor)
      .getResult(0);
}

std::optional<gpt::TableEntry> gpt::matchTableEntry(Value value) {
  while (auto cast = value.getDefiningOp<memref::CastOp>()) {
    auto source = dyn_cast<MemRefType>(cast.getSource().getType());
    auto result = dyn_cast<MemRefType>(cast.getType());
    if (!source || !result || !haveSameDescriptor(source, result))
      return std::nullopt;
    value = cast.getSource();
  }
  auto cast = value.getDefiningOp<UnrealizedConversionCastOp>();
  if (!cast || cast.getInputs().size() != 1)
    return std::nullopt;
  auto descriptor = cast.getInputs().front().getDefiningOp<LLVM::LoadOp>();
  if (!descriptor)
    return std::nullopt;
  auto address = descriptor.getAddr().getDefiningOp<LLVM::LoadOp>();
  if (!address)
    return std::nullopt;
  auto slot = address.getAddr().getDefiningOp<LLVM::GEPOp>();
  if (!slot || !isa<LLVM::LLVMPointerType>(slot.getElemType()) ||
      slot.getRawConstantIndices().size() != 1 ||
      !slot.getDynamicIndices().empty())
    return std::nullopt;
  return TableEntry{slot.getBase(), slot.getRawConstantIndices().front()};
}
