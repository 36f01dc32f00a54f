//===- HoistWeightPacking.cpp - pack weights once ---------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns packed weights into arguments, from the function that uses them up
// through all its callers, and makes a function of what packs them. A packed
// weight is known by its packing function and the weights that go into it, so
// all uses of one, in whatever function, become one argument.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "gpt/GptDialect.h"
#include "gpt/Transforms/WeightExpressions.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MD5.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_HOISTWEIGHTPACKING
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;
using namespace mlir::gpt;

namespace {

/// A way of packing.
struct Packer {
  StringAttr function;
  /// A hash of what the function does.
  std::string layout;
  RankedTensorType type;
};

/// The packed weights that a public function takes.
struct PublicPacking {
  /// Their places in the table of packed weights.
  SmallVector<int64_t> packed;
  /// The arguments that were there before and still are.
  SmallVector<int64_t> kept;
};

/// Moves the packed weights of one module into arguments.
class Hoister {
public:
  explicit Hoister(ModuleOp module)
      : module(module), symbols(module), weights(findWeightArguments(module)) {
    collectCalls();
  }

  void run() {
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      hoist(function, findWeightExpressions(function, weights));
    eraseUnusedWeights();
  }

  /// Returns what is known of the packed weights, null if there are none.
  DictionaryAttr getPacking();

  unsigned getNumWeights() const { return table.size(); }
  unsigned getNumPackers() const { return packers.size(); }

private:
  /// A packed weight within a function: how it is packed, and of what.
  using PackedValue = std::pair<const Packer *, SmallVector<unsigned>>;

  void collectCalls();
  void hoist(func::FuncOp function, ArrayRef<WeightExpression> expressions);
  const Packer &getPacker(const WeightExpression &expression);
  BlockArgument getArgument(func::FuncOp function, const Packer &packer,
                            ArrayRef<unsigned> sources);
  void record(func::FuncOp function, const Packer &packer,
              ArrayRef<unsigned> sources);
  void eraseUnusedWeights();

  ModuleOp module;
  SymbolTable symbols;
  /// The calls of every function; none for one that is used in another way.
  DenseMap<func::FuncOp, SmallVector<func::CallOp>> calls;
  WeightArguments weights;
  /// By the text of the packing function.
  llvm::StringMap<Packer> packers;
  DenseMap<func::FuncOp, SmallVector<std::pair<PackedValue, BlockArgument>>>
      arguments;
  /// Weights that were packed, in the order of their functions.
  llvm::SetVector<BlockArgument> sources;
  /// Every packed weight: its description, by that description.
  llvm::MapVector<Attribute, int64_t> table;
  llvm::MapVector<func::FuncOp, PublicPacking> publicPackings;
};

} // namespace

void Hoister::collectCalls() {
  module.walk([&](func::CallOp call) {
    auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
    if (callee && call->getParentOfType<func::FuncOp>())
      calls[callee].push_back(call);
  });
  // A function that is used in another way must stay what it is.
  for (auto &[function, callers] : calls)
    if (llvm::range_size(*SymbolTable::getSymbolUses(function, module)) !=
        callers.size())
      callers.clear();
}

/// Returns the packing function of `expression`, the same one for all that are
/// computed in the same way.
const Packer &Hoister::getPacker(const WeightExpression &expression) {
  OwningOpRef<func::FuncOp> function = buildPackingFunction(expression);
  std::string text;
  llvm::raw_string_ostream stream(text);
  (*function)->print(
      stream, OpPrintingFlags().printGenericOpForm().enableDebugInfo(false));
  auto [entry, isNew] = packers.try_emplace(text);
  if (!isNew)
    return entry->second;
  Packer &packer = entry->second;
  packer.layout =
      llvm::toHex(llvm::MD5::hash(llvm::arrayRefFromStringRef(text)),
                  /*LowerCase=*/true);
  packer.type = cast<RankedTensorType>(expression.root.getType());
  function->setSymName("gpt_pack_" + Twine(packers.size() - 1).str());
  packer.function = symbols.insert(function.release());
  return packer;
}

/// One expression may be a part of another: all are read before any of them is
/// replaced, and ops are erased when none is needed any more.
void Hoister::hoist(func::FuncOp function,
                    ArrayRef<WeightExpression> expressions) {
  SmallVector<const Packer *> found =
      llvm::map_to_vector(expressions, [&](const WeightExpression &expression) {
        return &getPacker(expression);
      });
  llvm::SetVector<Operation *> ops;
  for (auto [expression, packer] : llvm::zip_equal(expressions, found)) {
    SmallVector<unsigned> leaves =
        llvm::map_to_vector(expression.leaves, [](BlockArgument leaf) {
          return leaf.getArgNumber();
        });
    Value(expression.root)
        .replaceAllUsesWith(getArgument(function, *packer, leaves));
    ops.insert_range(expression.ops);
  }
  for (Operation *op : llvm::reverse(ops.getArrayRef()))
    if (op->use_empty())
      op->erase();
}

/// Returns the argument of `function` that takes the weights of numbers `from`
/// in packed form, after adding it to the function and to its calls if it is
/// the first use.
BlockArgument Hoister::getArgument(func::FuncOp function, const Packer &packer,
                                   ArrayRef<unsigned> from) {
  PackedValue key(&packer, from);
  for (auto &[known, argument] : arguments[function])
    if (known == key)
      return argument;
  unsigned index = function.getNumArguments();
  LogicalResult inserted = function.insertArgument(
      index, packer.type, /*argAttrs=*/{}, function.getLoc());
  assert(succeeded(inserted) && "any type can be an argument");
  (void)inserted;
  BlockArgument argument = function.getArgument(index);
  arguments[function].emplace_back(key, argument);
  for (unsigned source : from)
    sources.insert(function.getArgument(source));
  if (function.isPublic())
    record(function, packer, from);
  for (func::CallOp call : calls.lookup(function)) {
    SmallVector<unsigned> operands = llvm::map_to_vector(from, [&](unsigned i) {
      return cast<BlockArgument>(call.getOperand(i)).getArgNumber();
    });
    auto caller = call->getParentOfType<func::FuncOp>();
    call.getOperandsMutable().append(getArgument(caller, packer, operands));
    call.removeArgAttrsAttr();
  }
  return argument;
}

