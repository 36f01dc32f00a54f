//===- GptDialect.h - the gpt dialect and its ops ---------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one header to include for the dialect: attributes, interfaces and ops.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_GPTDIALECT_H
#define GPT_GPTDIALECT_H

#include "gpt/GptInterfaces.h"
#include "gpt/GptShape.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "gpt/GptDialect.h.inc"
#include "gpt/GptEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "gpt/GptAttrs.h.inc"
#define GET_OP_CLASSES
#include "gpt/GptOps.h.inc"

namespace mlir::gpt {

/// Names of the attributes that the dialect defines on function arguments and
/// results.
inline constexpr llvm::StringLiteral kWeightAttr = "gpt.weight";
inline constexpr llvm::StringLiteral kNameAttr = "gpt.name";
inline constexpr llvm::StringLiteral kDimsAttr = "gpt.dims";
inline constexpr llvm::StringLiteral kCacheAttr = "gpt.cache";
inline constexpr llvm::StringLiteral kPositionsAttr = "gpt.positions";

/// What schedules know an op by: a string, on any op.
inline constexpr llvm::StringLiteral kClassAttr = "gpt.class";

/// On a module: which packed weights its functions take, a dictionary; see pass
/// gpt-hoist-weight-packing.
inline constexpr llvm::StringLiteral kPackingAttr = "gpt.packing";

} // namespace mlir::gpt

#endif // GPT_GPTDIALECT_H
