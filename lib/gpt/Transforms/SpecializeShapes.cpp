//===- SpecializeShapes.cpp - Clones of functions for small shapes -*- C++ -*-//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is best for many rows is not for one: a product with one row streams the
// weight, an attention of one query has no tiles. Lengths are known only when a
// function is called, so the choice is made there: an exported function becomes
// a test of its extents and two calls, of a clone in which they are constants
// and of the function as it was. Everything downstream sees static shapes and
// needs no version of its own.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Rewrite/FrozenRewritePatternSet.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/ScopeExit.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_SPECIALIZESHAPES
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Converts `value` to another type of the same shape but for extents that one
/// of the two leaves open.
static Value castTo(OpBuilder &builder, Location loc, Value value, Type type) {
  if (value.getType() == type)
    return value;
  return tensor::CastOp::create(builder, loc, type, value);
}

static SmallVector<Value> castTo(OpBuilder &builder, Location loc,
                                 ValueRange values, TypeRange types) {
  return llvm::map_to_vector(llvm::zip_equal(values, types), [&](auto pair) {
    return castTo(builder, loc, std::get<0>(pair), std::get<1>(pair));
  });
}

//===----------------------------------------------------------------------===//
// Clones
//===----------------------------------------------------------------------===//

namespace {
/// Clones functions for arguments of more static types, each once for the same
/// types, and what they call.
class Specializer {
public:
  explicit Specializer(SymbolTable &symbols) : symbols(symbols) {}

  /// Returns a private function that does what `source` does, for arguments of
  /// these types. Its results may be more static as well. Returns null, after a
  /// remark, if an op of it or of what it calls does not allow these extents:
  /// some other one contradicts them, and they do not occur.
  func::FuncOp getOrClone(func::FuncOp source, ArrayRef<Type> types,
                          StringRef suffix);

  ArrayRef<func::FuncOp> getClones() const { return clones; }

private:
  LogicalResult cloneBody(func::FuncOp source, func::FuncOp clone,
                          StringRef suffix);
  LogicalResult cloneOp(Operation &op, StringRef suffix);
  /// The callee if it has a body to clone.
  func::FuncOp findCloneable(func::CallOp call) const;
  LogicalResult cloneCall(func::CallOp call, func::FuncOp callee,
                          StringRef suffix);
  void cloneFolded(Operation &op);
  void cloneUnchanged(Operation &op);
  void mapRefined(Operation &op, Operation *clone);
  /// Takes over what the op says about the extents of its results.
  void refineResults(Operation *op);
  bool verifyClone(func::FuncOp source, func::FuncOp clone);
  LogicalResult verifyFolded(func::FuncOp clone);
  /// A function made earlier that is the same as `clone`, if there is one.
  func::FuncOp findEqual(func::FuncOp clone) const;

  SymbolTable &symbols;
  OpBuilder builder{symbols.getOp()->getContext()};
  DenseMap<std::pair<func::FuncOp, FunctionType>, func::FuncOp> known;
  /// Functions that are being cloned: a recursive call is left as it is.
  SmallPtrSet<Operation *, 4> active;
  SmallVector<func::FuncOp> clones;
  IRMapping mapping;
  /// Those of all ops, once they are needed.
  std::optional<FrozenRewritePatternSet> canonicalization;
};
} // namespace

func::FuncOp Specializer::getOrClone(func::FuncOp source, ArrayRef<Type> types,
                                     StringRef suffix) {
  std::pair key(source, builder.getFunctionType(types, TypeRange()));
  if (auto found = known.find(key); found != known.end())
    return found->second;
  auto clone = func::FuncOp::create(
      source.getLoc(), (source.getSymName() + suffix).str(),
      builder.getFunctionType(types, source.getResultTypes()));
  clone.setPrivate();
  symbols.insert(clone, std::next(source->getIterator()));
  active.insert(source);
  LogicalResult cloned = cloneBody(source, clone, suffix);
  active.erase(source);
  bool isValid = succeeded(cloned) && verifyClone(source, clone);
  func::FuncOp equal = isValid ? findEqual(clone) : func::FuncOp();
  if (isValid && !equal) {
    clones.push_back(clone);
  } else {
    symbols.erase(clone);
    clone = equal;
  }
  known[key] = clone;
  return clone;
}

