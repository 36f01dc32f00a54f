//===- SeededFaults.cpp - a pass with a fault on purpose --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass `gpt-seed-fault{fault=...}`, as an MLIR pass plugin: what shows that
// `gpt-mlir verify` notices a fault and that bisection finds where it is. With
// `runs={...}` it takes the place of another pass, which it runs first: a fault
// inside of that.
//
//===----------------------------------------------------------------------===//

#include "SeededFaults.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/Config/llvm-config.h"

using namespace mlir;
using namespace mlir::gpt::test;

void mlir::gpt::test::changeFirst(
    Operation *root, StringRef name,
    llvm::function_ref<bool(Operation *)> change) {
  root->walk([&](Operation *op) {
    return op->getName().getStringRef() == name && change(op)
               ? WalkResult::interrupt()
               : WalkResult::advance();
  });
}

void mlir::gpt::test::changeAll(Operation *root, StringRef name,
                                llvm::function_ref<void(Operation *)> change) {
  SmallVector<Operation *> found;
  root->walk([&](Operation *op) {
    if (op->getName().getStringRef() == name)
      found.push_back(op);
  });
  llvm::for_each(found, change);
}

namespace {
struct SeedFaultPass
    : public PassWrapper<SeedFaultPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SeedFaultPass)

  SeedFaultPass() = default;
  SeedFaultPass(const SeedFaultPass &other) : PassWrapper(other) {}

  StringRef getArgument() const final { return "gpt-seed-fault"; }
  StringRef getDescription() const final { return "Miscompile on purpose"; }

  void getDependentDialects(DialectRegistry &registry) const final {
    registry.insert<arith::ArithDialect, LLVM::LLVMDialect>();
    OpPassManager manager(ModuleOp::getOperationName());
    if (succeeded(parsePassPipeline(runs, manager)))
      manager.getDependentDialects(registry);
  }

  void runOnOperation() final {
    OpPassManager manager(ModuleOp::getOperationName());
    if (failed(parsePassPipeline(runs, manager)) ||
        failed(runPipeline(manager, getOperation())))
      return signalPassFailure();
    for (ArrayRef<Fault> faults : {getGptFaults(), getTensorFaults(),
                                   getMemoryFaults(), getLoweringFaults()})
      for (const Fault &known : faults)
        if (known.name == fault)
          return known.apply(getOperation());
    emitError(getOperation().getLoc()) << "no fault '" << fault << "'";
    signalPassFailure();
  }

  Option<std::string> fault{*this, "fault", llvm::cl::desc("Which fault")};
  Option<std::string> runs{*this, "runs",
                           llvm::cl::desc("Passes that run first")};
};
} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "GPTSeededFaults", LLVM_VERSION_STRING,
          [] { PassRegistration<SeedFaultPass>(); }};
}
