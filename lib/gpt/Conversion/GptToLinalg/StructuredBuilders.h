//===- StructuredBuilders.h - structured ops of all patterns ----*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The few shapes of structured op that every family of patterns is made of.
// Arithmetic is always f32: bodies get f32 scalars and give f32 scalars, and
// the conversion from and to the storage type is added here.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_CONVERSION_GPTTOLINALG_STRUCTUREDBUILDERS_H
#define GPT_CONVERSION_GPTTOLINALG_STRUCTUREDBUILDERS_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::gpt {

/// Builds the scalar computation of a structured op.
using ScalarBody = llvm::function_ref<Value(OpBuilder &, Location, ValueRange)>;

/// An input of a structured op and how the op's dimensions index it.
struct Access {
  Value tensor;
  AffineMap map;
};

/// The type of a value that is known to be a ranked tensor.
RankedTensorType getTensorType(Value tensor);

/// A map from `rank` dimensions to the listed ones, in that order.
AffineMap getDimsMap(MLIRContext *context, unsigned rank,
                     ArrayRef<unsigned> dims);

/// The consecutive dimensions `[begin, end)`.
SmallVector<unsigned> getDimRange(unsigned begin, unsigned end);

/// How an operand of the given type is read when it is broadcast to a result
/// of the given sizes, aligned at the last dimension: a static extent of 1 is
/// repeated.
AffineMap getBroadcastMap(RankedTensorType type, ArrayRef<OpFoldResult> sizes);

/// An f32 constant.
Value buildF32(OpBuilder &builder, Location loc, double value);

/// An index constant.
Value buildIndex(OpBuilder &builder, Location loc, int64_t value);

/// Converts a float scalar to another float type.
Value convertFloat(OpBuilder &builder, Location loc, Value scalar, Type type);

/// An uninitialised tensor.
Value buildEmpty(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes,
                 Type elementType);

/// A tensor filled with a constant.
Value buildFilled(OpBuilder &builder, Location loc,
                  ArrayRef<OpFoldResult> sizes, TypedAttr value);

/// `init` overwritten with the f32 constant `value` (`init` is an f32 tensor).
Value buildFill(OpBuilder &builder, Location loc, double value, Value init);

/// A parallel `linalg.generic` over the dimensions of `init`. Float inputs
/// reach the body as f32; a float it returns is converted to the element type
/// of `init`.
Value buildParallel(OpBuilder &builder, Location loc, ArrayRef<Access> inputs,
                    Value init, ScalarBody body);

/// As `buildParallel`, with `tensor` as the last input and overwritten after
/// bufferization.
Value buildUpdate(OpBuilder &builder, Location loc, ArrayRef<Access> inputs,
                  Value tensor, ScalarBody body);

/// Reduces the last dimension of the inputs into `init`, which has the others:
/// `combine` gets an element of each input and what has been gathered so far.
Value buildLastDimReduction(OpBuilder &builder, Location loc,
                            ArrayRef<Access> inputs, Value init,
                            ScalarBody combine);

/// Adds `term` of the inputs, whose leading dimensions are those of the result
/// and whose last is summed over, starting at zero.
Value buildLastDimSum(OpBuilder &builder, Location loc, ArrayRef<Access> inputs,
                      ArrayRef<OpFoldResult> sizes, ScalarBody term);

/// `linalg.contract` that adds to `init`.
Value buildContract(OpBuilder &builder, Location loc, Access lhs, Access rhs,
                    Access init);

/// `linalg.softmax` over the last dimension of an f32 tensor. Where `init` is
/// `scores`, bufferization overwrites them.
Value buildSoftmax(OpBuilder &builder, Location loc, Value scores, Value init);

/// Inside the body of a structured op: whether the key at `linalg.index keyDim`
/// is visible to the query at position `first + linalg.index queryDim`, that
/// is, neither in its future nor `window` or more positions in its past.
Value buildVisibility(OpBuilder &builder, Location loc, Value first,
                      std::optional<int64_t> window, unsigned queryDim,
                      unsigned keyDim);

/// Converts every element of a tensor to a float type.
Value buildElementCast(OpBuilder &builder, Location loc, Value tensor,
                       Type elementType);

/// As above, into the given tensor.
Value buildElementCastInto(OpBuilder &builder, Location loc, Value tensor,
                           Value init);

/// Views the last dimension, which is static, as the given static ones.
Value splitLastDim(OpBuilder &builder, Location loc, Value tensor,
                   ArrayRef<int64_t> extents);

/// Views the last `count` dimensions as one.
Value mergeLastDims(OpBuilder &builder, Location loc, Value tensor,
                    unsigned count);

/// The slice of unit step at the given offsets. Dimensions in `dropped` have
/// size 1 and are left out of the result.
Value extractSlice(OpBuilder &builder, Location loc, Value tensor,
                   ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                   ArrayRef<unsigned> dropped = {});

/// Puts a slice back.
Value insertSlice(OpBuilder &builder, Location loc, Value slice, Value tensor,
                  ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes);

/// `tensor` as a value of the given type, which differs in static extents only.
Value castToType(OpBuilder &builder, Location loc, Value tensor, Type type);

} // namespace mlir::gpt

#endif // GPT_CONVERSION_GPTTOLINALG_STRUCTUREDBUILDERS_H