bool Specializer::verifyClone(func::FuncOp source, func::FuncOp clone) {
  std::string complaint;
  bool isValid;
  {
    ScopedDiagnosticHandler handler(
        source.getContext(),
        [&](Diagnostic &diagnostic) { complaint = diagnostic.str(); });
    isValid = succeeded(verify(clone)) && succeeded(verifyFolded(clone));
  }
  if (!isValid)
    source.emitRemark() << "is not specialized: " << complaint;
  return isValid;
}

/// Verifies the clone as it will be once casts are folded into their users: ops
/// of other dialects keep their types, behind casts that hide a contradiction.
LogicalResult Specializer::verifyFolded(func::FuncOp clone) {
  if (clone.getOps<tensor::CastOp>().empty())
    return success();
  if (!canonicalization) {
    RewritePatternSet patterns(builder.getContext());
    for (Dialect *dialect : builder.getContext()->getLoadedDialects())
      dialect->getCanonicalizationPatterns(patterns);
    for (RegisteredOperationName name :
         builder.getContext()->getRegisteredOperations())
      name.getCanonicalizationPatterns(patterns, builder.getContext());
    canonicalization.emplace(std::move(patterns));
  }
  OwningOpRef<func::FuncOp> folded = clone.clone();
  (void)applyPatternsGreedily(*folded, *canonicalization);
  return verify(*folded);
}

func::FuncOp Specializer::findEqual(func::FuncOp clone) const {
  for (func::FuncOp other : clones)
    if (other.getFunctionType() == clone.getFunctionType() &&
        OperationEquivalence::isRegionEquivalentTo(
            &other.getBody(), &clone.getBody(),
            OperationEquivalence::IgnoreLocations))
      return other;
  return {};
}

LogicalResult Specializer::cloneBody(func::FuncOp source, func::FuncOp clone,
                                     StringRef suffix) {
  OpBuilder::InsertionGuard guard(builder);
  IRMapping outer;
  std::swap(outer, mapping);
  llvm::scope_exit restore([&] { std::swap(outer, mapping); });
  Block *body = clone.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  mapping.map(source.getArguments(), body->getArguments());
  for (Operation &op : source.front())
    if (failed(cloneOp(op, suffix)))
      return failure();
  clone.setFunctionType(builder.getFunctionType(
      clone.getArgumentTypes(), body->getTerminator()->getOperandTypes()));
  return success();
}

/// Whether all that the op takes and gives are numbers.
static bool isScalar(Operation &op) {
  return op.getNumRegions() == 0 && op.getNumResults() != 0 &&
         llvm::all_of(op.getOperandTypes(),
                      llvm::IsaPred<IndexType, IntegerType, FloatType>) &&
         llvm::all_of(op.getResultTypes(),
                      llvm::IsaPred<IndexType, IntegerType, FloatType>);
}

LogicalResult Specializer::cloneOp(Operation &op, StringRef suffix) {
  bool isChanged = llvm::any_of(op.getOperands(), [&](Value operand) {
    return mapping.lookup(operand).getType() != operand.getType();
  });
  if (auto call = dyn_cast<func::CallOp>(op); call && isChanged)
    if (func::FuncOp callee = findCloneable(call))
      return cloneCall(call, callee, suffix);
  bool isComputed = llvm::any_of(op.getOperands(), [&](Value operand) {
    return getConstantIntValue(mapping.lookup(operand)).has_value();
  });
  bool isRefined = isa<ReifyRankedShapedTypeOpInterface>(op) &&
                   isa<gpt::GptDialect>(op.getDialect());
  if (isRefined && (isChanged || isComputed))
    refineResults(builder.clone(op, mapping));
  else if (isa<tensor::DimOp>(op) || isScalar(op))
    cloneFolded(op);
  else if (isa<func::ReturnOp, tensor::CastOp>(op))
    builder.clone(op, mapping);
  else if (!isChanged && op.getNumRegions() == 0)
    mapRefined(op, builder.clone(op, mapping));
  else
    cloneUnchanged(op);
  return success();
}

