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

def ExpectMultipleOp : Op<Transform_Dialect, "gpt.expect_multiple", [
    DeclareOpInterfaceMethods<TransformOpInterface>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "fail if a size is not positive or does not fit another";
  let description = [{
    The error names the parameter: what a wrong size does to the tiling it is
    for may be hard to read, or code that computes something else.

    | handle | payload |
    |---|---|
    | `size` | one integer, 1 or more |
    | `factor` | if there is one: one integer, 1 or more, that divides it |

    Example:

    ```mlir
    transform.gpt.expect_multiple "row_block" %row_block of "row_tile" %row_tile
      : !transform.param<i64>, !transform.param<i64>
    transform.gpt.expect_multiple "column_tile" %column_tile : !transform.param<i64>
    ```
  }];
  let cppNamespace = "::mlir::transform";
  let arguments = (ins StrAttr:$name,
                       TransformParamTypeInterface:$size,
                       OptionalAttr<StrAttr>:$factorName,
                       Optional<TransformParamTypeInterface>:$factor);
  let assemblyFormat = [{
    $name $size (`of` $factorName^ $factor)? attr-dict
    `:` type($size) (`,` type($factor)^)?
  }];
}

def ExpectInnerTileOp : Op<Transform_Dialect, "gpt.expect_inner_tile", [
    DeclareOpInterfaceMethods<TransformOpInterface>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "fail if a size is not that which operands were packed with";
  let description = [{
    What packs operands and what tiles their product are different sequences of
    a schedule. The error names both sizes.

    | handle | payload |
    |---|---|
    | `size` | one integer |
    | `packs` | `linalg.pack` whose first inner tile must be of this size |

    Example:

    ```mlir
    transform.gpt.expect_inner_tile "row_tile" %row_tile of %packs
      : !transform.param<i64>, !transform.any_op
    ```
  }];
  let cppNamespace = "::mlir::transform";
  let arguments = (ins StrAttr:$name,
                       TransformParamTypeInterface:$size,
                       TransformHandleTypeInterface:$packs);
  let assemblyFormat = [{
    $name $size `of` $packs attr-dict `:` type($size) `,` type($packs)
  }];
}

#endif // GPT_SCHEDULES_SCHEDULEOPS_TD
