//===- GptMemory.cpp - What is known about memory ---------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See GptMemory.h.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptMemory.h"

#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

/// LLVM aligns a vector to its size, and several lie one behind the other.
static std::optional<int64_t> getVectorBytes(VectorType type) {
  std::optional<int64_t> element = gpt::getElementBytes(type.getElementType());
  if (!element || type.isScalable())
    return std::nullopt;
  if (type.getRank() == 0)
    return element;
  std::optional<int64_t> row =
      gpt::multiplyExtents(*element, type.getShape().take_back());
  if (!row)
    return std::nullopt;
  return gpt::multiplyExtents(llvm::PowerOf2Ceil(*row),
                              type.getShape().drop_back());
}

std::optional<int64_t> gpt::getElementBytes(Type type) {
  // As wide as a pointer.
  if (type.isIndex())
    return sizeof(int64_t);
  // Bits take a byte each, 24 of them what 32 do.
  if (type.isIntOrFloat())
    return llvm::PowerOf2Ceil(
        llvm::divideCeil(type.getIntOrFloatBitWidth(), 8));
  if (auto vector = dyn_cast<VectorType>(type))
    return getVectorBytes(vector);
  if (auto complex = dyn_cast<ComplexType>(type))
    if (std::optional<int64_t> part = getElementBytes(complex.getElementType()))
      return 2 * *part;
  return std::nullopt;
}

std::optional<int64_t> gpt::multiplyExtents(int64_t bytes,
                                            ArrayRef<int64_t> shape) {
  // An extent of 0 leaves nothing to store.
  if (llvm::is_contained(shape, 0))
    return 0;
  for (int64_t extent : shape) {
    if (ShapedType::isDynamic(extent))
      continue;
    std::optional<int64_t> product = llvm::checkedMul(bytes, extent);
    if (!product || *product > int64_t(1) << kAddressBits)
      return std::nullopt;
    bytes = *product;
  }
  return bytes;
}

std::optional<int64_t> gpt::getStaticBytes(MemRefType type) {
  std::optional<int64_t> element = getElementBytes(type.getElementType());
  if (!element || *element > kBufferAlignment)
    return std::nullopt;
  return multiplyExtents(*element, type.getShape());
}
