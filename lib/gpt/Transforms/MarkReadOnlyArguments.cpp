//===- MarkReadOnlyArguments.cpp - Protect the caller's buffers -*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bufferization may write into function arguments unless it is told not to.
// The arguments of exported functions are weights (possibly mapped read-only
// from a checkpoint) and inputs that the caller still owns; only a KV cache is
// there to be written. Private functions are left alone: the analysis follows
// their calls.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptDialect.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_MARKREADONLYARGUMENTS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

namespace {
struct MarkReadOnlyArguments final
    : public gpt::impl::MarkReadOnlyArgumentsBase<MarkReadOnlyArguments> {
  void runOnOperation() override {
    StringRef writable = bufferization::BufferizationDialect::kWritableAttrName;
    Builder builder(&getContext());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function.isPublic() || function.isExternal())
        continue;
      for (BlockArgument argument : function.getArguments()) {
        unsigned index = argument.getArgNumber();
        if (!isa<TensorType>(argument.getType()) ||
            function.getArgAttr(index, writable))
          continue;
        bool isCache = !!function.getArgAttr(index, gpt::kCacheAttr);
        function.setArgAttr(index, writable, builder.getBoolAttr(isCache));
        numReadOnly += !isCache;
      }
    }
  }
};
} // namespace
