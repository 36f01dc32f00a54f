//===- CachedFunctions.h - cached clones of a forward function --*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clones a function, and what it calls, for one phase of generation. What the
// clones need (positions, caches) and where the sequence dimension is comes
// from SequenceAnalysis, so that nothing can fail here.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_CACHEDFUNCTIONS_H
#define GPT_TRANSFORMS_CACHEDFUNCTIONS_H

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

/// Makes the functions of one phase.
class CachedFunctionBuilder {
public:
  CachedFunctionBuilder(const SequenceFunction &root,
                        ArrayRef<unsigned> sequenceInputs, CachedPhase phase,
                        SymbolTable &symbols);

  /// Clones the root function and what it calls into the module.
  void build() { getOrClone(root); }

  /// The functions made, the root's first.
  ArrayRef<func::FuncOp> getFunctions() const { return created; }

private:
  struct Frame;

  func::FuncOp getOrClone(const SequenceFunction &plan);
  bool isReusable(const SequenceFunction &plan);
  void cloneBody(const SequenceFunction &plan, func::FuncOp function);
  void cloneOp(Operation *op, Frame &frame);
  void cloneCall(func::CallOp call, Frame &frame);
  void cloneAttention(AttentionOp attention, Frame &frame);

  Type getType(const SequenceFunction &plan, Value value);
  bool isReduced(const SequenceFunction &plan, Value result);
  FunctionType getSignature(const SequenceFunction &plan);
  RankedTensorType getCacheType(const CacheSpec &spec, int64_t headDim);

  void setAttributes(const SequenceFunction &plan, func::FuncOp function);
  NamedAttrList renameDims(NamedAttrList attributes, Type type, int64_t dim,
                           bool isSequenceInput);
  NamedAttrList getCacheAttributes(StringRef kind, size_t index, bool isRoot);

  const SequenceFunction &root;
  ArrayRef<unsigned> sequenceInputs;
  CachedPhase phase;
  SymbolTable &symbols;
  OpBuilder builder;
  /// Batch extent of the inputs, and names of their dynamic dimensions.
  int64_t batch;
  StringAttr batchName, sequenceName;
  DenseMap<const SequenceFunction *, bool> reusable;
  DenseMap<const SequenceFunction *, func::FuncOp> clones;
  SmallVector<func::FuncOp> created;
};

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_CACHEDFUNCTIONS_H
