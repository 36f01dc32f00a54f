"""Building models as graphs of `gpt` ops.

`Graph` holds one function under construction, `Tensor` a value of it, and `ops` one function per
op of the dialect. What is built is MLIR from the first line on: there is no second representation
that would have to agree with the dialect about shapes.
"""

from gpt_mlir.graph import ops
from gpt_mlir.graph.graph import Graph
from gpt_mlir.graph.tensor import Dim, Shape, Tensor

__all__ = ["Dim", "Graph", "Shape", "Tensor", "ops"]
