//===- GptEnums.td - enumerations of the gpt dialect -------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Choices that change what an op computes. Each is a dialect attribute, so
// that it prints with its name and has a Python enumeration.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_ENUMS_TD
#define GPT_ENUMS_TD

include "mlir/IR/EnumAttr.td"
include "gpt/GptDialect.td"

class Gpt_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::gpt";
  let genSpecializedAttr = 0;
}

def Gpt_WeightLayout : Gpt_Enum<"WeightLayout", "order of a weight matrix", [
  I32EnumAttrCase<"OutIn", 0, "out_in">,
  I32EnumAttrCase<"InOut", 1, "in_out">
]>;
def Gpt_WeightLayoutAttr
    : EnumAttr<Gpt_Dialect, Gpt_WeightLayout, "weight_layout">;

def Gpt_GeluApproximation : Gpt_Enum<"GeluApproximation", "form of GELU", [
  I32EnumAttrCase<"None", 0, "none">,
  I32EnumAttrCase<"Tanh", 1, "tanh">
]>;
def Gpt_GeluApproximationAttr
    : EnumAttr<Gpt_Dialect, Gpt_GeluApproximation, "gelu_approximation">;

def Gpt_RopeStyle : Gpt_Enum<"RopeStyle", "which features RoPE pairs", [
  I32EnumAttrCase<"HalfSplit", 0, "half_split">,
  I32EnumAttrCase<"Interleaved", 1, "interleaved">
]>;
def Gpt_RopeStyleAttr : EnumAttr<Gpt_Dialect, Gpt_RopeStyle, "rope_style">;

def Gpt_RopeScaling : Gpt_Enum<"RopeScaling", "scaling of RoPE frequencies", [
  I32EnumAttrCase<"None", 0, "none">,
  I32EnumAttrCase<"Linear", 1, "linear">,
  I32EnumAttrCase<"Llama3", 2, "llama3">
]>;
def Gpt_RopeScalingAttr : EnumAttr<Gpt_Dialect, Gpt_RopeScaling, "rope_scaling">;

#endif // GPT_ENUMS_TD
