//===- LowerAssertions.cpp - Calls that end early ---------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled code has no way to fail. A runtime can leave the call instead, with
// the message. As with threads and memory, it is reached through a pointer that
// the code exports and a loader fills; without it, the process ends.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptMemory.h"
#include "gpt/Transforms/Passes.h"
#include "gpt/Transforms/RuntimePointer.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/JSON.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_LOWERASSERTIONS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

static constexpr llvm::StringLiteral kRuntimeName = "gpt_failure_runtime";
static constexpr llvm::StringLiteral kFailName = "gpt_fail";

namespace {
/// Makes what failing code calls.
class FailureBuilder {
public:
  explicit FailureBuilder(ModuleOp module)
      : module(module), symbols(module),
        builder(ImplicitLocOpBuilder::atBlockBegin(module.getLoc(),
                                                   module.getBody())),
        pointer(LLVM::LLVMPointerType::get(module.getContext())) {}

  /// Makes the pointer to the runtime and the function; fails if a name is
  /// taken.
  LogicalResult build();
  /// Replaces one assertion by a branch to a call of the function.
  void lower(cf::AssertOp assertion);

private:
  LogicalResult buildEnd();
  LLVM::GlobalOp getMessage(StringRef text);

  ModuleOp module;
  SymbolTable symbols;
  ImplicitLocOpBuilder builder;
  Type pointer;
  LLVM::LLVMFuncOp fail;
  llvm::StringMap<LLVM::GlobalOp> messages;
};
} // namespace

/// Builds
///
///   puts(message)
///   abort()
LogicalResult FailureBuilder::buildEnd() {
  for (StringRef name : {"puts", "abort"})
    if (Operation *other = module.lookupSymbol(name);
        other && !isa<LLVM::LLVMFuncOp>(other))
      return other->emitOpError("has the name '")
             << name << "', which is a function of the C library";
  Type nothing = LLVM::LLVMVoidType::get(module.getContext());
  FailureOr<LLVM::LLVMFuncOp> puts = LLVM::lookupOrCreateFn(
      builder, module, "puts", pointer, builder.getI32Type());
  FailureOr<LLVM::LLVMFuncOp> abort =
      LLVM::lookupOrCreateFn(builder, module, "abort", {}, nothing);
  if (failed(puts) || failed(abort))
    return failure();
  LLVM::CallOp::create(builder, *puts, fail.getArgument(0));
  LLVM::CallOp::create(builder, *abort, ValueRange());
  LLVM::UnreachableOp::create(builder);
  return success();
}

/// Builds
///
///   llvm.func internal @gpt_fail(%message: !llvm.ptr)
///     if (runtime) runtime(message)
///     puts(message), abort()
LogicalResult FailureBuilder::build() {
  if (failed(gpt::verifyReserved(module, kFailName)))
    return failure();
  FailureOr<LLVM::GlobalOp> runtime =
      gpt::buildRuntimePointer(module, kRuntimeName);
  if (failed(runtime))
    return failure();
  (*runtime)->setAttr(gpt::kRuntimeAttr, builder.getUnitAttr());
  builder.setInsertionPointToEnd(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(module.getContext()), {pointer});
  fail = LLVM::LLVMFuncOp::create(builder, kFailName, type,
                                  LLVM::Linkage::Internal);
  fail.setNoInline(true);
  Block *entry = fail.addEntryBlock(builder);
  builder.setInsertionPointToStart(entry);
  Value address = LLVM::AddressOfOp::create(builder, *runtime);
  Value leave = LLVM::LoadOp::create(builder, pointer, address);
  Value null = LLVM::ZeroOp::create(builder, pointer);
  Value isThere =
      LLVM::ICmpOp::create(builder, LLVM::ICmpPredicate::ne, leave, null);

  Block *end = builder.createBlock(&fail.getBody());
  if (failed(buildEnd()))
    return failure();
  Block *shared = builder.createBlock(end);
  LLVM::CallOp::create(builder, type, ValueRange{leave, fail.getArgument(0)});
  LLVM::BrOp::create(builder, end);
  builder.setInsertionPointToEnd(entry);
  LLVM::CondBrOp::create(builder, isThere, shared, end);
  return success();
}

LLVM::GlobalOp FailureBuilder::getMessage(StringRef text) {
  LLVM::GlobalOp &message = messages[text];
  if (message)
    return message;
  // As a string of C and of Python.
  std::string bytes;
  for (char byte : llvm::json::fixUTF8(text))
    bytes += byte ? std::string(1, byte) : "\\0";
  bytes += '\0';
  builder.setInsertionPointToStart(module.getBody());
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size());
  message = LLVM::GlobalOp::create(builder, type, /*isConstant=*/true,
                                   LLVM::Linkage::Internal, "gpt_message",
                                   builder.getStringAttr(bytes));
  symbols.insert(message);
  return message;
}

void FailureBuilder::lower(cf::AssertOp assertion) {
  LLVM::GlobalOp message = getMessage(assertion.getMsg());
  Block *before = assertion->getBlock();
  Block *after = before->splitBlock(assertion);
  Block *failing = builder.createBlock(before->getParent());
  builder.setLoc(assertion.getLoc());
  Value text = LLVM::AddressOfOp::create(builder, message);
  LLVM::CallOp::create(builder, fail, text);
  LLVM::UnreachableOp::create(builder);
  builder.setInsertionPointToEnd(before);
  cf::CondBranchOp::create(builder, assertion.getArg(), after, ValueRange(),
                           failing, ValueRange());
  builder.setLoc(module.getLoc());
  assertion.erase();
}

namespace {
struct LowerAssertions final
    : public gpt::impl::LowerAssertionsBase<LowerAssertions> {
  void runOnOperation() override {
    SmallVector<cf::AssertOp> assertions;
    getOperation().walk([&](cf::AssertOp op) { assertions.push_back(op); });
    if (assertions.empty())
      return markAllAnalysesPreserved();
    for (cf::AssertOp assertion : assertions) {
      auto function = dyn_cast<FunctionOpInterface>(assertion->getParentOp());
      if (function && function->getParentOp() == getOperation())
        continue;
      assertion.emitOpError("expected to be in a function of the module, "
                            "within no other op");
      return signalPassFailure();
    }
    FailureBuilder failures(getOperation());
    if (failed(failures.build()))
      return signalPassFailure();
    for (cf::AssertOp assertion : assertions)
      failures.lower(assertion);
    numLowered += assertions.size();
  }
};
} // namespace