/// A mask takes sizes for the extents that its type does not say.
static void dropSizes(gpt::CausalMaskOp mask, ArrayRef<OpFoldResult> extents) {
  SmallVector<Value> sizes;
  for (auto [dim, extent] : llvm::enumerate(extents))
    if (mask.getType().isDynamicDim(dim))
      sizes.push_back(cast<Value>(extent));
  mask.getSizesMutable().assign(sizes);
}

void Specializer::refineResults(Operation *op) {
  ReifiedRankedShapedTypeDims shapes;
  if (failed(cast<ReifyRankedShapedTypeOpInterface>(op).reifyResultShapes(
          builder, shapes)))
    return;
  for (auto [result, extents] : llvm::zip_equal(op->getResults(), shapes)) {
    auto type = cast<RankedTensorType>(result.getType());
    SmallVector<int64_t> shape(type.getShape());
    for (auto [extent, reified] : llvm::zip_equal(shape, extents))
      if (ShapedType::isDynamic(extent))
        extent = getConstantIntValue(reified).value_or(extent);
    result.setType(type.clone(shape));
  }
  if (auto mask = dyn_cast<gpt::CausalMaskOp>(op))
    dropSizes(mask, shapes.front());
}

func::FuncOp Specializer::findCloneable(func::CallOp call) const {
  auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
  if (!callee || !callee.isPrivate() || callee.isExternal() ||
      !callee.getBody().hasOneBlock() || active.contains(callee))
    return {};
  return callee;
}

/// Calls the clone of a private function for what its operands are now.
LogicalResult Specializer::cloneCall(func::CallOp call, func::FuncOp callee,
                                     StringRef suffix) {
  SmallVector<Value> operands =
      llvm::map_to_vector(call.getOperands(), [&](Value operand) {
        return mapping.lookup(operand);
      });
  func::FuncOp target = getOrClone(
      callee, llvm::to_vector(ValueRange(operands).getTypes()), suffix);
  if (!target) {
    call->getParentOfType<func::FuncOp>().emitRemark()
        << "is not specialized: it calls @" << callee.getSymName()
        << ", which is not";
    return failure();
  }
  auto clone = func::CallOp::create(builder, call.getLoc(), target, operands);
  clone->setDiscardableAttrs(call->getDiscardableAttrDictionary());
  mapping.map(call.getResults(), clone.getResults());
  return success();
}

/// Clones an op that yields numbers, or takes over its results if what it is
/// given says what they are: extents are computed from others.
void Specializer::cloneFolded(Operation &op) {
  Operation *clone = builder.clone(op, mapping);
  SmallVector<Value> folded;
  if (failed(builder.tryFold(clone, folded)) || folded.empty())
    return;
  mapping.map(op.getResults(), folded);
  clone->erase();
}

/// Clones an op with operands of the types it has always had.
void Specializer::cloneUnchanged(Operation &op) {
  IRMapping unchanged = mapping;
  auto restore = [&](Value value) {
    Value mapped = mapping.lookupOrNull(value);
    if (mapped)
      unchanged.map(value,
                    castTo(builder, op.getLoc(), mapped, value.getType()));
  };
  llvm::for_each(op.getOperands(), restore);
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op.getRegions(), captured);
  llvm::for_each(captured, restore);
  mapRefined(op, builder.clone(op, unchanged));
}

