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

#include "gpt/Transforms/CachedSignature.h"

#include "mlir/IR/SymbolTable.h"

namespace mlir::gpt {

/// Makes the functions of one phase.
class CachedFunctionBuilder {
public:
  CachedFunctionBuilder(const SequenceFunction &root,
                        CachedSignature &signature, SymbolTable &symbols)
      : root(root), signature(signature), symbols(symbols),
        builder(symbols.getOp()->getContext()) {}

  /// Clones the root function and what it calls into the module.
  void build() { getOrClone(root); }

  /// The functions made, the root's first.
  ArrayRef<func::FuncOp> getFunctions() const { return created; }

private:
  struct Frame;

  func::FuncOp getOrClone(const SequenceFunction &plan);
  bool isReusable(const SequenceFunction &plan);
  void cloneBody(const SequenceFunction &plan, func::FuncOp function);
  void cloneReturn(func::ReturnOp returnOp, Frame &frame);
  void cloneOp(Operation *op, Frame &frame);
  void cloneCall(func::CallOp call, Frame &frame);
  void cloneAttention(AttentionOp attention, Frame &frame);

  const SequenceFunction &root;
  CachedSignature &signature;
  SymbolTable &symbols;
  OpBuilder builder;
  DenseMap<const SequenceFunction *, bool> reusable;
  DenseMap<const SequenceFunction *, func::FuncOp> clones;
  SmallVector<func::FuncOp> created;
};

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_CACHEDFUNCTIONS_H
