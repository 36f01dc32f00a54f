//===- KVCacheBuilder.cpp - new tokens in a KV cache ------------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See KVCacheBuilder.h. A cache is only ever changed through a slice, which
// one-shot bufferization turns into stores into the caller's buffers.
//
//===----------------------------------------------------------------------===//

#include "gpt/Conversion/GptToLinalg/KVCacheBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::gpt;

OpFoldResult gpt::getNumNewRows(OpBuilder &builder, Location loc,
                                ValueRange queryKeyValue) {
  for (Value rows : queryKeyValue)
    if (int64_t size = getTensorType(rows).getDimSize(1);
        ShapedType::isStatic(size))
      return builder.getIndexAttr(size);
  return tensor::getMixedSize(builder, loc, queryKeyValue.front(), 1);
}

Value KVCacheBuilder::buildNumSequences(OpBuilder &builder, Value batch) const {
  Value fits = arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::sle,
      getValueOrCreateConstantIndexOp(builder, loc, numRows), capacity);
  return arith::SelectOp::create(builder, loc, fits, batch,
                                 buildIndex(builder, loc, 0));
}

Value KVCacheBuilder::buildPosition(OpBuilder &builder, Value sequence) const {
  Value given = tensor::ExtractOp::create(builder, loc, positions, sequence);
  given =
      arith::IndexCastOp::create(builder, loc, builder.getIndexType(), given);
  Value last = arith::SubIOp::create(
      builder, loc, capacity,
      getValueOrCreateConstantIndexOp(builder, loc, numRows));
  Value position =
      arith::MaxSIOp::create(builder, loc, given, buildIndex(builder, loc, 0));
  return arith::MinSIOp::create(builder, loc, position, last);
}

Value KVCacheBuilder::buildUpdate(OpBuilder &builder, Value cache, Value rows,
                                  Value sequence, Value position) const {
  OpFoldResult zero = builder.getIndexAttr(0), one = builder.getIndexAttr(1);
  ArrayRef<int64_t> shape = getTensorType(rows).getShape();
  OpFoldResult heads = builder.getIndexAttr(shape[2]);
  OpFoldResult features = builder.getIndexAttr(shape[3]);
  Value source = extractSlice(builder, loc, rows, {sequence, zero, zero, zero},
                              {one, numRows, heads, features}, {0});
  SmallVector<OpFoldResult> offsets = {sequence, zero, position, zero};
  SmallVector<OpFoldResult> sizes = {one, heads, numRows, features};
  Value init = extractSlice(builder, loc, cache, offsets, sizes, {0});

  Value updated;
  if (getTensorType(rows).getElementType() ==
      getTensorType(cache).getElementType())
    updated = linalg::TransposeOp::create(builder, loc, source, init,
                                          ArrayRef<int64_t>{1, 0, 2})
                  ->getResult(0);
  else
    updated = buildParallel(
        builder, loc,
        {{source, getDimsMap(builder.getContext(), 3, {1, 0, 2})}}, init,
        [](OpBuilder &, Location, ValueRange args) { return args[0]; });
  return insertSlice(builder, loc, updated, cache, offsets, sizes);
}
