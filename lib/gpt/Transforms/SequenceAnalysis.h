//===- SequenceAnalysis.h - which dimension is the sequence -----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Follows the sequence dimension of a forward function's inputs through every
// op and every called function, by asking each op (SequenceOpInterface)
// instead of knowing any model. The result says, per function and per pattern
// of arguments, what an incremental version of it needs; a function that has
// none is refused with the reason.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_SEQUENCEANALYSIS_H
#define GPT_TRANSFORMS_SEQUENCEANALYSIS_H

#include "gpt/GptDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/DenseMap.h"

#include <map>
#include <memory>
#include <vector>

namespace mlir::gpt {

/// Marks a value that depends on the sequence but has no dimension along it,
/// such as the result of `gpt.last_token`: it belongs to the last position.
inline constexpr int64_t kLastPosition = -2;

/// The dimension that is the sequence in every input that has one.
inline constexpr int64_t kInputSequenceDim = 1;

/// The name in `gpt.dims` that marks the sequence dimension of an input.
inline constexpr llvm::StringLiteral kSequenceDimName = "seq";

/// The pair of KV caches that one execution of an attention op needs.
struct CacheSpec {
  int64_t numKVHeads;
  int64_t keyHeadDim;
  int64_t valueHeadDim;
  Type elementType;
  Location location;
};

/// What one function computes for one pattern of sequence-carrying arguments.
struct SequenceFunction {
  func::FuncOp function;

  /// One entry per argument and per result: a dimension, `kNoSequenceDim` or
  /// `kLastPosition`.
  SmallVector<int64_t> argumentDims;
  SmallVector<int64_t> resultDims;

  /// The same for every value that depends on the sequence.
  DenseMap<Value, int64_t> dims;

  /// Calls that pass on the sequence, and what they call.
  DenseMap<Operation *, const SequenceFunction *> calls;

  /// The attention ops it executes, those of called functions included, in
  /// order of execution.
  SmallVector<CacheSpec> caches;

  /// Whether an op in it, or in a called function, depends on the absolute
  /// position.
  bool needsPositions = false;

  Block &getBody() const { return func::FuncOp(function).getBody().front(); }

  int64_t getDim(Value value) const {
    auto it = dims.find(value);
    return it == dims.end() ? kNoSequenceDim : it->second;
  }

  /// Whether `op` takes a value that has a sequence dimension.
  bool isOnSequence(Operation *op) const {
    return llvm::any_of(op->getOperands(),
                        [&](Value value) { return getDim(value) >= 0; });
  }
};

/// Analyses a forward function. Every refusal is an error on that function,
/// `'forward' cannot run incrementally: <reason>`, with notes on the op and on
/// the calls that lead to it.
class SequenceAnalysis {
public:
  SequenceAnalysis(func::FuncOp root, SymbolTable &symbols)
      : root(root), symbols(symbols) {}

  /// Runs the analysis; null after a diagnostic.
  const SequenceFunction *run();

  /// Arguments of the root function that have a sequence dimension.
  ArrayRef<unsigned> getSequenceInputs() const { return sequenceInputs; }

  /// The error that says why the root function does not qualify.
  InFlightDiagnostic refuse(const Twine &reason) const;

private:
  LogicalResult findSequenceInputs();
  const SequenceFunction *analyze(func::FuncOp function,
                                  ArrayRef<int64_t> argumentDims);
  LogicalResult visit(Operation *op, SequenceFunction &plan);
  LogicalResult visitCall(func::CallOp call, SequenceFunction &plan);
  LogicalResult visitAttention(AttentionOp attention, SequenceFunction &plan);
  LogicalResult visitPositional(Operation *op, bool hasPositions,
                                SequenceFunction &plan);
  LogicalResult visitByInterface(Operation *op, SequenceFunction &plan);
  LogicalResult checkBatch(Operation *op, Value input) const;
  LogicalResult refuse(Operation *op, const Twine &reason,
                       const Twine &detail) const;

  func::FuncOp root;
  SymbolTable &symbols;
  SmallVector<unsigned> sequenceInputs;
  /// The batch extent of the inputs.
  int64_t batch = ShapedType::kDynamic;
  /// The calls that lead to the function being analysed, outermost first.
  SmallVector<func::CallOp> callStack;
  std::map<std::pair<Operation *, std::vector<int64_t>>,
           std::unique_ptr<SequenceFunction>>
      functions;
};

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_SEQUENCEANALYSIS_H
