"""NumPy references of every gpt op, in float64, written from the op descriptions.

Each function takes arrays (of any dtype; they are widened to float64) and the attributes of the op
under their names, and returns what the op computes. Functions called `*_error` return a bound of
the error of a computation in f32, in units of f32's unit roundoff: see `gpt_mlir.verify.tolerance`.
Nothing here knows the compiler: the descriptions in `dialect/gpt/*.td` are the specification.
"""

from gpt_mlir.verify.reference.activation import (
    causal_mask,
    gelu,
    gelu_error,
    masked_softmax,
    masked_softmax_error,
    silu,
    silu_error,
    softmax,
    softmax_error,
)
from gpt_mlir.verify.reference.arrays import Array, widen
from gpt_mlir.verify.reference.attention import (
    attention,
    attention_error,
    attention_with_error,
    cached_attention_with_error,
    update_cache,
)
from gpt_mlir.verify.reference.embedding import (
    embedding,
    position_ids,
)
from gpt_mlir.verify.reference.norm import (
    layer_norm,
    layer_norm_error,
    rms_norm,
    rms_norm_error,
)
from gpt_mlir.verify.reference.projection import (
    linear,
    linear_error,
    matmul,
    matmul_error,
)
from gpt_mlir.verify.reference.rope import (
    rope,
    rope_error,
    rope_frequencies,
)
from gpt_mlir.verify.reference.sampling import (
    argmax,
    sample,
)
from gpt_mlir.verify.reference.shape import (
    split,
)

__all__ = [
    "Array",
    "argmax",
    "attention",
    "attention_error",
    "attention_with_error",
    "cached_attention_with_error",
    "causal_mask",
    "embedding",
    "gelu",
    "gelu_error",
    "layer_norm",
    "layer_norm_error",
    "linear",
    "linear_error",
    "masked_softmax",
    "masked_softmax_error",
    "matmul",
    "matmul_error",
    "position_ids",
    "rms_norm",
    "rms_norm_error",
    "rope",
    "rope_error",
    "rope_frequencies",
    "sample",
    "silu",
    "silu_error",
    "softmax",
    "softmax_error",
    "split",
    "update_cache",
    "widen",
]
