//===- InsertKVCache.cpp - make prefill and decode functions ----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Analyses the forward function, clones it once per phase and checks the
// clones. Everything that can be wrong with a graph is found before the module
// is touched; the check afterwards catches ops whose own rule for the sequence
// was too generous, and undoes the work.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/CachedFunctions.h"
#include "gpt/Transforms/Passes.h"
#include "gpt/Transforms/SequenceAnalysis.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_INSERTKVCACHE
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;
using namespace mlir::gpt;

static Type getElementType(CacheElementType option, MLIRContext *context) {
  switch (option) {
  case CacheElementType::AsActivations:
    return {};
  case CacheElementType::F32:
    return Float32Type::get(context);
  case CacheElementType::BF16:
    return BFloat16Type::get(context);
  case CacheElementType::F16:
    return Float16Type::get(context);
  }
  llvm_unreachable("unknown element type of KV caches");
}

/// What is wrong with a clone, and where.
using Complaint = std::pair<Location, std::string>;

/// Verifies the clones. Returns the first complaint.
static std::optional<Complaint> findInvalid(ArrayRef<func::FuncOp> functions) {
  std::optional<Complaint> complaint;
  for (func::FuncOp function : functions) {
    ScopedDiagnosticHandler handler(
        function.getContext(), [&](Diagnostic &diagnostic) {
          if (!complaint)
            complaint.emplace(diagnostic.getLocation(), diagnostic.str());
        });
    if (succeeded(verify(function)))
      continue;
    if (!complaint)
      complaint.emplace(function.getLoc(), "the result is not valid");
    return complaint;
  }
  return std::nullopt;
}

/// Adds the functions that `plan` calls, directly or not, callers first.
static void collectFunctions(const SequenceFunction &plan,
                             llvm::SetVector<const SequenceFunction *> &plans) {
  if (!plans.insert(&plan))
    return;
  for (Operation &op : plan.getBody())
    if (const SequenceFunction *target = plan.calls.lookup(&op))
      collectFunctions(*target, plans);
}

/// Removes the forward function, and private functions that were called by
/// nothing else.
static void removeForward(const SequenceFunction &root, SymbolTable &symbols) {
  llvm::SetVector<const SequenceFunction *> plans;
  collectFunctions(root, plans);
  llvm::SetVector<func::FuncOp> functions;
  for (const SequenceFunction *plan : plans)
    functions.insert(plan->function);
  bool changed = true;
  while (changed) {
    changed = false;
    for (func::FuncOp function : llvm::to_vector(functions)) {
      bool removable = function == root.function || function.isPrivate();
      if (!removable ||
          !SymbolTable::symbolKnownUseEmpty(function, symbols.getOp()))
        continue;
      functions.remove(function);
      symbols.erase(function);
      changed = true;
    }
  }
}

namespace {
struct InsertKVCache final : gpt::impl::InsertKVCacheBase<InsertKVCache> {
  using InsertKVCacheBase::InsertKVCacheBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    auto forward = dyn_cast_if_present<func::FuncOp>(symbols.lookup(function));
    if (!forward) {
      getOperation().emitError()
          << "expected a function '" << function << "' to add KV caches to";
      return signalPassFailure();
    }
    if (failed(checkNames(symbols)))
      return signalPassFailure();
    SequenceAnalysis analysis(forward, symbols);
    const SequenceFunction *plan = analysis.run();
    if (!plan)
      return signalPassFailure();
    FailureOr<size_t> added = addFunctions(*plan, analysis, symbols);
    if (failed(added))
      return signalPassFailure();

    numAttention += plan->caches.size();
    numFunctions += *added;
    remark::passed(forward.getLoc(), remark::RemarkOpts::name("InsertKVCache")
                                         .category("kv-cache")
                                         .function(forward.getSymName()))
        << remark::metric("NumAttention", plan->caches.size())
        << remark::metric("NumFunctions", *added);
    if (!keepFunction)
      removeForward(*plan, symbols);
  }

private:
  LogicalResult checkNames(SymbolTable &symbols) {
    if (prefillName.empty() || decodeName.empty() || prefillName == decodeName)
      return getOperation().emitError()
             << "expected two different names for the prefill and decode "
                "functions, but found '"
             << prefillName << "' and '" << decodeName << "'";
    for (StringRef name : {StringRef(prefillName), StringRef(decodeName)})
      if (Operation *existing = symbols.lookup(name))
        return existing->emitError()
               << "'" << name
               << "' is the name of a function that adding KV caches makes";
    return success();
  }

  /// Makes the functions of both phases, or none. Returns their number.
  FailureOr<size_t> addFunctions(const SequenceFunction &plan,
                                 const SequenceAnalysis &analysis,
                                 SymbolTable &symbols) {
    Type elementType = getElementType(cacheElementType, &getContext());
    SmallVector<func::FuncOp> created;
    std::optional<Complaint> complaint;
    for (CachedPhase phase :
         {CachedPhase{prefillName, ShapedType::kDynamic,
                      logits == PrefillLogits::Last, elementType},
          CachedPhase{decodeName, 1, false, elementType}}) {
      CachedSignature signature(plan, analysis.getSequenceInputs(), phase);
      CachedFunctionBuilder builder(plan, signature, symbols);
      builder.build();
      llvm::append_range(created, builder.getFunctions());
      func::FuncOp clone = builder.getFunctions().front();
      if (clone.getSymName() != phase.name)
        complaint.emplace(
            plan.getBody().getParentOp()->getLoc(),
            ("two functions would be named '" + phase.name + "'").str());
    }
    if (!complaint)
      complaint = findInvalid(created);
    if (!complaint)
      return created.size();
    for (func::FuncOp function : created)
      symbols.erase(function);
    analysis.refuse(complaint->second).attachNote(complaint->first)
        << "in what was made of this";
    return failure();
  }
};
} // namespace
