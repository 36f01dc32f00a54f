//===- VectorForm.h - Along which loop an op becomes vectors ----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a linalg op on memory is vectorised: the loop that the lanes run along,
// which accesses are vectors of neighbours then, and how sums are put together.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_VECTORFORM_H
#define GPT_TRANSFORMS_VECTORFORM_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <optional>

namespace mlir::gpt {

/// One accumulator of a reduction.
struct Accumulator {
  vector::CombiningKind kind;
  Operation *combiner;
};

/// How one op is vectorised.
struct VectorForm {
  linalg::GenericOp op;
  /// The loop that vectors run along.
  unsigned loop;
  bool isReduction;
  /// If it is: one for each output.
  SmallVector<Accumulator> accumulators;
  /// Accesses whose lanes are apart in memory.
  DenseSet<OpOperand *> scatteredOperands;
  DenseSet<Operation *> scatteredLoads;
  /// Indices that grow by one from lane to lane: the counter of the loop, and
  /// what only adds to it.
  DenseSet<Value> laneIndices;

  /// Whether `operand` has an element per lane.
  bool isVector(OpOperand &operand) {
    return op.getMatchingIndexingMap(&operand).isFunctionOfDim(loop);
  }
  size_t getNumScattered() const {
    return scatteredOperands.size() + scatteredLoads.size();
  }
};

/// Whether the op traps where its second operand is zero.
bool isIntegerDivision(Operation &op);

/// Chooses the loop of `op` with the fewest accesses to elements that are
/// apart, the innermost of those. Where there is none, `reason` says why.
std::optional<VectorForm> findVectorForm(linalg::GenericOp op,
                                         StringRef &reason);

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_VECTORFORM_H