/// Notes that public function `function` takes a packed weight.
void Hoister::record(func::FuncOp function, const Packer &packer,
                     ArrayRef<unsigned> from) {
  Builder builder(function.getContext());
  SmallVector<Attribute> names = llvm::map_to_vector(
      from, [&](unsigned i) { return function.getArgAttr(i, kWeightAttr); });
  Attribute weight = builder.getDictionaryAttr(
      {builder.getNamedAttr("function", packer.function),
       builder.getNamedAttr("layout", builder.getStringAttr(packer.layout)),
       builder.getNamedAttr("sources", builder.getArrayAttr(names)),
       builder.getNamedAttr("type", TypeAttr::get(packer.type))});
  int64_t place = table.try_emplace(weight, table.size()).first->second;
  publicPackings[function].packed.push_back(place);
}

/// Erases the weights that are used in packed form only.
void Hoister::eraseUnusedWeights() {
  // An argument of a caller may lose its last use with one of its callees.
  llvm::DenseSet<BlockArgument> unused;
  for (bool changed = true; changed;) {
    changed = false;
    for (BlockArgument source : sources) {
      bool isUnused = llvm::all_of(source.getUses(), [&](OpOperand &use) {
        auto call = dyn_cast<func::CallOp>(use.getOwner());
        auto callee =
            call ? symbols.lookup<func::FuncOp>(call.getCallee()) : nullptr;
        return callee &&
               unused.contains(callee.getArgument(use.getOperandNumber()));
      });
      changed |= isUnused && unused.insert(source).second;
    }
  }

  DenseMap<func::FuncOp, BitVector> erased;
  for (BlockArgument argument : unused) {
    auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
    BitVector &bits = erased[function];
    bits.resize(function.getNumArguments());
    bits.set(argument.getArgNumber());
  }
  for (auto &[function, packing] : publicPackings) {
    const BitVector &bits = erased[function];
    unsigned before = function.getNumArguments() - packing.packed.size();
    for (unsigned index = 0; index < before; ++index)
      if (bits.empty() || !bits.test(index))
        packing.kept.push_back(index);
  }
  for (auto &[function, bits] : erased)
    for (func::CallOp call : calls.lookup(function))
      call->eraseOperands(bits);
  for (auto &[function, bits] : erased) {
    LogicalResult result =
        bits.empty() ? success() : func::FuncOp(function).eraseArguments(bits);
    assert(succeeded(result) && "the arguments have no uses");
    (void)result;
  }
}

DictionaryAttr Hoister::getPacking() {
  if (table.empty())
    return {};
  Builder builder(module.getContext());
  SmallVector<Attribute> entries;
  for (auto &[weight, place] : table)
    entries.push_back(weight);
  SmallVector<NamedAttribute> functions;
  for (auto &[function, packing] : publicPackings)
    functions.push_back(builder.getNamedAttr(
        func::FuncOp(function).getSymName(),
        builder.getDictionaryAttr(
            {builder.getNamedAttr("arguments",
                                  builder.getDenseI64ArrayAttr(packing.kept)),
             builder.getNamedAttr(
                 "packed", builder.getDenseI64ArrayAttr(packing.packed))})));
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("functions", builder.getDictionaryAttr(functions)),
       builder.getNamedAttr("weights", builder.getArrayAttr(entries))});
}

namespace {
struct HoistWeightPacking final
    : public gpt::impl::HoistWeightPackingBase<HoistWeightPacking> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    bool isPacked = module->hasAttr(kPackingAttr);
    if (!isPacked) {
      Hoister hoister(module);
      hoister.run();
      if (DictionaryAttr packing = hoister.getPacking())
        module->setAttr(kPackingAttr, packing);
      numWeights += hoister.getNumWeights();
      numFunctions += hoister.getNumPackers();
      if (hoister.getNumWeights())
        remark::passed(
            module.getLoc(),
            remark::RemarkOpts::name(getArgument()).category("weights"))
            << remark::metric("NumWeights", hoister.getNumWeights())
            << remark::metric("NumFunctions", hoister.getNumPackers());
    }
    reportKept(isPacked ? "the weights of this module are packed already"
                        : "its source is not a 'gpt.weight' argument of a "
                          "public function in every call");
  }

private:
  /// Remarks on the packs that run in every call.
  void reportKept(StringRef reason) {
    llvm::DenseSet<Attribute> packers;
    if (auto packing =
            getOperation()->getAttrOfType<DictionaryAttr>(kPackingAttr))
      if (auto weights = packing.getAs<ArrayAttr>("weights"))
        for (auto weight : weights.getAsRange<DictionaryAttr>())
          packers.insert(weight.get("function"));
    getOperation().walk([&](linalg::PackOp op) {
      auto function = op->getParentOfType<func::FuncOp>();
      if (!isWeightPack(op) || !function ||
          packers.contains(function.getSymNameAttr()))
        return;
      ++numKept;
      remark::missed(op.getLoc(), remark::RemarkOpts::name(getArgument())
                                      .category("weights")
                                      .function(function.getSymName()))
          << remark::reason("{0}", reason);
    });
  }
};
} // namespace
