//===- HoistLoopBuffers.cpp - Buffers of loops, made once -------*- C++ -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiles of a parallel loop have buffers of their own, which no memory plan of
// the caller can hold: how many exist depends on how many threads there are.
// Small ones belong onto the stack of the thread, in front of all loops, since
// nothing takes the stack back at the end of an iteration. Runs when parallel
// loops have become functions.
//
//===----------------------------------------------------------------------===//

#include "gpt/GptMemory.h"
#include "gpt/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace mlir::gpt {
#define GEN_PASS_DEF_HOISTLOOPBUFFERS
#include "gpt/Transforms/Passes.h.inc"
} // namespace mlir::gpt

using namespace mlir;

/// Returns the op that frees `buffer` at the end of the iteration that made it,
/// or null if there is no single one.
static memref::DeallocOp findDealloc(memref::AllocOp buffer) {
  memref::DeallocOp found;
  for (Operation *user : buffer.getResult().getUsers()) {
    auto dealloc = dyn_cast<memref::DeallocOp>(user);
    if (!dealloc)
      continue;
    if (found || dealloc->getBlock() != buffer->getBlock())
      return {};
    found = dealloc;
  }
  return found;
}

/// The bytes of a static type, or nothing if these are not known.
static std::optional<int64_t> getNumBytes(MemRefType type) {
  std::optional<int64_t> element = gpt::getElementBytes(type.getElementType());
  if (!element || !type.hasStaticShape())
    return std::nullopt;
  return gpt::multiplyExtents(*element, type.getShape());
}

/// Whether iterations that run at once each have a `buffer` of their own.
static bool isInParallelLoop(memref::AllocOp buffer) {
  return buffer->getParentOfType<scf::ParallelOp>() ||
         buffer->getParentOfType<scf::ForallOp>() ||
         buffer->getParentOfType<affine::AffineParallelOp>();
}

namespace {
struct HoistLoopBuffers final
    : public gpt::impl::HoistLoopBuffersBase<HoistLoopBuffers> {
  using HoistLoopBuffersBase::HoistLoopBuffersBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal() || !llvm::hasSingleElement(function.getBody()))
      return;
    Block &entry = function.front();
    // Ops are erased that a walk would come to next.
    SmallVector<memref::AllocOp> buffers;
    function.walk([&](memref::AllocOp buffer) {
      if (buffer->getParentOfType<LoopLikeOpInterface>() &&
          !isInParallelLoop(buffer))
        buffers.push_back(buffer);
    });
    int64_t stack = 0;
    for (memref::AllocOp buffer : buffers) {
      memref::DeallocOp dealloc = findDealloc(buffer);
      std::optional<int64_t> bytes = getNumBytes(buffer.getType());
      if (!dealloc || !bytes)
        continue;
      if (stack + *bytes <= stackBytes) {
        stack += *bytes;
        OpBuilder builder = OpBuilder::atBlockBegin(&entry);
        Value local =
            memref::AllocaOp::create(builder, buffer.getLoc(), buffer.getType(),
                                     buffer.getAlignmentAttr());
        buffer.getResult().replaceAllUsesWith(local);
        dealloc.erase();
        buffer.erase();
        ++numStack;
        continue;
      }
      buffer->moveBefore(&entry, entry.begin());
      dealloc->moveBefore(entry.getTerminator());
      ++numHoisted;
    }
  }
};
} // namespace
