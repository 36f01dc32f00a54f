//===- ScatteredMemory.h - Vectors of elements that are apart ---*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads and stores of vectors whose lanes are not neighbours in memory: a
// column of a matrix, every second feature. Where they are at most a few
// elements apart, neighbours are accessed under a mask and shuffled; elsewhere
// lanes are gathered and scattered.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_SCATTEREDMEMORY_H
#define GPT_TRANSFORMS_SCATTEREDMEMORY_H

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::gpt {

/// Which elements the lanes of a vector are.
struct ScatteredLanes {
  /// Where the first lane is, and how far each is from the one before.
  Value first;
  OpFoldResult stride;
  int64_t count;
  /// The lanes to access are those below; null for all.
  Value present;
};

/// A memref as a row of elements. Made in front of the loops that use it.
class ScatteredMemory {
public:
  ScatteredMemory(ImplicitLocOpBuilder &builder, Value memref);

  /// The place of an element, from scalars or vectors of indices.
  Value getPlace(ImplicitLocOpBuilder &builder, ValueRange indices) const;
  /// How far one element of dimension `dim` is from the next.
  OpFoldResult getStride(unsigned dim) const { return strides[dim]; }

  /// Elements behind the end of `lanes` are zero.
  Value read(ImplicitLocOpBuilder &builder, const ScatteredLanes &lanes) const;
  void write(ImplicitLocOpBuilder &builder, Value vector,
             const ScatteredLanes &lanes) const;
  /// Reads an element at each of a vector of places, where `mask` is set or
  /// null.
  Value gather(ImplicitLocOpBuilder &builder, Value places, Value mask) const;

private:
  Type getElementType() const;

  Value flat;
  SmallVector<OpFoldResult> strides;
};

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_SCATTEREDMEMORY_H
