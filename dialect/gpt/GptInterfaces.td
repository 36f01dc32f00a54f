//===- GptInterfaces.td - interfaces of gpt ops ------------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SequenceOpInterface is what makes the KV cache a compiler feature: a pass
// follows the sequence dimension through any graph by asking each op, instead
// of knowing every model. ShapeConstraintOpInterface is what makes calls with
// extents that do not fit each other an error.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_INTERFACES_TD
#define GPT_INTERFACES_TD

include "mlir/IR/OpBase.td"

def Gpt_SequenceOpInterface : OpInterface<"SequenceOpInterface"> {
  let cppNamespace = "::mlir::gpt";
  let description = [{
    How an op treats the sequence dimension. An op qualifies for incremental
    execution when position `i` of its results depends on position `i` of its
    operands only, or (causal attention) on positions up to `i`.
  }];
  let methods = [InterfaceMethod<[{
      Given the sequence dimension of each operand (`kNoSequenceDim` for an
      operand that has none; at least one has one), appends the sequence
      dimension of each result. Emits an error on the op and fails when
      the op mixes positions in a way that cannot be computed incrementally.
    }],
    "::llvm::LogicalResult", "inferSequenceDims",
    (ins "::llvm::ArrayRef<int64_t>":$operandDims,
         "::llvm::SmallVectorImpl<int64_t> &":$resultDims)>];
}

def Gpt_ShapeConstraintOpInterface : OpInterface<"ShapeConstraintOpInterface"> {
  let cppNamespace = "::mlir::gpt";
  let description = [{
    What an op demands of the extents of its operands and results. Types decide
    that where they are static; where they are not, it must hold at run time.
  }];
  let methods = [InterfaceMethod<[{
      Appends all that the op demands.
    }],
    "void", "getShapeConstraints",
    (ins "::llvm::SmallVectorImpl<::mlir::gpt::ShapeConstraint> &":$constraints)>];
}

#endif // GPT_INTERFACES_TD
