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
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_EMITPACKEDENTRY
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

static constexpr llvm::StringLiteral kInterfacePrefix = "_mlir_ciface_";
static constexpr llvm::StringLiteral kEntryPrefix = "gpt_entry_";

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
static void buildEntry(LLVM::LLVMFuncOp interface, StringRef entryName) {
  Location loc = interface.getLoc();
  OpBuilder builder(interface->getContext());
  builder.setInsertionPointAfter(interface);
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(builder.getContext()), {pointer});
  auto entry = LLVM::LLVMFuncOp::create(builder, loc, entryName, type);

  Block *block = entry.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  SmallVector<Value> arguments;
  for (unsigned index = 0, end = interface.getNumArguments(); index < end;
       ++index) {
    Value slot = block->getArgument(0);
    if (index > 0)
      slot = LLVM::GEPOp::create(builder, loc, pointer, pointer, slot,
                                 ArrayRef<LLVM::GEPArg>{index});
    arguments.push_back(LLVM::LoadOp::create(builder, loc, pointer, slot));
  }
  LLVM::CallOp::create(builder, loc, interface, arguments);
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
}

/// Gives a definition internal linkage.
template <typename OpTy>
static void makeInternal(OpTy op) {
  if (op.getLinkage() != LLVM::Linkage::Private)
    op.setLinkage(LLVM::Linkage::Internal);
}

namespace {
struct EmitPackedEntry final
    : public gpt::impl::EmitPackedEntryBase<EmitPackedEntry> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    SmallVector<std::pair<LLVM::LLVMFuncOp, std::string>> exports;
    for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
      StringRef name = function.getSymName();
      if (function.isExternal() || !name.consume_front(kInterfacePrefix))
        continue;
      if (failed(verifyInterface(function, name)))
        return signalPassFailure();
      std::string entryName = (kEntryPrefix + name).str();
      if (Operation *other = symbols.lookup(entryName)) {
        InFlightDiagnostic diagnostic = function.emitOpError("needs symbol '")
                                        << entryName << "' for its entry";
        diagnostic.attachNote(other->getLoc()) << "which is taken here";
        return signalPassFailure();
      }
      exports.emplace_back(function, std::move(entryName));
    }

    for (Operation &op : module.getOps()) {
      if (auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
          function && !function.isExternal())
        makeInternal(function);
      else if (auto global = dyn_cast<LLVM::GlobalOp>(op);
               global && !global.isDeclaration())
        makeInternal(global);
    }
    for (auto &[interface, entryName] : exports)
      buildEntry(interface, entryName);
    numEntries += exports.size();
  }
};
} // namespace
