//===- LowerWorkspaces.cpp - Workspaces from the runtime --------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory that is allocated anew for each call comes from the kernel as pages
// that do not exist yet, and touching them for the first time costs more than
// many an op. A runtime keeps the memory instead, and is asked for that of
// results: compiled code has no way to fail where there is none. As with
// threads, that code has no undefined symbols and runs without a runtime: it
// looks into a struct that it exports and that a loader fills.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptMemory.h"
#include "gpt/Transforms/Passes.h"
#include "gpt/Transforms/RuntimePointer.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_LOWERWORKSPACES
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

static constexpr llvm::StringLiteral kRuntimeName = "gpt_workspace_runtime";
static constexpr llvm::StringLiteral kAcquireName = "gpt_acquire_workspace";
static constexpr llvm::StringLiteral kReleaseName = "gpt_release_workspace";
static constexpr llvm::StringLiteral kAllocateName = "gpt_allocate_result";

namespace {
/// The fields of the struct.
enum Field : int32_t { kAcquire, kRelease, kAllocate, kPool };

/// Makes what compiled code takes memory with.
class RuntimeBuilder {
public:
  explicit RuntimeBuilder(ModuleOp module)
      : module(module), builder(module.getLoc(), module.getContext()),
        pointer(LLVM::LLVMPointerType::get(module.getContext())),
        integer(builder.getI64Type()),
        table(LLVM::LLVMStructType::getLiteral(
            module.getContext(), {pointer, pointer, pointer, pointer})) {}

  /// Makes the struct; fails if a name is taken, be it of a function that is
  /// called.
  LogicalResult buildTable();
  LLVM::LLVMFuncOp buildAcquire() { return buildTake(kAcquireName, kAcquire); }
  LLVM::LLVMFuncOp buildRelease();
  LLVM::LLVMFuncOp buildAllocate() {
    return buildTake(kAllocateName, kAllocate);
  }

private:
  LogicalResult verifyNames();
  LLVM::LLVMFuncOp createFunction(StringRef name, Type result, Type argument);
  LLVM::LLVMFuncOp buildTake(StringRef name, Field field);
  Value load(Field field);

  ModuleOp module;
  ImplicitLocOpBuilder builder;
  Type pointer, integer;
  LLVM::LLVMStructType table;
  LLVM::GlobalOp global;
};
} // namespace

LogicalResult RuntimeBuilder::verifyNames() {
  for (StringRef name :
       {kRuntimeName, kAcquireName, kReleaseName, kAllocateName})
    if (failed(gpt::verifyReserved(module, name)))
      return failure();
  Type nothing = LLVM::LLVMVoidType::get(module.getContext());
  std::pair<StringRef, Type> called[] = {
      {"aligned_alloc",
       LLVM::LLVMFunctionType::get(pointer, {integer, integer})},
      {"free", LLVM::LLVMFunctionType::get(nothing, {pointer})}};
  for (auto [name, type] : called) {
    Operation *other = module.lookupSymbol(name);
    auto function = dyn_cast_or_null<LLVM::LLVMFuncOp>(other);
    if (other && (!function || function.getFunctionType() != type))
      return other->emitOpError("has the name '")
             << name << "', which is a function of the C library";
  }
  return success();
}

LogicalResult RuntimeBuilder::buildTable() {
  if (failed(verifyNames()))
    return failure();
  builder.setInsertionPointToStart(module.getBody());
  global = LLVM::GlobalOp::create(builder, table, /*isConstant=*/false,
                                  LLVM::Linkage::External, kRuntimeName,
                                  /*value=*/Attribute());
  global->setAttr(gpt::kRuntimeAttr, builder.getUnitAttr());
  builder.createBlock(&global.getInitializerRegion());
  Value zero = LLVM::ZeroOp::create(builder, table);
  LLVM::ReturnOp::create(builder, zero);
  return success();
}

