"""Modules that the runtime tests run."""

from __future__ import annotations

from collections.abc import Callable

from gpt_mlir import Executable, ir

# Compiles a module given as text; each only once.
Compile = Callable[[str], Executable]

AFFINE = """
func.func @affine(%x: tensor<?x?x4xf32> {gpt.name = "x", gpt.dims = ["batch", "seq", ""]},
                  %y: tensor<?x?x4xf32> {gpt.name = "y", gpt.dims = ["batch", "seq", ""]},
                  %w: tensor<4xf32> {gpt.weight = "scale.weight"},
                  %b: tensor<4xf32> {gpt.weight = "scale.bias"})
    -> (tensor<?x?x4xf32> {gpt.name = "z", gpt.dims = ["batch", "seq", ""]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %batch = tensor.dim %x, %c0 : tensor<?x?x4xf32>
  %seq = tensor.dim %x, %c1 : tensor<?x?x4xf32>
  %e = tensor.empty(%batch, %seq) : tensor<?x?x4xf32>
  %z = linalg.generic {
      indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j, k)>,
                       affine_map<(i, j, k) -> (k)>, affine_map<(i, j, k) -> (k)>,
                       affine_map<(i, j, k) -> (i, j, k)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %y, %w, %b : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%e : tensor<?x?x4xf32>) {
  ^bb0(%xe: f32, %ye: f32, %we: f32, %be: f32, %out: f32):
    %0 = arith.mulf %xe, %we : f32
    %1 = arith.addf %0, %be : f32
    %2 = arith.addf %1, %ye : f32
    linalg.yield %2 : f32
  } -> tensor<?x?x4xf32>
  return %z : tensor<?x?x4xf32>
}
"""

# One function per dtype: two outputs, x + x and a copy of one element.
DTYPES = """
func.func @{dtype}(%x: tensor<?x3x{dtype}> {{gpt.name = "x"}})
    -> (tensor<?x3x{dtype}> {{gpt.name = "sum"}}, tensor<{dtype}> {{gpt.name = "first"}}) {{
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x3x{dtype}>
  %e = tensor.empty(%n) : tensor<?x3x{dtype}>
  %sum = linalg.add ins(%x, %x : tensor<?x3x{dtype}>, tensor<?x3x{dtype}>)
                    outs(%e : tensor<?x3x{dtype}>) -> tensor<?x3x{dtype}>
  %element = tensor.extract %x[%c0, %c0] : tensor<?x3x{dtype}>
  %first = tensor.from_elements %element : tensor<{dtype}>
  return %sum, %first : tensor<?x3x{dtype}>, tensor<{dtype}>
}}
"""

ACCUMULATE = """
func.func @accumulate(%x: tensor<4xf32> {gpt.name = "x"},
    %cache: tensor<4xf32> {gpt.name = "sum", gpt.cache = "key", bufferization.writable = true})
    -> (tensor<4xf32> {gpt.cache = "key"}) {
  %0 = linalg.add ins(%x, %cache : tensor<4xf32>, tensor<4xf32>)
                  outs(%cache : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
"""

# What comes back is an argument, or a constant: the caller must still own it.
IDENTITY = """
func.func @identity(%x: tensor<3xi64> {gpt.name = "x"})
    -> (tensor<3xi64> {gpt.name = "y"}, tensor<3xi64> {gpt.name = "z"},
        tensor<2xf32> {gpt.name = "constant"}) {
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  return %x, %x, %c : tensor<3xi64>, tensor<3xi64>, tensor<2xf32>
}
"""

# Adds 1 to x, n times, one after the other: takes as long as wanted.
SPIN = """
func.func @spin(%n: tensor<i64> {gpt.name = "n"}, %x: tensor<f32> {gpt.name = "x"})
    -> (tensor<f32> {gpt.name = "y"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  %end = tensor.extract %n[] : tensor<i64>
  %bound = arith.index_cast %end : i64 to index
  %start = tensor.extract %x[] : tensor<f32>
  %last = scf.for %i = %c0 to %bound step %c1 iter_args(%v = %start) -> (f32) {
    %next = arith.addf %v, %one : f32
    scf.yield %next : f32
  }
  %y = tensor.from_elements %last : tensor<f32>
  return %y : tensor<f32>
}
"""


def parse(text: str) -> ir.Module:
    return ir.Module.parse(text, ir.Context())
