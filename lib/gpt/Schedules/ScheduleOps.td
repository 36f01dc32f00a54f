//===- ScheduleOps.td - Ops of schedules -------------------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What schedules need and the Transform dialect of MLIR does not have.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_SCHEDULES_SCHEDULEOPS_TD
#define GPT_SCHEDULES_SCHEDULEOPS_TD

include "mlir/Dialect/Transform/IR/TransformDialect.td"
include "mlir/Dialect/Transform/Interfaces/TransformInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def FuseProducerOp : Op<Transform_Dialect, "gpt.fuse_producer", [
    DeclareOpInterfaceMethods<TransformOpInterface>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    ReportTrackingListenerFailuresOpTrait]> {
  let summary = "compute tiles of a producer where a loop uses them";
  let description = [{
    Each `tensor.extract_slice` of the producer's result inside of the loop is
    replaced by what computes this slice. Where the producer writes into what
    the loop carries along, the slice is written there, too. The loop stays the
    same op. The producer remains for uses outside of the loop.

    | handle | payload |
    |---|---|
    | `producer` | at most one op, tileable, with one result at least |
    | `loop` | one op |
    | result | the ops that compute the slices, none without a producer |

    It does what `transform.structured.fuse_into_containing_op` does with slices,
    which prepares a diagnostic with both ops at each use: to print them, it
    verifies and numbers the function around them. The time to tile a function
    would grow with the square of the products in it.

    Example:

    ```mlir
    %tile = transform.gpt.fuse_producer %product into %loop
      : (!transform.any_op, !transform.any_op) -> !transform.any_op
    ```
  }];
  let cppNamespace = "::mlir::transform";
  let arguments = (ins TransformHandleTypeInterface:$producer,
                       TransformHandleTypeInterface:$loop);
  let results = (outs TransformHandleTypeInterface:$fused);
  let assemblyFormat = [{
    $producer `into` $loop attr-dict `:` functional-type(operands, results)
  }];
}

#endif // GPT_SCHEDULES_SCHEDULEOPS_TD