/// The extents of the results of a structured op that its operands say, whose
/// types are those of `operands`.
static SmallVector<SmallVector<int64_t>>
inferResultShapes(linalg::LinalgOp op, ValueRange operands) {
  SmallVector<int64_t> loops(op.getNumLoops(), ShapedType::kDynamic);
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  for (auto [operand, map] : llvm::zip_equal(operands, maps))
    if (auto type = dyn_cast<RankedTensorType>(operand.getType()))
      for (auto [extent, expr] :
           llvm::zip_equal(type.getShape(), map.getResults()))
        if (auto dim = dyn_cast<AffineDimExpr>(expr);
            dim && ShapedType::isStatic(extent))
          loops[dim.getPosition()] = extent;
  return llvm::map_to_vector(
      ArrayRef(maps).take_back(op->getNumResults()), [&](AffineMap map) {
        return llvm::map_to_vector(map.getResults(), [&](AffineExpr expr) {
          auto dim = dyn_cast<AffineDimExpr>(expr);
          return dim ? loops[dim.getPosition()] : ShapedType::kDynamic;
        });
      });
}

/// Maps the results of an op of another dialect to those of its clone, by casts
/// to the extents that are known of them now. Behind the op, ops of gpt are
/// checked against them; upstream's canonicalization, which knows them as well,
/// would make an invalid op where they contradict another extent.
void Specializer::mapRefined(Operation &op, Operation *clone) {
  SmallVector<SmallVector<int64_t>> shapes;
  if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
    shapes = inferResultShapes(
        structured, llvm::map_to_vector(op.getOperands(), [&](Value operand) {
          return mapping.lookup(operand);
        }));
  } else if (auto empty = dyn_cast<tensor::EmptyOp>(clone)) {
    SmallVector<int64_t> &shape = shapes.emplace_back();
    for (OpFoldResult size : empty.getMixedSizes())
      shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
  }
  mapping.map(op.getResults(), clone->getResults());
  for (auto [result, from, shape] :
       llvm::zip(clone->getResults(), op.getResults(), shapes)) {
    auto type = cast<RankedTensorType>(result.getType());
    for (auto [known, extent] : llvm::zip_equal(type.getShape(), shape))
      if (ShapedType::isStatic(known))
        extent = known;
    mapping.map(from, castTo(builder, op.getLoc(), result, type.clone(shape)));
  }
}

//===----------------------------------------------------------------------===//
// Dispatch
//===----------------------------------------------------------------------===//

/// An extent that has a name: dimension `dim` of argument `argument`.
namespace {
struct NamedExtent {
  unsigned argument;
  int64_t dim;
  Attribute name;
};
} // namespace

/// The dynamic extents of the inputs of `function`, and all others of the same
/// names. What only weights or caches have, such as a capacity, is not among
/// them.
static SmallVector<NamedExtent> findExtents(func::FuncOp function) {
  llvm::SmallSetVector<Attribute, 4> names;
  auto visit = [&](auto action) {
    for (unsigned index = 0; index < function.getNumArguments(); ++index) {
      auto type =
          dyn_cast<RankedTensorType>(function.getArgumentTypes()[index]);
      auto dims = function.getArgAttrOfType<ArrayAttr>(index, gpt::kDimsAttr);
      if (!type || !dims)
        continue;
      for (auto [dim, name] : llvm::enumerate(dims))
        if (type.isDynamicDim(dim) && !cast<StringAttr>(name).empty())
          action(NamedExtent{index, static_cast<int64_t>(dim), name});
    }
  };
  visit([&](NamedExtent extent) {
    if (!function.getArgAttr(extent.argument, gpt::kWeightAttr) &&
        !function.getArgAttr(extent.argument, gpt::kCacheAttr))
      names.insert(extent.name);
  });
  SmallVector<NamedExtent> extents;
  visit([&](NamedExtent extent) {
    if (names.contains(extent.name))
      extents.push_back(extent);
  });
  return extents;
}

