//===- LowerParallelCalls.cpp - Calls that threads share --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled code has no undefined symbols and must run without a runtime, so it
// reaches the threads through a pointer that it exports and that is null until
// a loader stores a function there. What the shared function needs travels in a
// struct on the caller's stack: the caller does not return before all is done.
//
// Alone or with others, all iterations run through one task function that is
// never inlined. Were there two copies of the code, LLVM could round them
// differently, and results would depend on the number of threads.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptParallel.h"
#include "gpt/Transforms/Passes.h"
#include "gpt/Transforms/RuntimePointer.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_LOWERPARALLELCALLS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

static constexpr llvm::StringLiteral kRuntimeName = "gpt_parallel_runtime";

namespace {
/// A function with the attribute `gpt.parallel`.
struct ParallelFunction {
  LLVM::LLVMFuncOp function;
  /// The only call in it: body(0, count, captured...).
  LLVM::CallOp call;
  /// {captured...}
  LLVM::LLVMStructType contextType;

  Value getWork() { return function.getArgument(0); }
  Value getCount() { return function.getArgument(1); }
  OperandRange getCaptured() { return call.getArgOperands().drop_front(2); }
};
} // namespace

/// Checks that `function` has the form that gpt-outline-parallel makes.
static FailureOr<ParallelFunction> match(LLVM::LLVMFuncOp function) {
  auto isInteger = [&](unsigned index) {
    return function.getNumArguments() > index &&
           function.getArgumentTypes()[index].isInteger(64);
  };
  SmallVector<LLVM::CallOp> calls;
  function.walk([&](LLVM::CallOp call) { calls.push_back(call); });
  if (!isInteger(0) || !isInteger(1) || calls.size() != 1 ||
      !llvm::hasSingleElement(function.getBody()) ||
      calls.front().getNumResults() != 0 || !calls.front().getCallee() ||
      calls.front().getArgOperands().size() < 2 ||
      calls.front().getArgOperands()[1] != function.getArgument(1))
    return function.emitOpError("with '")
           << gpt::kParallelAttr
           << "' expected arguments work and count of type i64 and a single "
              "call, of a function of begin, end and more";
  LLVM::CallOp call = calls.front();
  auto contextType = LLVM::LLVMStructType::getLiteral(
      function.getContext(),
      SmallVector<Type>(call.getArgOperands().drop_front(2).getTypes()));
  return ParallelFunction{function, call, contextType};
}

/// Returns the address of field `index` of the context at `context`.
static Value getField(ImplicitLocOpBuilder &builder, Value context,
                      LLVM::LLVMStructType type, int32_t index) {
  return LLVM::GEPOp::create(builder, context.getType(), type, context,
                             ArrayRef<LLVM::GEPArg>{0, index});
}

/// Builds what threads run:
///
///   llvm.func internal @f_task(%context: !llvm.ptr, %begin: i64, %end: i64)
///     loads all fields of the context and calls @f_body
static LLVM::LLVMFuncOp buildTask(ParallelFunction parallel,
                                  SymbolTable &symbols) {
  LLVM::LLVMFuncOp function = parallel.function;
  ImplicitLocOpBuilder builder(function.getLoc(), function.getContext());
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(builder.getContext()),
      {pointer, builder.getI64Type(), builder.getI64Type()});
  auto task =
      LLVM::LLVMFuncOp::create(builder, (function.getName() + "_task").str(),
                               type, LLVM::Linkage::Internal);
  task.setNoInline(true);
  symbols.insert(task, std::next(function->getIterator()));

  Block *entry = task.addEntryBlock(builder);
  builder.setInsertionPointToStart(entry);
  Value context = entry->getArgument(0);
  SmallVector<Value> operands = {entry->getArgument(1), entry->getArgument(2)};
  for (auto [index, field] : llvm::enumerate(parallel.contextType.getBody()))
    operands.push_back(LLVM::LoadOp::create(
        builder, field,
        getField(builder, context, parallel.contextType, index)));
  LLVM::CallOp::create(builder, TypeRange(), *parallel.call.getCallee(),
                       operands);
  LLVM::ReturnOp::create(builder, ValueRange{});
  return task;
}

/// Replaces the call of the body by one of `task`, made by the runtime if there
/// is one:
///
///   %context = llvm.alloca of {captured...}, filled
///   %runtime = llvm.load @gpt_parallel_runtime
///   if (%runtime) %runtime(@f_task, %context, %count, %work)
///   else @f_task(%context, 0, %count)
static void lowerCall(ParallelFunction parallel, LLVM::LLVMFuncOp task,
                      LLVM::GlobalOp runtime) {
  LLVM::CallOp call = parallel.call;
  ImplicitLocOpBuilder builder(call.getLoc(), call);
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  Value one = LLVM::ConstantOp::create(builder, builder.getI64Type(), 1);
  Value context =
      LLVM::AllocaOp::create(builder, pointer, parallel.contextType, one);
  for (auto [index, value] : llvm::enumerate(parallel.getCaptured()))
    LLVM::StoreOp::create(
        builder, value,
        getField(builder, context, parallel.contextType, index));
  Value address = LLVM::AddressOfOp::create(builder, runtime);
  Value function = LLVM::LoadOp::create(builder, pointer, address);
  Value null = LLVM::ZeroOp::create(builder, pointer);
  Value isThere =
      LLVM::ICmpOp::create(builder, LLVM::ICmpPredicate::ne, function, null);

  Block *before = call->getBlock();
  Block *after = before->splitBlock(call);
  Block *shared = builder.createBlock(after);
  Value taskAddress = LLVM::AddressOfOp::create(builder, task);
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(builder.getContext()),
      {pointer, pointer, builder.getI64Type(), builder.getI64Type()});
  LLVM::CallOp::create(builder, type,
                       ValueRange{function, taskAddress, context,
                                  parallel.getCount(), parallel.getWork()});
  LLVM::BrOp::create(builder, after);
  Block *alone = builder.createBlock(after);
  Value zero = LLVM::ConstantOp::create(builder, builder.getI64Type(), 0);
  LLVM::CallOp::create(builder, task,
                       ValueRange{context, zero, parallel.getCount()});
  LLVM::BrOp::create(builder, after);
  builder.setInsertionPointToEnd(before);
  LLVM::CondBrOp::create(builder, isThere, shared, alone);
  call.erase();
}

namespace {
struct LowerParallelCalls final
    : public gpt::impl::LowerParallelCallsBase<LowerParallelCalls> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<ParallelFunction> functions;
    for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
      if (!function->hasAttr(gpt::kParallelAttr))
        continue;
      FailureOr<ParallelFunction> parallel = match(function);
      if (failed(parallel))
        return signalPassFailure();
      functions.push_back(*parallel);
    }
    if (functions.empty())
      return markAllAnalysesPreserved();
    FailureOr<LLVM::GlobalOp> runtime =
        gpt::buildRuntimePointer(module, kRuntimeName);
    if (failed(runtime))
      return signalPassFailure();
    SymbolTable symbols(module);
    for (ParallelFunction &parallel : functions) {
      lowerCall(parallel, buildTask(parallel, symbols), *runtime);
      parallel.function->removeAttr(gpt::kParallelAttr);
    }
    numLowered += functions.size();
  }
};
} // namespace
