//===- ShapePasses.td - passes about extents ---------------*- tablegen -*-===//
//
// Part of gpt-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that look at the extents of the arguments of functions.
//
//===----------------------------------------------------------------------===//

#ifndef GPT_TRANSFORMS_SHAPEPASSES_TD
#define GPT_TRANSFORMS_SHAPEPASSES_TD

include "mlir/Pass/PassBase.td"

def AssertShapes : Pass<"gpt-assert-shapes", "ModuleOp"> {
  let summary = "Assert that the extents of arguments fit each other";
  let description = [{
    Dynamic dimensions that meet in an op are assumed to be equal. What the ops
    of a public function, and of the functions it calls, demand of extents is
    followed back to its arguments, through the shape rules of the ops, and
    asserted at its head unless types or `gpt.dims` say it already: a call sees
    to it that dimensions of one name are equal.

    ```mlir
    func.func @sum(%x: tensor<?x4xf32> {gpt.name = "x"},
                   %y: tensor<?x4xf32> {gpt.name = "y"}) -> tensor<?x4xf32> {
      %n = tensor.dim %x, %c0 : tensor<?x4xf32>
      %m = tensor.dim %y, %c0 : tensor<?x4xf32>
      %equal = arith.cmpi eq, %m, %n : index
      cf.assert %equal, "expected 'y' dim 0 to match 'x' dim 0, as gpt.add requires"
      %z = gpt.add %x, %y : ...
    ```

    Ops are those of `gpt` (`ShapeConstraintOpInterface`), loops of structured
    ops over whole dimensions, casts, expansions and concatenations of tensors,
    slices whose offsets and sizes follow from extents, and calls; sizes that are
    computed are not negative. Numbers are followed through sums, differences,
    products with constants and divisions by positive constants, of `index` and
    `i64`. What depends on other arithmetic, on the values of tensors is not asserted, nor what ops within other ops demand, such as
    those of a branch, which may not run.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::cf::ControlFlowDialect", "::mlir::tensor::TensorDialect"
  ];
  let statistics = [
    Statistic<"numAssertions", "num-assertions", "Number of assertions made">
  ];
}

def SpecializeShapes : Pass<"gpt-specialize-shapes", "ModuleOp"> {
  let summary = "Clone functions for small extents and choose when called";
  let description = [{
    A public function whose inputs have named dynamic extents (`gpt.dims`), such
    as the batch and the length of the sequence, becomes private as
    `@<name>_general`. For each of `extents` a clone `@<name>_<extent>` is made
    in which all of them, and those of the same names in the caches, have that
    value. The public function tests its extents and calls one of them:

    ```mlir
    func.func @decode(%x: tensor<?x1x64xf32> {gpt.dims = ["batch", "", ""], ...},
                      %w: tensor<64x64xf32> {gpt.weight = "w"}) -> tensor<?x1x64xf32> {
      %b = tensor.dim %x, %c0 : tensor<?x1x64xf32>
      %one = arith.cmpi eq, %b, %c1 : index
      %y = scf.if %one -> (tensor<?x1x64xf32>) {
        %x1 = tensor.cast %x : tensor<?x1x64xf32> to tensor<1x1x64xf32>
        %y1 = func.call @decode_1(%x1, %w) : ...
        %cast = tensor.cast %y1 : tensor<1x1x64xf32> to tensor<?x1x64xf32>
        scf.yield %cast : tensor<?x1x64xf32>
      } else {
        %all = func.call @decode_general(%x, %w) : ...
        scf.yield %all : tensor<?x1x64xf32>
      }
      return %y : tensor<?x1x64xf32>
    }
    ```

    Inside a clone the ops of `gpt` say what the extents of their results are
    then; private functions that are called are cloned once for each combination
    of types, and clones that turn out to be equal are one. Other ops keep their
    types, behind `tensor.cast`. Names that only weights or caches have, such as
    the capacity of a cache, stay dynamic.
  }];
  let options = [
    ListOption<"extents", "extents", "int64_t",
               "Values to make clones for; 1 when none is given">
  ];
  let statistics = [
    Statistic<"numSpecialized", "num-specialized",
              "Number of functions that choose">,
    Statistic<"numClones", "num-clones", "Number of functions made">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"
  ];
}

#endif // GPT_TRANSFORMS_SHAPEPASSES_TD
