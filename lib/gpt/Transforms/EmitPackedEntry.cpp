//===- EmitPackedEntry.cpp - Entry points of the binary interface -*- C++
//-*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A compiled function is called through one C symbol of one fixed type,
// `void gpt_entry_<name>(void **args)`, so that the loader needs no foreign
// function interface that knows how many arguments there are. The entries wrap
// the `_mlir_ciface_<name>` functions that func-to-llvm makes; everything else
// becomes internal, which lets LLVM inline it into the entry and drop it.
//
// Beside each entry lies a constant that says how many pointers it takes and
// how much it writes. The loader compares it with the signature it was given:
// a mismatch would otherwise overwrite memory.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptMemory.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_EMITPACKEDENTRY
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

static constexpr llvm::StringLiteral kInterfacePrefix = "_mlir_ciface_";
static constexpr llvm::StringLiteral kEntryPrefix = "gpt_entry_";
static constexpr llvm::StringLiteral kRecordPrefix = "gpt_abi_";

namespace {
/// A function to be exported.
struct Export {
  /// The name it was written with.
  StringRef name;
  /// The function on memref descriptors passed by value, and its wrapper on
  /// pointers to descriptors.
  LLVM::LLVMFuncOp implementation, interface;

  /// The number of arguments that are in a table, if they are.
  std::optional<int64_t> getTableSize() const {
    auto size = implementation->getAttrOfType<IntegerAttr>(gpt::kTableAttr);
    return size ? std::optional(size.getInt()) : std::nullopt;
  }
  /// The number of pointers that callers pass.
  int64_t getNumPointers() const {
    LLVM::LLVMFuncOp function = interface;
    int64_t numPointers = function.getNumArguments();
    return getTableSize() ? numPointers - 1 + *getTableSize() : numPointers;
  }
};
} // namespace

/// Checks that every argument is passed by pointer and nothing is returned, as
/// is the case for functions on memrefs.
static LogicalResult verifyInterface(LLVM::LLVMFuncOp interface,
                                     StringRef name) {
  for (auto [index, type] : llvm::enumerate(interface.getArgumentTypes()))
    if (!isa<LLVM::LLVMPointerType>(type))
      return interface.emitOpError("of exported function '")
             << name << "' expected argument " << index
             << " to be a pointer, got " << type
             << "; exported functions take and return tensors only";
  Type result = interface.getFunctionType().getReturnType();
  if (!isa<LLVM::LLVMVoidType>(result))
    return interface.emitOpError("of exported function '")
           << name << "' expected no direct result, got " << result
           << "; exported functions take and return tensors only";
  return success();
}

/// Builds the entry of `interface`:
///
///   llvm.func @gpt_entry_f(%args: !llvm.ptr) {
///     %0 = llvm.load %args : !llvm.ptr -> !llvm.ptr
///     %1 = llvm.getelementptr %args[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
///     %2 = llvm.load %1 : !llvm.ptr -> !llvm.ptr
///     llvm.call @_mlir_ciface_f(%0, %2) : (!llvm.ptr, !llvm.ptr) -> ()
///     llvm.return
///   }
///
/// A function that takes a table gets the address of the pointers instead.
static void buildEntry(const Export &exported) {
  LLVM::LLVMFuncOp interface = exported.interface;
  Location loc = interface.getLoc();
  OpBuilder builder(interface->getContext());
  builder.setInsertionPointAfter(interface);
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(builder.getContext()), {pointer});
  auto entry = LLVM::LLVMFuncOp::create(
      builder, loc, (kEntryPrefix + exported.name).str(), type);

  Block *block = entry.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  SmallVector<Value> arguments;
  for (unsigned index = 0, end = interface.getNumArguments(); index < end;
       ++index) {
    Value slot = block->getArgument(0);
    if (index > 0)
      slot = LLVM::GEPOp::create(builder, loc, pointer, pointer, slot,
                                 ArrayRef<LLVM::GEPArg>{index});
    bool isTable = index + 1 == end && exported.getTableSize();
    arguments.push_back(
        isTable ? slot : LLVM::LoadOp::create(builder, loc, pointer, slot));
  }
  LLVM::CallOp::create(builder, loc, interface, arguments);
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
}

/// Builds the record of an entry, {number of pointers, bytes of results}:
///
///   llvm.mlir.global external constant @gpt_abi_f(dense<[2, 56]> : ...)
static void buildRecord(const Export &exported) {
  LLVM::LLVMFuncOp interface = exported.interface;
  LLVM::LLVMFuncOp implementation = exported.implementation;
  Type result = implementation.getFunctionType().getReturnType();
  int64_t resultBytes = 0;
  if (!isa<LLVM::LLVMVoidType>(result))
    resultBytes = DataLayout::closest(interface).getTypeSize(result);
  OpBuilder builder(interface->getContext());
  builder.setInsertionPoint(interface);
  LLVM::GlobalOp::create(
      builder, interface.getLoc(),
      LLVM::LLVMArrayType::get(builder.getI64Type(), 2),
      /*isConstant=*/true, LLVM::Linkage::External,
      (kRecordPrefix + exported.name).str(),
      builder.getI64TensorAttr({exported.getNumPointers(), resultBytes}));
}

/// Whether `global` has a value here; one without is declared only.
static bool isDefinition(LLVM::GlobalOp global) {
  return global.getValueOrNull() || global.getInitializerBlock();
}

/// Gives a definition internal linkage.
template <typename OpTy>
static void makeInternal(OpTy op) {
  if (op.getLinkage() != LLVM::Linkage::Private)
    op.setLinkage(LLVM::Linkage::Internal);
}

/// Collects what `module` exports; fails with a diagnostic where a function
/// cannot be.
static FailureOr<SmallVector<Export>> collectExports(ModuleOp module) {
  SymbolTable symbols(module);
  SmallVector<Export> exports;
  for (auto interface : module.getOps<LLVM::LLVMFuncOp>()) {
    StringRef name = interface.getSymName();
    if (interface.isExternal() || !name.consume_front(kInterfacePrefix))
      continue;
    if (failed(verifyInterface(interface, name)))
      return failure();
    auto implementation = symbols.lookup<LLVM::LLVMFuncOp>(name);
    if (!implementation)
      return interface.emitOpError("expected a function '")
             << name << "' that it wraps";
    for (StringRef prefix : {kEntryPrefix, kRecordPrefix}) {
      Operation *other = symbols.lookup((prefix + name).str());
      if (!other)
        continue;
      InFlightDiagnostic diagnostic = interface.emitOpError("needs symbol '")
                                      << prefix << name << "' for its entry";
      diagnostic.attachNote(other->getLoc()) << "which is taken here";
      return failure();
    }
    exports.push_back({name, implementation, interface});
  }
  return exports;
}

namespace {
struct EmitPackedEntry final
    : public gpt::impl::EmitPackedEntryBase<EmitPackedEntry> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<SmallVector<Export>> exports = collectExports(module);
    if (failed(exports))
      return signalPassFailure();
    for (Operation &op : module.getOps()) {
      if (auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
          function && !function.isExternal())
        makeInternal(function);
      else if (auto global = dyn_cast<LLVM::GlobalOp>(op);
               global && isDefinition(global) &&
               !global->hasAttr(gpt::kRuntimeAttr))
        makeInternal(global);
    }
    for (Export &exported : *exports) {
      buildEntry(exported);
      buildRecord(exported);
      exported.implementation->removeAttr(gpt::kTableAttr);
      exported.interface->removeAttr(gpt::kTableAttr);
    }
    numEntries += exports->size();
  }
};
} // namespace
