//===- GptFaults.cpp - faults in the gpt dialect ----------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a wrong canonicalization or graph transformation could do.
//
//===----------------------------------------------------------------------===//

#include "SeededFaults.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace mlir::gpt::test;

/// Replaces the word of an enumeration attribute by the other one.
static void toggle(Operation *op, StringRef name, StringRef kind, StringRef one,
                   StringRef other) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (Attribute now = op->getAttr(name))
    os << now;
  StringRef word = StringRef(text).contains(one) ? other : one;
  op->setAttr(name, parseAttribute(("#gpt<" + kind + " " + word + ">").str(),
                                   op->getContext()));
}

static void setF64(Operation *op, StringRef name, double value) {
  op->setAttr(name, Builder(op->getContext()).getF64FloatAttr(value));
}

static const Fault faults[] = {
    {"lost-causal-mask",
     [](Operation *root) {
       changeAll(root, "gpt.attention",
                 [](Operation *op) { op->removeAttr("causal"); });
     }},
    {"window-off-by-one",
     [](Operation *root) {
       for (StringRef name : {"gpt.attention", "gpt.cached_attention"})
         changeAll(root, name, [](Operation *op) {
           if (auto window = op->getAttrOfType<IntegerAttr>("window"))
             op->setAttr("window", IntegerAttr::get(window.getType(),
                                                    window.getInt() + 1));
         });
     }},
    {"wrong-scale",
     [](Operation *root) {
       changeAll(root, "gpt.attention",
                 [](Operation *op) { setF64(op, "scale", 0.3); });
     }},
    {"lost-epsilon",
     [](Operation *root) {
       for (StringRef name : {"gpt.layer_norm", "gpt.rms_norm"})
         changeAll(root, name,
                   [](Operation *op) { setF64(op, "epsilon", 0.0); });
     }},
    {"lost-unit-offset",
     [](Operation *root) {
       changeAll(root, "gpt.rms_norm",
                 [](Operation *op) { op->removeAttr("unit_offset"); });
     }},
    {"dropped-bias",
     [](Operation *root) {
       changeAll(root, "gpt.linear", [](Operation *op) {
         if (op->getNumOperands() == 3)
           op->eraseOperand(2);
       });
     }},
    {"transposed-square-weight",
     [](Operation *root) {
       changeAll(root, "gpt.linear", [](Operation *op) {
         auto type = cast<RankedTensorType>(op->getOperand(1).getType());
         if (type.getDimSize(0) == type.getDimSize(1))
           toggle(op, "weight_layout", "weight_layout", "in_out", "out_in");
       });
     }},
    {"wrong-rope-pairing",
     [](Operation *root) {
       changeAll(root, "gpt.rope", [](Operation *op) {
         toggle(op, "style", "rope_style", "interleaved", "half_split");
       });
     }},
    {"lost-position",
     [](Operation *root) {
       changeAll(root, "gpt.rope", [](Operation *op) {
         if (op->getNumOperands() == 2)
           op->eraseOperand(1);
       });
     }},
    {"stale-cache",
     [](Operation *root) {
       changeAll(root, "gpt.cached_attention", [](Operation *op) {
         op->getResult(1).replaceAllUsesWith(op->getOperand(3));
       });
     }},
    {"swapped-parts",
     [](Operation *root) {
       changeAll(root, "gpt.split", [](Operation *op) {
         SmallVector<OpOperand *> uses;
         for (OpOperand &use : op->getResult(0).getUses())
           uses.push_back(&use);
         op->getResult(1).replaceAllUsesWith(op->getResult(0));
         for (OpOperand *use : uses)
           use->set(op->getResult(1));
       });
     }},
    {"wrong-activation",
     [](Operation *root) {
       changeAll(root, "gpt.gelu", [](Operation *op) {
         toggle(op, "approximate", "gelu_approximation", "tanh", "none");
       });
     }},
};

ArrayRef<Fault> mlir::gpt::test::getGptFaults() { return faults; }