/// Whether an input has an extent that is neither static nor named. It may
/// equal a named one at run time: a clone in which only that one is known could
/// contradict itself, which ops find out after they have been lowered.
static bool hasUnnamedExtent(func::FuncOp function) {
  for (auto [index, argument] : llvm::enumerate(function.getArgumentTypes())) {
    auto type = dyn_cast<RankedTensorType>(argument);
    if (!type || type.hasStaticShape())
      continue;
    auto dims = function.getArgAttrOfType<ArrayAttr>(index, gpt::kDimsAttr);
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (type.isDynamicDim(dim) &&
          (!dims || cast<StringAttr>(dims[dim]).empty()))
        return true;
  }
  return false;
}

/// Drops what is said of arguments and results but for the names of extents:
/// that equal ones are equal is of use to later passes. What has become static
/// has no name.
static void keepExtentNamesOnly(func::FuncOp function,
                                func::FuncOp dispatcher) {
  function.removeArgAttrsAttr();
  function.removeResAttrsAttr();
  auto unnamed = StringAttr::get(function.getContext(), "");
  for (auto [index, argument] : llvm::enumerate(function.getArgumentTypes())) {
    auto type = dyn_cast<RankedTensorType>(argument);
    auto dims = dispatcher.getArgAttrOfType<ArrayAttr>(index, gpt::kDimsAttr);
    if (!type || !dims)
      continue;
    SmallVector<Attribute> names(dims.getValue());
    for (auto [dim, name] : llvm::enumerate(names))
      if (!type.isDynamicDim(dim))
        name = unnamed;
    if (llvm::any_of(names, [&](Attribute name) { return name != unnamed; }))
      function.setArgAttr(index, gpt::kDimsAttr,
                          ArrayAttr::get(function.getContext(), names));
  }
}

/// The types of the arguments once these extents are `value`.
static SmallVector<Type> getStaticTypes(func::FuncOp function,
                                        ArrayRef<NamedExtent> extents,
                                        int64_t value) {
  SmallVector<Type> types(function.getArgumentTypes());
  for (NamedExtent extent : extents) {
    auto type = cast<RankedTensorType>(types[extent.argument]);
    SmallVector<int64_t> shape(type.getShape());
    shape[extent.dim] = value;
    types[extent.argument] = type.clone(shape);
  }
  return types;
}

namespace {
/// A clone and the value of all extents that it is for.
struct Version {
  int64_t value;
  func::FuncOp function;
};
} // namespace

/// Calls one of the functions with the arguments of `dispatcher`.
static SmallVector<Value> buildCall(OpBuilder &builder, func::FuncOp dispatcher,
                                    func::FuncOp target) {
  Location loc = dispatcher.getLoc();
  auto call =
      func::CallOp::create(builder, loc, target,
                           castTo(builder, loc, dispatcher.getArguments(),
                                  target.getArgumentTypes()));
  return castTo(builder, loc, call.getResults(), dispatcher.getResultTypes());
}

/// Whether all extents are `value`. Those of one name are equal: one is asked.
static Value buildTest(OpBuilder &builder, func::FuncOp dispatcher,
                       ArrayRef<NamedExtent> extents, int64_t value) {
  Location loc = dispatcher.getLoc();
  Value expected = arith::ConstantIndexOp::create(builder, loc, value);
  Value test;
  llvm::SmallDenseSet<Attribute> asked;
  for (NamedExtent extent : extents) {
    if (!asked.insert(extent.name).second)
      continue;
    Value actual = tensor::DimOp::create(
        builder, loc, dispatcher.getArgument(extent.argument), extent.dim);
    Value equal = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                        actual, expected);
    test = test ? arith::AndIOp::create(builder, loc, test, equal).getResult()
                : equal;
  }
  return test;
}

