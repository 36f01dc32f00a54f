//===- AssertShapes.cpp - Extents that fit each other -----------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect assumes that dynamic dimensions which meet are equal. Where names
// do not say so of the arguments, somebody has to look, or a call with others
// reads memory that is not its own. What ops demand is asked of them, followed
// back to the arguments and looked at before anything is computed: nothing is
// half written then, and loops stay as they are.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"
#include "gpt/Transforms/ExtentAnalysis.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_ASSERTSHAPES
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;
using Relation = gpt::ShapeConstraint::Relation;

/// What callers know an argument by.
static std::string getArgumentName(func::FuncOp function, unsigned index) {
  for (StringRef attribute : {gpt::kNameAttr, gpt::kWeightAttr})
    if (auto name = function.getArgAttrOfType<StringAttr>(index, attribute))
      return name.str();
  return "argument" + std::to_string(index);
}

namespace {
/// Builds the assertions of one function.
class AssertionBuilder {
public:
  AssertionBuilder(func::FuncOp function, const gpt::FunctionExtents &extents);

  /// Returns how many assertions it has built.
  unsigned run();

private:
  void build(const gpt::ExtentConstraint &constraint);
  Value buildNumber(AffineExpr expr);
  Value buildExtent(unsigned symbol);
  std::string describe(AffineExpr expr) const;
  std::string describe(const gpt::ExtentConstraint &constraint) const;

  func::FuncOp function;
  const gpt::FunctionExtents &extents;
  ImplicitLocOpBuilder builder;
  /// What each symbol is replaced by: the first one of the same name, or a
  /// number.
  SmallVector<AffineExpr> values;
  llvm::SmallDenseMap<unsigned, Value> built;
};
} // namespace

AssertionBuilder::AssertionBuilder(func::FuncOp function,
                                   const gpt::FunctionExtents &extents)
    : function(function), extents(extents),
      builder(ImplicitLocOpBuilder::atBlockBegin(function.getLoc(),
                                                 &function.front())) {
  llvm::SmallDenseMap<Attribute, AffineExpr> named;
  for (auto [argument, dim] : extents.symbols) {
    auto type = cast<RankedTensorType>(argument.getType());
    auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                      gpt::kDimsAttr);
    AffineExpr value = builder.getAffineSymbolExpr(values.size());
    if (!type.isDynamicDim(dim))
      value = builder.getAffineConstantExpr(type.getDimSize(dim));
    else if (names && !cast<StringAttr>(names[dim]).empty())
      value = named.try_emplace(names[dim], value).first->second;
    values.push_back(value);
  }
}

unsigned AssertionBuilder::run() {
  gpt::ExtentConstraints constraints;
  for (const gpt::ExtentConstraint &constraint : extents.constraints.get())
    constraints.add(
        {gpt::replaceExtents(constraint.lhs, values), constraint.relation,
         gpt::replaceExtents(constraint.rhs, values), constraint.source});
  llvm::for_each(constraints.get(),
                 [&](const gpt::ExtentConstraint &each) { build(each); });
  return constraints.get().size();
}

Value AssertionBuilder::buildExtent(unsigned symbol) {
  Value &extent = built[symbol];
  if (!extent)
    extent = tensor::DimOp::create(builder, extents.symbols[symbol].argument,
                                   extents.symbols[symbol].dim);
  return extent;
}

Value AssertionBuilder::buildNumber(AffineExpr expr) {
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return buildExtent(symbol.getPosition());
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return arith::ConstantIndexOp::create(builder, constant.getValue());
  auto map = AffineMap::get(0, values.size(), expr);
  llvm::SmallBitVector unused = getUnusedSymbolsBitVector({map});
  SmallVector<Value> operands;
  for (unsigned symbol = 0; symbol < values.size(); ++symbol)
    if (!unused.test(symbol))
      operands.push_back(buildExtent(symbol));
  return affine::AffineApplyOp::create(builder, compressSymbols(map, unused),
                                       operands);
}

/// In the words of callers, such as `'x' dim 0 + 'y' dim 0`.
std::string AssertionBuilder::describe(AffineExpr expr) const {
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    const gpt::ArgumentExtent &extent = extents.symbols[symbol.getPosition()];
    return "'" + getArgumentName(function, extent.argument.getArgNumber()) +
           "' dim " + std::to_string(extent.dim);
  }
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return std::to_string(constant.getValue());
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::string lhs = describe(binary.getLHS()), rhs = describe(binary.getRHS());
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    if (auto number = dyn_cast<AffineConstantExpr>(binary.getRHS());
        number && number.getValue() < 0)
      return lhs + " - " + std::to_string(-number.getValue());
    return lhs + " + " + rhs;
  case AffineExprKind::Mul:
    return "(" + lhs + ") * " + rhs;
  case AffineExprKind::FloorDiv:
    return "(" + lhs + ") / " + rhs;
  case AffineExprKind::CeilDiv:
    return "ceil((" + lhs + ") / " + rhs + ")";
  default:
    return "(" + lhs + ") mod " + rhs;
  }
}

std::string
AssertionBuilder::describe(const gpt::ExtentConstraint &constraint) const {
  std::string lhs = describe(constraint.lhs), rhs = describe(constraint.rhs);
  bool isNumber = isa<AffineConstantExpr>(constraint.lhs);
  std::string text;
  if (constraint.relation == Relation::Equal)
    text = isNumber                                  ? rhs + " to be " + lhs
           : isa<AffineConstantExpr>(constraint.rhs) ? lhs + " to be " + rhs
                                                     : lhs + " to match " + rhs;
  else if (isNumber)
    text = rhs + " to be at least " + lhs;
  else
    text = lhs + " to be at most " + rhs;
  return "expected " + text + ", as " + constraint.source + " requires";
}

void AssertionBuilder::build(const gpt::ExtentConstraint &constraint) {
  auto predicate = constraint.relation == Relation::Equal
                       ? arith::CmpIPredicate::eq
                       : arith::CmpIPredicate::sle;
  Value lhs = buildNumber(constraint.lhs), rhs = buildNumber(constraint.rhs);
  Value holds = arith::CmpIOp::create(builder, predicate, lhs, rhs);
  cf::AssertOp::create(builder, holds, describe(constraint));
}

namespace {
struct AssertShapes final : public gpt::impl::AssertShapesBase<AssertShapes> {
  void runOnOperation() override {
    gpt::ExtentAnalysis analysis(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic())
        if (const gpt::FunctionExtents *extents = analysis.get(function))
          numAssertions += AssertionBuilder(function, *extents).run();
  }
};
} // namespace
