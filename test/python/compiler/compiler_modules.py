"""Modules that the compiler tests compile."""

from __future__ import annotations

from gpt_mlir import ir

DOUBLE = """
func.func @double(%x: tensor<?x4xf32> {gpt.name = "x", gpt.dims = ["batch", ""]})
    -> (tensor<?x4xf32> {gpt.name = "y", gpt.dims = ["batch", ""]}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %y = linalg.add ins(%x, %x : tensor<?x4xf32>, tensor<?x4xf32>)
                  outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
"""


def parse(text: str) -> ir.Module:
    return ir.Module.parse(text, ir.Context())