/// Tests for the versions in turn; what fits none is for `general`.
static SmallVector<Value> buildDispatch(OpBuilder &builder,
                                        func::FuncOp dispatcher,
                                        ArrayRef<NamedExtent> extents,
                                        ArrayRef<Version> versions,
                                        func::FuncOp general) {
  if (versions.empty())
    return buildCall(builder, dispatcher, general);
  Location loc = dispatcher.getLoc();
  Value test = buildTest(builder, dispatcher, extents, versions.front().value);
  auto build = [&](auto buildResults) {
    return [=](OpBuilder &nested, Location nestedLoc) {
      scf::YieldOp::create(nested, nestedLoc, buildResults(nested));
    };
  };
  auto branch = scf::IfOp::create(
      builder, loc, test, build([&](OpBuilder &nested) {
        return buildCall(nested, dispatcher, versions.front().function);
      }),
      build([&](OpBuilder &nested) {
        return buildDispatch(nested, dispatcher, extents, versions.drop_front(),
                             general);
      }));
  return SmallVector<Value>(branch.getResults());
}

namespace {
struct SpecializeShapes final
    : public gpt::impl::SpecializeShapesBase<SpecializeShapes> {
  using SpecializeShapesBase::SpecializeShapesBase;

  void runOnOperation() override {
    if (llvm::any_of(getExtents(), [](int64_t extent) { return extent < 1; })) {
      getOperation().emitError() << "expected extents to be positive";
      return signalPassFailure();
    }
    SymbolTable symbols(getOperation());
    Specializer specializer(symbols);
    for (auto function :
         llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (!function.isPublic() || function.isExternal() ||
          !function.getBody().hasOneBlock())
        continue;
      SmallVector<NamedExtent> named = findExtents(function);
      if (named.empty())
        continue;
      if (hasUnnamedExtent(function)) {
        function.emitRemark()
            << "is not specialized: an extent of an argument has no name";
        continue;
      }
      specialize(function, named, specializer, symbols);
    }
    numClones += specializer.getClones().size();
  }

private:
  SmallVector<int64_t> getExtents() {
    if (extents.empty())
      return {1};
    return llvm::to_vector(*extents);
  }

  /// Before:
  /// ```mlir
  /// func.func @decode(%x: tensor<?x1x64xf32> {gpt.dims = ["batch", "", ""]})
  ///     -> tensor<?x1x64xf32>
  /// ```
  /// After:
  /// ```mlir
  /// func.func @decode(%x: tensor<?x1x64xf32> {...}) -> tensor<?x1x64xf32> {
  ///   %y = scf.if %batch == 1 {
  ///     %x1 = tensor.cast %x : tensor<?x1x64xf32> to tensor<1x1x64xf32>
  ///     %y1 = call @decode_1(%x1)
  ///     scf.yield (tensor.cast %y1)
  ///   } else {
  ///     scf.yield (call @decode_general(%x))
  ///   }
  ///   return %y
  /// }
  /// ```
  void specialize(func::FuncOp function, ArrayRef<NamedExtent> named,
                  Specializer &specializer, SymbolTable &symbols) {
    SmallVector<Version> versions;
    for (int64_t extent : getExtents())
      if (func::FuncOp clone = specializer.getOrClone(
              function, getStaticTypes(function, named, extent),
              "_" + std::to_string(extent)))
        versions.push_back({extent, clone});
    if (versions.empty())
      return;

    auto dispatcher = cast<func::FuncOp>(function->cloneWithoutRegions());
    symbols.remove(function);
    function.setSymName((dispatcher.getSymName() + "_general").str());
    function.setPrivate();
    // Names and weights are known by the function that is called from outside.
    keepExtentNamesOnly(function, dispatcher);
    for (const Version &version : versions)
      keepExtentNamesOnly(version.function, dispatcher);
    symbols.insert(dispatcher, function->getIterator());
    symbols.insert(function);

    OpBuilder builder(&getContext());
    builder.setInsertionPointToEnd(dispatcher.addEntryBlock());
    SmallVector<Value> results =
        buildDispatch(builder, dispatcher, named, versions, function);
    func::ReturnOp::create(builder, dispatcher.getLoc(), results);
    ++numSpecialized;
  }
};
} // namespace
