//===- Partition.cpp - Parts of an LLVM module ------------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The unit is a group: a function and all that it alone calls. What other
// threads run, the task of a parallel loop, is passed by its address, which is
// where optimizations end anyway, and begins a group. A part is read lazily
// from the bitcode of the whole module, so that threads need share nothing.
//
//===----------------------------------------------------------------------===//

#include "gpt/Target/Partition.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/InstrTypes.h"
#include "llvm/IR/Instructions.h"

using namespace mlir;
using llvm::Function;
using llvm::GlobalValue;
using llvm::GlobalVariable;

/// Instructions that a part should have, before optimization, and how many
/// parts there may be. A part costs some milliseconds whatever is in it.
static constexpr unsigned kPartSize = 2000;
static constexpr unsigned kMaxParts = 32;
/// Instructions of a function that is rather compiled several times than called
/// from another part, and bytes of such a constant.
static constexpr unsigned kSmallFunction = 32;
static constexpr uint64_t kSmallConstant = 4096;

namespace {
/// Who uses a symbol.
struct Users {
  /// Functions that call it.
  llvm::SetVector<Function *> callers;
  /// All that refer to it, also in constants.
  llvm::SetVector<GlobalValue *> all;
  /// Whether it is used other than by calls.
  bool hasOtherUses = false;
};

/// Decides which part defines what.
class Cutter {
public:
  explicit Cutter(llvm::Module &module) : module(module) {}

  /// Returns the number of parts; fills in who defines what of `owners`.
  unsigned run(llvm::StringMap<unsigned> &owners);

  /// Whether any part but its owner may use `symbol`.
  bool isUsedElsewhere(GlobalValue &symbol,
                       const llvm::StringMap<unsigned> &owners);

private:
  Users &getUsers(GlobalValue &symbol);
  /// Whether each part that uses `symbol` defines it.
  bool isDuplicated(GlobalValue &symbol);
  /// Puts functions that one other function calls into its group.
  void formGroups();
  /// Puts each group into the part that is the smallest so far.
  unsigned fillParts();
  void placeVariables(llvm::StringMap<unsigned> &owners);

  llvm::Module &module;
  llvm::MapVector<GlobalValue *, Users> users;
  llvm::EquivalenceClasses<Function *> groups;
  llvm::DenseMap<Function *, unsigned> parts;
};
} // namespace

static void collectUsers(llvm::Value &value, llvm::Value &symbol,
                         Users &users) {
  for (llvm::Use &use : value.uses()) {
    if (auto *instruction = llvm::dyn_cast<llvm::Instruction>(use.getUser())) {
      users.all.insert(instruction->getFunction());
      auto *call = llvm::dyn_cast<llvm::CallBase>(instruction);
      if (&value == &symbol && call && call->isCallee(&use))
        users.callers.insert(instruction->getFunction());
      else
        users.hasOtherUses = true;
      continue;
    }
    users.hasOtherUses = true;
    if (auto *global = llvm::dyn_cast<GlobalValue>(use.getUser()))
      users.all.insert(global);
    else
      collectUsers(*use.getUser(), symbol, users);
  }
}

Users &Cutter::getUsers(GlobalValue &symbol) {
  auto [entry, isNew] = users.try_emplace(&symbol);
  if (isNew)
    collectUsers(symbol, symbol, entry->second);
  return entry->second;
}

bool Cutter::isDuplicated(GlobalValue &symbol) {
  if (!symbol.hasLocalLinkage())
    return false;
  if (auto *function = llvm::dyn_cast<Function>(&symbol))
    return !getUsers(symbol).hasOtherUses &&
           getUsers(symbol).callers.size() > 1 &&
           (function->hasFnAttribute(llvm::Attribute::AlwaysInline) ||
            function->getInstructionCount() <= kSmallFunction);
  auto *variable = llvm::dyn_cast<GlobalVariable>(&symbol);
  // Whoever compares addresses would notice.
  return variable && variable->isConstant() &&
         variable->hasGlobalUnnamedAddr() &&
         module.getDataLayout().getTypeAllocSize(variable->getValueType()) <=
             kSmallConstant;
}

void Cutter::formGroups() {
  for (Function &function : module) {
    if (function.isDeclaration() || isDuplicated(function))
      continue;
    groups.insert(&function);
    const Users &found = getUsers(function);
    if (!function.hasLocalLinkage() || found.hasOtherUses ||
        found.callers.size() != 1)
      continue;
    // The next look at users may move those found.
    Function *caller = found.callers.front();
    if (!isDuplicated(*caller))
      groups.unionSets(&function, caller);
  }
}

