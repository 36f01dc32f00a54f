"""One function per op of the `gpt` dialect.

Tensors are positional, attributes are keyword-only and have the names of the op's attributes. Each
function builds one op and returns its result or results; the op's own type inference and verifier
decide whether it is right, and raise `GraphError` at the line of the call if not. The modules
mirror the op families of the dialect; what an op computes is specified there.
"""

from gpt_mlir.graph.ops.activation import causal_mask, gelu, masked_softmax, silu, softmax
from gpt_mlir.graph.ops.attention import attention, cached_attention, rope
from gpt_mlir.graph.ops.elementwise import add, cast, last_token, mul, scale, split, transpose
from gpt_mlir.graph.ops.embedding import embedding, position_ids
from gpt_mlir.graph.ops.norm import layer_norm, rms_norm
from gpt_mlir.graph.ops.projection import linear, matmul
from gpt_mlir.graph.ops.sampling import argmax, sample

__all__ = [
    "add",
    "argmax",
    "attention",
    "cached_attention",
    "cast",
    "causal_mask",
    "embedding",
    "gelu",
    "last_token",
    "layer_norm",
    "linear",
    "masked_softmax",
    "matmul",
    "mul",
    "position_ids",
    "rms_norm",
    "rope",
    "sample",
    "scale",
    "silu",
    "softmax",
    "split",
    "transpose",
]
