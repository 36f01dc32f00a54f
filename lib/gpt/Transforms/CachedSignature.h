//===- CachedSignature.h - signatures of cached functions -------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types of values and functions in one phase of generation, and the attributes
// by which a runtime finds positions and caches among the arguments. Types are
// not inferred anew: a value keeps its declared type except for the extent of
// its sequence dimension. That keeps the signatures of called functions the
// same at every call, whatever the ops in front of a call could infer.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_CACHEDSIGNATURE_H
#define GPT_TRANSFORMS_CACHEDSIGNATURE_H

#include "gpt/Transforms/SequenceAnalysis.h"

#include "mlir/IR/Builders.h"

namespace mlir::gpt {

/// The two ways in which a cached function is called.
struct CachedPhase {
  /// Name of the clone of the root function and, after an underscore, suffix of
  /// the names of the others.
  StringRef name;
  /// Extent of the sequence dimension: dynamic (prefill) or 1 (decode).
  int64_t length;
  /// Whether results of the root function are reduced to the last position.
  bool lastTokenOnly;
  /// Element type of the caches; that of the keys if null.
  Type cacheElementType;
};

/// `type` with another extent of dimension `dim`.
RankedTensorType withExtent(Type type, int64_t dim, int64_t extent);

/// Says what the functions of one phase look like from outside.
class CachedSignature {
public:
  CachedSignature(const SequenceFunction &root,
                  ArrayRef<unsigned> sequenceInputs, CachedPhase phase);

  const CachedPhase &getPhase() const { return phase; }
  bool isRoot(const SequenceFunction &plan) const { return &plan == &root; }

  /// The type of a value of `plan` in the clone.
  Type getType(const SequenceFunction &plan, Value value);

  /// Whether the clone returns only the last position of `result`.
  bool isReduced(const SequenceFunction &plan, Value result);

  /// Arguments: those of `plan`, positions, a key and a value cache per
  /// attention. Results: those of `plan`, the updated caches.
  FunctionType getFunctionType(const SequenceFunction &plan);

  /// Gives `function`, the clone of `plan`, its argument and result attributes.
  void setAttributes(const SequenceFunction &plan, func::FuncOp function);

private:
  RankedTensorType getCacheType(const CacheSpec &spec, int64_t headDim);
  NamedAttrList getDimAttributes(NamedAttrList attributes, Type type,
                                 int64_t dim, bool isSequenceInput);
  NamedAttrList getPositionsAttributes(bool isRoot);
  NamedAttrList getCacheAttributes(StringRef kind, size_t index, bool isRoot);

  const SequenceFunction &root;
  ArrayRef<unsigned> sequenceInputs;
  CachedPhase phase;
  /// Batch extent of the inputs.
  int64_t batch;
  /// Names in `gpt.dims`: of the batch, empty if it is static, and of the
  /// sequence.
  StringRef batchName, sequenceName;
  Builder builder;
};

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_CACHEDSIGNATURE_H
