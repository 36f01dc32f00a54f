//===- GptDialect.td - the gpt dialect and its base op classes -*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Defines the dialect and the classes every op family derives from. An op says
// four things once, here or in its family file: its type rule
// (InferTypeOpInterface, ShapeConstraintOpInterface), its shape rule
// (ReifyRankedShapedTypeOpInterface), how it treats the sequence dimension
// (SequenceOpInterface) and that it is pure.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_DIALECT_TD
#define GPT_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "gpt/GptInterfaces.td"

def Gpt_Dialect : Dialect {
  let name = "gpt";
  let cppNamespace = "::mlir::gpt";
  let summary = "Operations of GPT-style language models";
  let description = [{
    The `gpt` dialect describes decoder-only transformer language models on
    ranked tensors with value semantics. What changes the meaning of a model
    (`epsilon`, `causal`, `num_kv_heads`, the RoPE style) is an attribute and
    survives every lowering.

    ### Conventions

    * Activations are `[batch, seq, features]`; position-wise ops accept any
      leading dimensions. Queries, keys and values are
      `[batch, seq, num_heads * head_dim]`: the split into heads is part of
      `gpt.rope`, `gpt.attention` and `gpt.cached_attention`.
    * Element types are `f32`, `bf16` and `f16`. A weight may be stored in
      another of these types than the activations: the result takes the type of
      the activations. Reductions accumulate in `f32`.
    * A dynamic dimension that meets another dynamic or static one must be equal
      to it at run time, which `gpt-assert-shapes` sees to; only a static extent
      of 1 is broadcast.

    ### Function attributes

    | attribute | on | meaning |
    |---|---|---|
    | `gpt.weight = "name"` | argument | a weight and its name in the checkpoint |
    | `gpt.name = "name"` | argument, result | an input or output and its name |
    | `gpt.dims = ["batch", "", …]` | argument, result | one name per dimension, empty for a static or unnamed one; equal names have equal sizes at run time |
    | `gpt.cache = "key"` or `"value"` | argument, result | a KV cache, updated in place |
    | `gpt.positions` | argument | the absolute position of the first new token of each sequence |

    `gpt.class = "name"` on any other op is what schedules know it by; passes set
    it where they prepare an op for a schedule. `gpt.packing = {…}` on a module
    says which functions take weights in packed form; `gpt-hoist-weight-packing`
    describes it.
  }];
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let hasOperationAttrVerify = 1;
  let useDefaultAttributePrinterParser = 1;
}

// Every op: pure, with a shape rule and a rule for the sequence dimension.
class Gpt_Op<string mnemonic, list<Trait> traits = []>
    : Op<Gpt_Dialect, mnemonic,
         !listconcat([Pure,
                      DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
                                                ["reifyResultShapes"]>,
                      DeclareOpInterfaceMethods<Gpt_SequenceOpInterface>],
                     traits)> {
  // Shape rule and sequence rule shared by a family; `definitions` is C++ put
  // into the op's own definition.
  code definitions = [{}];
}

// Checks operands and result types by the type rule of the op. It comes before
// the check of InferTypeOpInterface, which would add a second, vague error.
def Gpt_VerifyTypeRule : NativeOpTrait<"VerifyTypeRule"> {
  let cppNamespace = "::mlir::gpt";
}

// An op whose result types follow from its operands and attributes. A declared
// result type may be more or less static than the inferred one.
class Gpt_InferredOp<string mnemonic, list<Trait> traits = []>
    : Gpt_Op<mnemonic,
             !listconcat([Gpt_VerifyTypeRule,
                          InferTypeOpAdaptorWithIsCompatible,
                          DeclareOpInterfaceMethods<Gpt_ShapeConstraintOpInterface>],
                         traits)> {
  // What a family or an op declares beside.
  code declarations = [{}];
  code typeRule = [{
    /// The type rule: checks the operands and infers the types of the results.
    static ::llvm::LogicalResult inferTypes(
        const ::mlir::gpt::TypeRule &rule, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types);
  }];
  let extraClassDeclaration = !strconcat(typeRule, declarations);
  code usesOfTypeRule = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *, std::optional<::mlir::Location> location,
        Adaptor adaptor, ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferTypes(::mlir::gpt::TypeRule(location, getOperationName()),
                        adaptor, types);
    }
    void $cppClass::getShapeConstraints(
        ::llvm::SmallVectorImpl<::mlir::gpt::ShapeConstraint> &constraints) {
      ::llvm::SmallVector<::mlir::Type> types;
      (void)inferTypes(::mlir::gpt::TypeRule(getLoc(), getOperationName(),
                                             &constraints),
                       Adaptor(*this), types);
    }
  }];
  code compatibleTypes = [{
    bool $cppClass::isCompatibleReturnTypes(::mlir::TypeRange lhs,
                                            ::mlir::TypeRange rhs) {
      return ::mlir::gpt::areCompatibleTypes(lhs, rhs);
    }
  }];
  let extraClassDefinition =
    !strconcat(usesOfTypeRule, compatibleTypes, definitions);
}

// The first result has the shape of the first operand.
defvar Gpt_reifyLikeFirstOperand = [{
  ::llvm::LogicalResult $cppClass::reifyResultShapes(
      ::mlir::OpBuilder &builder,
      ::mlir::ReifiedRankedShapedTypeDims &shapes) {
    shapes.push_back(::mlir::gpt::getMixedShape(builder, getLoc(),
                                                getOperation()->getOperand(0)));
    return ::mlir::success();
  }
}];

// Each position is computed from the same position of the first operand alone.
defvar Gpt_positionwise = [{
  ::llvm::LogicalResult $cppClass::inferSequenceDims(
      ::llvm::ArrayRef<int64_t> operandDims,
      ::llvm::SmallVectorImpl<int64_t> &resultDims) {
    return ::mlir::gpt::inferPositionwise(getOperation(), operandDims,
                                          resultDims);
  }
}];

// Element by element, operands broadcast against each other.
defvar Gpt_elementwise = [{
  ::llvm::LogicalResult $cppClass::inferSequenceDims(
      ::llvm::ArrayRef<int64_t> operandDims,
      ::llvm::SmallVectorImpl<int64_t> &resultDims) {
    return ::mlir::gpt::inferElementwise(getOperation(), operandDims,
                                         resultDims);
  }
}];

#endif // GPT_DIALECT_TD