unsigned Cutter::fillParts() {
  // In the order of the module.
  llvm::MapVector<Function *, llvm::SmallVector<Function *>> members;
  llvm::DenseMap<Function *, unsigned> sizes;
  unsigned total = 0;
  for (Function &function : module) {
    auto leader = groups.findLeader(&function);
    if (leader == groups.member_end())
      continue;
    unsigned count = function.getInstructionCount();
    members[*leader].push_back(&function);
    sizes[*leader] += count;
    total += count;
  }
  unsigned numParts = std::clamp(total / kPartSize, 1u, kMaxParts);
  auto all = members.takeVector();
  auto order = llvm::to_vector(llvm::seq<size_t>(0, all.size()));
  llvm::sort(order, [&](size_t one, size_t other) {
    return std::pair(sizes[all[other].first], one) <
           std::pair(sizes[all[one].first], other);
  });
  llvm::SmallVector<unsigned> filled(numParts, 0);
  for (size_t index : order) {
    auto &[leader, functions] = all[index];
    unsigned part = llvm::min_element(filled) - filled.begin();
    filled[part] += sizes[leader];
    for (Function *function : functions)
      parts[function] = part;
  }
  return numParts;
}

void Cutter::placeVariables(llvm::StringMap<unsigned> &owners) {
  for (GlobalVariable &variable : module.globals()) {
    if (variable.isDeclaration() || isDuplicated(variable))
      continue;
    unsigned part = 0;
    if (variable.hasLocalLinkage())
      for (GlobalValue *user : getUsers(variable).all)
        if (auto *function = llvm::dyn_cast<Function>(user);
            function && parts.contains(function)) {
          part = parts[function];
          break;
        }
    owners[variable.getName()] = part;
  }
}

unsigned Cutter::run(llvm::StringMap<unsigned> &owners) {
  formGroups();
  unsigned numParts = fillParts();
  for (auto [function, part] : parts)
    owners[function->getName()] = part;
  placeVariables(owners);
  return numParts;
}

bool Cutter::isUsedElsewhere(GlobalValue &symbol,
                             const llvm::StringMap<unsigned> &owners) {
  unsigned part = owners.lookup(symbol.getName());
  return llvm::any_of(getUsers(symbol).all, [&](GlobalValue *user) {
    auto owner = owners.find(user->getName());
    return owner == owners.end() || owner->second != part;
  });
}

gpt::Partition::Partition(llvm::Module &module) {
  // Parts know each other's symbols by name.
  for (GlobalValue &symbol : module.global_values())
    if (!symbol.hasName())
      symbol.setName("unnamed");
  // What is here was not made by this compiler and is left in one piece.
  bool canBeCut = module.alias_empty() && module.ifunc_empty() &&
                  module.getModuleInlineAsm().empty();
  Cutter cutter(module);
  if (canBeCut)
    numParts = cutter.run(owners);
  for (GlobalValue &symbol : module.global_values()) {
    if (!symbol.hasLocalLinkage() || !owners.contains(symbol.getName()) ||
        !cutter.isUsedElsewhere(symbol, owners))
      continue;
    symbol.setLinkage(GlobalValue::ExternalLinkage);
    symbol.setVisibility(GlobalValue::HiddenVisibility);
    shared.insert(symbol.getName());
  }
  llvm::raw_svector_ostream stream(bitcode);
  llvm::WriteBitcodeToFile(module, stream);
}

/// Erases declarations and local definitions that nothing uses.
static void eraseUnused(llvm::Module &module) {
  auto isUnused = [](GlobalValue &symbol) {
    return symbol.use_empty() &&
           (symbol.isDeclaration() || symbol.hasLocalLinkage());
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (Function &function : llvm::make_early_inc_range(module))
      if (isUnused(function)) {
        function.eraseFromParent();
        changed = true;
      }
    for (GlobalVariable &variable :
         llvm::make_early_inc_range(module.globals()))
      if (isUnused(variable)) {
        variable.eraseFromParent();
        changed = true;
      }
  }
}

llvm::Expected<std::unique_ptr<llvm::Module>>
gpt::Partition::load(unsigned number, llvm::LLVMContext &context) const {
  auto module = llvm::getLazyBitcodeModule(
      llvm::MemoryBufferRef(llvm::StringRef(bitcode.data(), bitcode.size()),
                            "gpt-mlir"),
      context);
  if (!module)
    return module.takeError();
  auto isElsewhere = [&](GlobalValue &symbol) {
    auto owner = owners.find(symbol.getName());
    return owner != owners.end() && owner->second != number;
  };
  for (Function &function : **module)
    if (isElsewhere(function))
      function.deleteBody();
  for (GlobalVariable &variable : (*module)->globals()) {
    if (!isElsewhere(variable))
      continue;
    variable.setInitializer(nullptr);
    variable.setLinkage(GlobalValue::ExternalLinkage);
  }
  if (llvm::Error error = (*module)->materializeAll())
    return error;
  if (numParts > 1)
    eraseUnused(**module);
  return module;
}

void gpt::Partition::restoreLinkage(llvm::Module &module) const {
  for (GlobalValue &symbol : module.global_values())
    if (shared.contains(symbol.getName()) && !symbol.isDeclaration()) {
      symbol.setVisibility(GlobalValue::DefaultVisibility);
      symbol.setLinkage(GlobalValue::InternalLinkage);
    }
}