LLVM::LLVMFuncOp RuntimeBuilder::createFunction(StringRef name, Type result,
                                                Type argument) {
  builder.setInsertionPointToEnd(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(result, {argument});
  auto function =
      LLVM::LLVMFuncOp::create(builder, name, type, LLVM::Linkage::Internal);
  builder.setInsertionPointToStart(function.addEntryBlock(builder));
  return function;
}

/// Loads a field of the struct.
Value RuntimeBuilder::load(Field field) {
  Value address = LLVM::AddressOfOp::create(builder, global);
  Value place = LLVM::GEPOp::create(builder, pointer, table, address,
                                    ArrayRef<LLVM::GEPArg>{0, int32_t(field)});
  return LLVM::LoadOp::create(builder, pointer, place);
}

/// Builds
///
///   if (runtime.field) return runtime.field(runtime.pool, bytes)
///   return aligned_alloc(64, bytes rounded up to a multiple of 64)
LLVM::LLVMFuncOp RuntimeBuilder::buildTake(StringRef name, Field field) {
  LLVM::LLVMFuncOp function = createFunction(name, pointer, integer);
  Block *entry = &function.front();
  Value bytes = entry->getArgument(0);
  Value take = load(field);
  Value null = LLVM::ZeroOp::create(builder, pointer);
  Value isThere =
      LLVM::ICmpOp::create(builder, LLVM::ICmpPredicate::ne, take, null);

  Block *shared = builder.createBlock(&function.getBody());
  auto type = LLVM::LLVMFunctionType::get(pointer, {pointer, integer});
  auto taken =
      LLVM::CallOp::create(builder, type, ValueRange{take, load(kPool), bytes});
  LLVM::ReturnOp::create(builder, taken.getResults());

  Block *alone = builder.createBlock(&function.getBody());
  Value mask =
      LLVM::ConstantOp::create(builder, integer, gpt::kBufferAlignment - 1);
  Value inverse =
      LLVM::ConstantOp::create(builder, integer, -gpt::kBufferAlignment);
  Value alignment =
      LLVM::ConstantOp::create(builder, integer, gpt::kBufferAlignment);
  Value sum = LLVM::AddOp::create(builder, bytes, mask);
  Value rounded = LLVM::AndOp::create(builder, sum, inverse);
  // Cannot fail: what has this name is that function.
  LLVM::LLVMFuncOp allocate =
      *LLVM::lookupOrCreateAlignedAllocFn(builder, module, integer);
  auto allocated =
      LLVM::CallOp::create(builder, allocate, ValueRange{alignment, rounded});
  LLVM::ReturnOp::create(builder, allocated.getResults());

  builder.setInsertionPointToEnd(entry);
  LLVM::CondBrOp::create(builder, isThere, shared, alone);
  return function;
}

/// Builds
///
///   if (runtime.release) runtime.release(runtime.pool, memory)
///   else free(memory)
LLVM::LLVMFuncOp RuntimeBuilder::buildRelease() {
  Type nothing = LLVM::LLVMVoidType::get(module.getContext());
  LLVM::LLVMFuncOp function = createFunction(kReleaseName, nothing, pointer);
  Block *entry = &function.front();
  Value memory = entry->getArgument(0);
  Value release = load(kRelease);
  Value null = LLVM::ZeroOp::create(builder, pointer);
  Value isThere =
      LLVM::ICmpOp::create(builder, LLVM::ICmpPredicate::ne, release, null);

  Block *shared = builder.createBlock(&function.getBody());
  auto type = LLVM::LLVMFunctionType::get(nothing, {pointer, pointer});
  LLVM::CallOp::create(builder, type, ValueRange{release, load(kPool), memory});
  LLVM::ReturnOp::create(builder, ValueRange{});

  Block *alone = builder.createBlock(&function.getBody());
  LLVM::LLVMFuncOp deallocate = *LLVM::lookupOrCreateFreeFn(builder, module);
  LLVM::CallOp::create(builder, deallocate, memory);
  LLVM::ReturnOp::create(builder, ValueRange{});

  builder.setInsertionPointToEnd(entry);
  LLVM::CondBrOp::create(builder, isThere, shared, alone);
  return function;
}

/// Returns `memory` as a memref of so many bytes.
static Value wrapBytes(ImplicitLocOpBuilder &builder, Value memory, Value bytes,
                       MemRefType type, const LLVMTypeConverter &converter) {
  Location loc = builder.getLoc();
  auto descriptor =
      MemRefDescriptor::poison(builder, loc, converter.convertType(type));
  descriptor.setAllocatedPtr(builder, loc, memory);
  descriptor.setAlignedPtr(builder, loc, memory);
  descriptor.setConstantOffset(builder, loc, 0);
  descriptor.setSize(builder, loc, 0, bytes);
  descriptor.setConstantStride(builder, loc, 0, 1);
  return UnrealizedConversionCastOp::create(
             builder, type, ValueRange{static_cast<Value>(descriptor)})
      .getResult(0);
}

/// Replaces an allocation and what frees it by calls.
static void lowerWorkspace(memref::AllocOp workspace, LLVM::LLVMFuncOp acquire,
                           LLVM::LLVMFuncOp release,
                           const LLVMTypeConverter &converter) {
  ImplicitLocOpBuilder builder(workspace.getLoc(), workspace);
  MemRefType type = workspace.getType();
  Value bytes;
  if (type.hasStaticShape())
    bytes = LLVM::ConstantOp::create(builder, builder.getI64Type(),
                                     type.getNumElements());
  else
    bytes = arith::IndexCastOp::create(builder, builder.getI64Type(),
                                       workspace.getDynamicSizes().front());
  Value memory = LLVM::CallOp::create(builder, acquire, bytes).getResult();
  Value wrapped = wrapBytes(builder, memory, bytes, type, converter);
  for (Operation *user :
       llvm::make_early_inc_range(workspace.getResult().getUsers())) {
    if (!isa<memref::DeallocOp>(user))
      continue;
    builder.setInsertionPoint(user);
    LLVM::CallOp::create(builder, release, memory);
    user->erase();
  }
  workspace.getResult().replaceAllUsesWith(wrapped);
  workspace.erase();
}

/// Whether this is memory that nothing in the function frees, of elements one
/// behind the other.
static bool isResult(memref::AllocOp op) {
  return op.getType().getLayout().isIdentity() &&
         !op.getType().getMemorySpace() && op.getSymbolOperands().empty() &&
         gpt::getStaticBytes(op.getType()) &&
         llvm::none_of(op->getUsers(), llvm::IsaPred<memref::DeallocOp>);
}

/// Replaces an allocation by a call.
static void lowerResult(memref::AllocOp result, LLVM::LLVMFuncOp allocate,
                        const LLVMTypeConverter &converter) {
  ImplicitLocOpBuilder builder(result.getLoc(), result);
  MemRefType type = result.getType();
  Value size =
      arith::ConstantIndexOp::create(builder, *gpt::getStaticBytes(type));
  for (Value extent : result.getDynamicSizes())
    size = arith::MulIOp::create(builder, size, extent);
  Value bytes = arith::IndexCastOp::create(builder, builder.getI64Type(), size);
  auto array = MemRefType::get({ShapedType::kDynamic}, builder.getI8Type());
  Value memory = LLVM::CallOp::create(builder, allocate, bytes).getResult();
  Value wrapped = wrapBytes(builder, memory, bytes, array, converter);
  Value zero = arith::ConstantIndexOp::create(builder, 0);
  Value view = memref::ViewOp::create(builder, type, wrapped, zero,
                                      result.getDynamicSizes());
  result.replaceAllUsesWith(view);
  result.erase();
}

namespace {
struct LowerWorkspaces final
    : public gpt::impl::LowerWorkspacesBase<LowerWorkspaces> {
  void runOnOperation() override {
    SmallVector<memref::AllocOp> workspaces, results;
    getOperation().walk([&](memref::AllocOp op) {
      if (op->hasAttr(gpt::kWorkspaceAttr))
        workspaces.push_back(op);
      else if (isResult(op))
        results.push_back(op);
    });
    if (workspaces.empty() && results.empty())
      return markAllAnalysesPreserved();
    RuntimeBuilder runtime(getOperation());
    if (failed(runtime.buildTable()))
      return signalPassFailure();
    LLVMTypeConverter converter(&getContext());
    if (!workspaces.empty()) {
      LLVM::LLVMFuncOp acquire = runtime.buildAcquire();
      LLVM::LLVMFuncOp release = runtime.buildRelease();
      for (memref::AllocOp workspace : workspaces)
        lowerWorkspace(workspace, acquire, release, converter);
    }
    if (!results.empty()) {
      LLVM::LLVMFuncOp allocate = runtime.buildAllocate();
      for (memref::AllocOp result : results)
        lowerResult(result, allocate, converter);
    }
    numLowered += workspaces.size();
    numResults += results.size();
  }
};
} // namespace
