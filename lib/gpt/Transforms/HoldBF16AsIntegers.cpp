//===- HoldBF16AsIntegers.cpp - Moves of bf16 as integers -------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For processors without bf16, LLVM has no registers of that type: wherever a
// vector of it is masked, or passes from block to block, every element is
// converted to f32 and back, by functions of a compiler runtime, which compiled
// code must not need. Integers of the same width are moved as they are. When
// arith-expand has made arithmetic of all conversions, nothing but moves is
// left.
//
//===----------------------------------------------------------------------===//

#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_HOLDBF16ASINTEGERS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Whether an op does the same to bf16 and to i16.
static bool isMove(Operation *op) {
  return isa<LLVM::LLVMFuncOp, LLVM::GlobalOp, LLVM::AddressOfOp,
             LLVM::AllocaOp, LLVM::GEPOp, LLVM::LoadOp, LLVM::StoreOp,
             LLVM::MaskedLoadOp, LLVM::MaskedStoreOp, LLVM::masked_gather,
             LLVM::masked_scatter, LLVM::BitcastOp, LLVM::SelectOp,
             LLVM::ShuffleVectorOp, LLVM::ExtractElementOp,
             LLVM::InsertElementOp, LLVM::ExtractValueOp, LLVM::InsertValueOp,
             LLVM::ConstantOp, LLVM::ZeroOp, LLVM::UndefOp, LLVM::PoisonOp,
             LLVM::FreezeOp, LLVM::CallOp, LLVM::ReturnOp, LLVM::BrOp,
             LLVM::CondBrOp, LLVM::SwitchOp>(op);
}

static bool containsBF16(Type type) {
  return type.walk([](BFloat16Type) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

/// Returns the first op that computes with bf16, or null.
static Operation *findArithmetic(ModuleOp module) {
  Operation *found = nullptr;
  module.walk([&](Operation *op) {
    if (isMove(op) || (llvm::none_of(op->getOperandTypes(), containsBF16) &&
                       llvm::none_of(op->getResultTypes(), containsBF16)))
      return WalkResult::advance();
    found = op;
    return WalkResult::interrupt();
  });
  return found;
}

namespace {

/// Before:
/// ```mlir
/// llvm.br ^bb1(%v : vector<8xbf16>)
/// ```
/// After:
/// ```mlir
/// llvm.br ^bb1(%v : vector<8xi16>)
/// ```
struct HoldBF16AsIntegers final
    : public gpt::impl::HoldBF16AsIntegersBase<HoldBF16AsIntegers> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (Operation *op = findArithmetic(module)) {
      op->emitRemark("computes with bf16, which is not held as integers");
      return markAllAnalysesPreserved();
    }
    Type i16 = IntegerType::get(&getContext(), 16);
    AttrTypeReplacer replacer;
    replacer.addReplacement([&](BFloat16Type) -> Type { return i16; });
    replacer.addReplacement([&](FloatAttr value) -> std::optional<Attribute> {
      if (!value.getType().isBF16())
        return std::nullopt;
      return IntegerAttr::get(i16, value.getValue().bitcastToAPInt());
    });
    replacer.addReplacement(
        [&](DenseElementsAttr values) -> std::optional<Attribute> {
          if (!values.getElementType().isBF16())
            return std::nullopt;
          return values.bitcast(i16);
        });
    module.walk([&](Operation *op) {
      // What others have noted is about the interface, not the code.
      DictionaryAttr notes = op->getDiscardableAttrDictionary();
      replacer.replaceElementsIn(op, /*replaceAttrs=*/true,
                                 /*replaceLocs=*/false, /*replaceTypes=*/true);
      op->setDiscardableAttrs(notes);
    });
  }
};

} // namespace
