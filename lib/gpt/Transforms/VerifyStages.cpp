//===- VerifyStages.cpp - Contracts between the stages of lowering ----*- C++
//-*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each stage of the compiler ends with a pass that checks what the next one
// relies on, so that a mistake shows where it was made and not as a strange
// failure two stages later. The passes differ only in what they allow.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/LibraryFunctions.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_VERIFYLINALGSTAGE
#define GEN_PASS_DEF_VERIFYLLVMSTAGE
#define GEN_PASS_DEF_VERIFYLOOPSSTAGE
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

namespace {
/// What a stage may contain.
struct StageContract {
  /// The name of the stage in messages.
  StringRef name;
  ArrayRef<StringRef> dialects;
  /// Ops of other dialects that may stand in a function, within no other op.
  ArrayRef<StringRef> opsOfFunctions;
  bool allowTensors;
  bool allowMemrefs;
};
} // namespace

/// The first type of `types` that `contract` forbids, or null.
static Type findForbiddenType(TypeRange types, const StageContract &contract) {
  for (Type type : types) {
    if (!contract.allowTensors && isa<TensorType>(type))
      return type;
    if (!contract.allowMemrefs && isa<BaseMemRefType>(type))
      return type;
  }
  return {};
}

/// The types that `op` mentions: of its operands, results and block arguments,
/// and of the signature if it is a function.
static SmallVector<Type> getTypes(Operation *op) {
  SmallVector<Type> types(op->getOperandTypes());
  llvm::append_range(types, op->getResultTypes());
  for (Region &region : op->getRegions())
    for (Block &block : region)
      llvm::append_range(types, block.getArgumentTypes());
  if (auto function = dyn_cast<func::FuncOp>(op)) {
    llvm::append_range(types, function.getArgumentTypes());
    llvm::append_range(types, function.getResultTypes());
  }
  return types;
}

/// Emits an error for every op below `root` that breaks the contract.
static LogicalResult verifyStage(Operation *root,
                                 const StageContract &contract) {
  bool holds = true;
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    StringRef dialect = op->getName().getDialectNamespace();
    bool isBuiltin = isa<ModuleOp>(op);
    bool isOpOfFunction = isa_and_nonnull<func::FuncOp>(op->getParentOp()) &&
                          llvm::is_contained(contract.opsOfFunctions,
                                             op->getName().getStringRef());
    if (!isBuiltin && !isOpOfFunction &&
        !llvm::is_contained(contract.dialects, dialect)) {
      op->emitOpError("is not allowed in the ") << contract.name << " stage";
      holds = false;
      // What is inside such an op belongs to it.
      return WalkResult::skip();
    }
    if (Type type = findForbiddenType(getTypes(op), contract)) {
      op->emitOpError("uses ") << type << ", which is not allowed in the "
                               << contract.name << " stage";
      holds = false;
    }
    return WalkResult::advance();
  });
  return success(holds);
}

namespace {

struct VerifyLinalgStage final
    : public gpt::impl::VerifyLinalgStageBase<VerifyLinalgStage> {
  void runOnOperation() override {
    static constexpr StringRef kDialects[] = {"affine", "arith",  "func",
                                              "linalg", "math",   "scf",
                                              "ub",     "tensor", "vector"};
    static constexpr StringRef kOps[] = {"cf.assert"};
    if (failed(verifyStage(getOperation(), {"linalg", kDialects, kOps,
                                            /*allowTensors=*/true,
                                            /*allowMemrefs=*/false})))
      signalPassFailure();
  }
};

struct VerifyLoopsStage final
    : public gpt::impl::VerifyLoopsStageBase<VerifyLoopsStage> {
  void runOnOperation() override {
    static constexpr StringRef kDialects[] = {"affine", "arith",  "cf",
                                              "func",   "math",   "memref",
                                              "scf",    "vector", "ub"};
    if (failed(verifyStage(getOperation(),
                           {"loops", kDialects, /*opsOfFunctions=*/{},
                            /*allowTensors=*/false,
                            /*allowMemrefs=*/true})))
      signalPassFailure();
  }
};

struct VerifyLLVMStage final
    : public gpt::impl::VerifyLLVMStageBase<VerifyLLVMStage> {
  void runOnOperation() override {
    static constexpr StringRef kDialects[] = {"llvm"};
    bool holds = succeeded(
        verifyStage(getOperation(), {"llvm", kDialects, /*opsOfFunctions=*/{},
                                     /*allowTensors=*/false,
                                     /*allowMemrefs=*/false}));
    for (auto function : getOperation().getOps<LLVM::LLVMFuncOp>()) {
      StringRef name = function.getSymName();
      if (!function.isExternal() || gpt::isLibraryFunction(&getContext(), name))
        continue;
      function.emitOpError("is a function that neither libc nor libm has");
      holds = false;
    }
    if (!holds)
      signalPassFailure();
  }
};

} // namespace
