//===- ExtentAnalysis.h - extents in terms of arguments ---------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the extents of the tensors of a function are, and what its ops demand of
// them, as affine expressions of the extents of its arguments. Through calls,
// too: each function is looked at once.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_EXTENTANALYSIS_H
#define GPT_TRANSFORMS_EXTENTANALYSIS_H

#include "gpt/GptShape.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::gpt {

/// Something that must hold for the extents of the arguments of a function.
struct ExtentConstraint {
  AffineExpr lhs;
  ShapeConstraint::Relation relation;
  AffineExpr rhs;
  /// Who demands it, for messages: an op or a function.
  std::string source;
};

/// A list of constraints without those that always hold, each once.
class ExtentConstraints {
public:
  /// Ignores it if a side is null, since it depends on more than extents.
  void add(const ExtentConstraint &constraint);

  ArrayRef<ExtentConstraint> get() const { return constraints; }

private:
  SmallVector<ExtentConstraint> constraints;
  DenseSet<std::pair<AffineExpr, int>> known;
};

/// Dimension `dim` of an argument.
struct ArgumentExtent {
  BlockArgument argument;
  int64_t dim;
};

/// What is known of a function.
struct FunctionExtents {
  /// What the symbols of its expressions stand for: all extents of arguments
  /// that are ranked tensors, in order.
  SmallVector<ArgumentExtent> symbols;
  /// Of ops in the body of the function and of what they call. Those within
  /// other ops may not run and demand nothing.
  ExtentConstraints constraints;
  /// The extents of each result, null where they are not known.
  SmallVector<SmallVector<AffineExpr>> results;
};

/// The functions of a module, as far as they have been asked for. Changing them
/// does not change what has been found out.
class ExtentAnalysis {
public:
  explicit ExtentAnalysis(ModuleOp module) : symbols(module) {}

  /// Returns null for a function without a body or one that calls itself.
  const FunctionExtents *get(func::FuncOp function);

  /// The same of what is called; null as well if that is no function here.
  const FunctionExtents *getCallee(func::CallOp call);

private:
  SymbolTable symbols;
  llvm::DenseMap<Operation *, std::unique_ptr<FunctionExtents>> known;
};

/// Replaces symbols; null if the expression needs one whose value is null.
AffineExpr replaceExtents(AffineExpr expr, ArrayRef<AffineExpr> values);

} // namespace mlir::gpt

#endif // GPT_TRANSFORMS_EXTENTANALYSIS_H
