"""One rule per op: takes values from a builder's pool, returns new ones, or none where it cannot.

Operands that the pool does not have become arguments. The magnitudes are rough: they keep numbers
in range and tolerances meaningful, they decide nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gpt_mlir import DType, Tensor
from gpt_mlir.graph import ops

if TYPE_CHECKING:
    from generator import Builder


FLOATS = (DType.F32, DType.BF16, DType.F16)
WIDTHS = (8, 4, 12, 16, 24, 32, 1, 3, 17, 33, 48, 65)


@dataclasses.dataclass(frozen=True)
class Value:
    """A tensor, its sizes at run time and the rough magnitude of its elements."""

    tensor: Tensor
    sizes: tuple[int, ...]
    magnitude: float = 1.0

    @property
    def rank(self) -> int:
        return len(self.sizes)

    @property
    def dtype(self) -> DType:
        return self.tensor.dtype

    def is_static(self, axis: int) -> bool:
        return isinstance(self.tensor.shape[axis], int)


Rule = Callable[["Builder"], Sequence[Value]]


def like(value: Value, tensor: Tensor, magnitude: float | None = None) -> Sequence[Value]:
    """Returns `tensor` as a value with the sizes of `value`."""
    return (Value(tensor, value.sizes, value.magnitude if magnitude is None else magnitude),)


def _weight_dtype(b: Builder, dtype: DType) -> DType:
    return b.choose((dtype, *FLOATS))


# Element-wise.


def binary(b: Builder) -> Sequence[Value]:
    x = b.pick()
    if x is None:
        return ()
    y = b.pick(lambda v: v.dtype == x.dtype and v.sizes == x.sizes) if b.flag() else None
    if y is None:
        sizes = [1 if b.choose((0, 0, 1)) else size for size in x.sizes]
        sizes = sizes[b.choose(range(len(sizes) + 1)) :]
        ones = [axis for axis, size in enumerate(sizes) if size == 1]
        y = b.operand(sizes, x.dtype, static=ones)
    first, second = (x, y) if b.flag() else (y, x)
    if b.flag():
        return like(x, first.tensor * second.tensor, x.magnitude * y.magnitude)
    return like(x, first.tensor + second.tensor, x.magnitude + y.magnitude)


def scale(b: Builder) -> Sequence[Value]:
    x = b.pick()
    if x is None:
        return ()
    factor = b.choose((0.5, -1.0, 1.0, 0.125, 1.7, 0.0))
    return like(x, ops.scale(x.tensor, factor=factor), x.magnitude * abs(factor))


def cast(b: Builder) -> Sequence[Value]:
    x = b.pick()
    return () if x is None else like(x, ops.cast(x.tensor, dtype=b.choose(FLOATS)))


def transpose(b: Builder) -> Sequence[Value]:
    x = b.pick(lambda v: v.rank >= 1)
    if x is None:
        return ()
    left = list(range(x.rank))
    order = [left.pop(b.choose(range(len(left)))) for _ in range(x.rank)]
    sizes = tuple(x.sizes[axis] for axis in order)
    return (Value(ops.transpose(x.tensor, permutation=order), sizes, x.magnitude),)


def split(b: Builder) -> Sequence[Value]:
    x = b.pick(lambda v: v.rank >= 1 and v.is_static(-1) and v.sizes[-1] > 1)
    if x is None:
        return ()
    parts = b.divisor(x.sizes[-1])
    if parts > 6:
        return ()
    groups = b.divisor(x.sizes[-1] // parts)
    sizes = (*x.sizes[:-1], x.sizes[-1] // parts)
    results = ops.split(x.tensor, parts, num_groups=groups)
    return [Value(result, sizes, x.magnitude) for result in results]


def last_token(b: Builder) -> Sequence[Value]:
    if b.integers and b.flag():
        x = b.integers[-1]
        if x.rank < 2 or x.sizes[1] == 0:
            return ()
        b.use(x)
    else:
        found = b.pick(lambda v: v.rank >= 2 and v.sizes[1] > 0)
        if found is None:
            return ()
        x = found
    sizes = (x.sizes[0], 1, *x.sizes[2:])
    return (Value(ops.last_token(x.tensor), sizes, x.magnitude),)


# Activations and softmax.


def activation(b: Builder) -> Sequence[Value]:
    x = b.pick()
    if x is None:
        return ()
    kind = b.choose(("silu", "none", "tanh"))
    if kind == "silu":
        return like(x, ops.silu(x.tensor))
    return like(x, ops.gelu(x.tensor, approximate=kind))  # type: ignore[arg-type]


def softmax(b: Builder) -> Sequence[Value]:
    x = b.pick(lambda v: v.rank >= 1)
    return () if x is None else like(x, ops.softmax(x.tensor), 1.0)


def masked_softmax(b: Builder) -> Sequence[Value]:
    x = b.pick(lambda v: v.rank >= 1)
    if x is None:
        return ()
    sizes = [1 if b.choose((0, 0, 1)) else size for size in x.sizes[:-1]]
    sizes = [*sizes[b.choose(range(len(sizes) + 1)) :], x.sizes[-1]]
    ones = [axis for axis, size in enumerate(sizes) if size == 1]
    mask = b.operand(sizes, _weight_dtype(b, x.dtype), static=ones, kind="mask")
    return like(x, ops.masked_softmax(x.tensor, mask.tensor), 1.0)


def causal_mask(b: Builder) -> Sequence[Value]:
    """A mask over the last two dimensions of a value, and that value's softmax."""
    x = b.pick(lambda v: v.rank >= 2 and v.sizes[-2] <= v.sizes[-1])
    if x is None:
        return ()
    window = b.choose((None, 1, 2, 5))
    dtype = _weight_dtype(b, x.dtype)
    extents = x.tensor.shape[-2:]
    positions = None
    if x.rank == 4 and not b.is_block and b.flag():
        room = x.sizes[-1] - x.sizes[-2]
        positions = b.operand(x.sizes[:1], DType.I64, kind="integer", high=room + 1).tensor
    mask = ops.causal_mask(extents, positions, window=window, dtype=dtype, graph=b.graph)
    return like(x, ops.masked_softmax(x.tensor, mask), 1.0)


# Norms and products.


def norm(b: Builder) -> Sequence[Value]:
    x = b.pick(lambda v: v.rank >= 1)
    if x is None:
        return ()
    epsilon = b.choose((1e-5, 0.1, 1e-6, 1.0))
    weight = b.operand(x.sizes[-1:], _weight_dtype(b, x.dtype))
    if b.flag():
        unit_offset = b.flag()
        result = ops.rms_norm(x.tensor, weight.tensor, epsilon=epsilon, unit_offset=unit_offset)
        return like(x, result, 2.0 if unit_offset else 1.0)
    bias = b.operand(x.sizes[-1:], _weight_dtype(b, x.dtype)).tensor if b.flag() else None
    return like(x, ops.layer_norm(x.tensor, weight.tensor, bias, epsilon=epsilon), 1.5)


def project(b: Builder, x: Value, width: int) -> Value:
    """Returns `gpt.linear` of `x` to `width` features."""
    depth = x.sizes[-1]
    layout = b.choose(("out_in", "in_out"))
    sizes = (width, depth) if layout == "out_in" else (depth, width)
    static = b.choose(((0, 1), (0,), (1,), ()))
    data = {"static": static, "scale": max(depth, 1) ** -0.5}
    weight = b.operand(sizes, _weight_dtype(b, x.dtype), **data)  # type: ignore[arg-type]
    bias = None
    if b.flag():
        bias = b.operand((width,), _weight_dtype(b, x.dtype)).tensor
    tensor = ops.linear(x.tensor, weight.tensor, bias, weight_layout=layout)  # type: ignore[arg-type]
    return Value(tensor, (*x.sizes[:-1], width), x.magnitude + 0.5)


def linear(b: Builder) -> Sequence[Value]:
    x = b.pick(lambda v: v.rank >= 1)
    return () if x is None else (project(b, x, b.choose(WIDTHS)),)


def matmul(b: Builder) -> Sequence[Value]:
    x = b.pick(lambda v: v.rank >= 2)
    if x is None:
        return ()
    depth = x.sizes[-1]
    if b.flag():
        other, width = x.tensor.mT, x.sizes[-2]
        magnitude = x.magnitude**2 * max(1.0, depth**0.5)
    else:
        width = b.choose(WIDTHS)
        sizes = (depth, width) if b.flag() else (*x.sizes[:-2], depth, width)
        other = b.operand(sizes, x.dtype, scale=max(depth, 1) ** -0.5).tensor
        magnitude = x.magnitude
    return (Value(x.tensor @ other, (*x.sizes[:-1], width), magnitude),)


# Attention.


def _has_features(value: Value) -> bool:
    return value.rank == 3 and value.is_static(-1) and value.sizes[-1] > 0


def rope(b: Builder) -> Sequence[Value]:
    x = b.pick(lambda v: _has_features(v) and v.sizes[-1] % 2 == 0)
    if x is None:
        return ()
    heads = b.choose([h for h in range(1, x.sizes[-1] + 1) if x.sizes[-1] % (2 * h) == 0])
    size = x.sizes[-1] // heads
    positions = None
    if not b.is_block and not b.sequence and b.flag():
        positions = b.operand(x.sizes[:1], DType.I64, kind="integer", high=60).tensor
    result = ops.rope(
        x.tensor,
        positions,
        num_heads=heads,
        rotary_dims=b.choose((None, 2, size, max(2, size // 4 * 2))),
        style=b.choose(("half_split", "interleaved")),
        theta=b.choose((10000.0, 5e5, 100.0)),
        scaling=b.choose(("none", "linear", "llama3")),
        scaling_factor=b.choose((2.0, 1.0, 8.0)),
        original_context_length=b.choose((64, 8192)),
    )
    return like(x, result, x.magnitude * 1.2)


def _heads(b: Builder, features: int) -> tuple[int, int]:
    """Returns numbers of query heads, and of key and value heads, of at most 96 features."""
    heads = b.divisor(features)
    return heads, b.divisor(heads)


def _scale_and_window(b: Builder) -> dict[str, float | int | None]:
    return {"scale": b.choose((None, 0.5, 0.1)), "window": b.choose((None, 3, 1, 8))}


def attention(b: Builder) -> Sequence[Value]:
    q = b.pick(_has_features)
    if q is None:
        return ()
    batch, length, features = q.sizes
    heads, kv_heads = _heads(b, features)
    causal = b.flag()
    # A block has no inputs but its operand, and weights have no batch.
    if heads == kv_heads and (b.is_block or b.flag()):
        k, v = q, q
        keys, width = length, features
    else:
        keys = length + b.choose((0, 1, 4, 30)) if causal else b.choose((length, 1, 2, 7, 40, 0))
        k = b.operand((batch, keys, kv_heads * (features // heads)), q.dtype, static=(2,))
        width = kv_heads * b.choose((features // heads, 1, 3, 8))
        v = b.operand((batch, keys, width), q.dtype, static=(2,))
    options = _scale_and_window(b)
    if not causal:
        options["window"] = None
    mask = None
    if b.flag() and not b.is_block:
        full = (batch, heads, length, keys)
        sizes = [1 if b.choose((0, 1)) else size for size in full[:-1]] + [keys]
        sizes = sizes[b.choose(range(4)) :]
        ones = [axis for axis, size in enumerate(sizes) if size == 1]
        kind = "normal" if causal else b.choose(("normal", "mask"))
        mask = b.operand(sizes, _weight_dtype(b, q.dtype), static=ones, kind=kind).tensor
    result = ops.attention(
        q.tensor,
        k.tensor,
        v.tensor,
        mask,
        num_heads=heads,
        num_kv_heads=kv_heads,
        causal=causal,
        **options,  # type: ignore[arg-type]
    )
    return (Value(result, (batch, length, width // kv_heads * heads), max(v.magnitude, 1.0)),)


def cacheable_attention(b: Builder) -> Sequence[Value]:
    """Causal attention of a value with projections of itself."""
    x = b.pick(lambda v: v.rank == 3)
    if x is None:
        return ()
    heads, size = b.choose((1, 2, 4, 6)), b.choose((8, 4, 2, 3, 16, 20))
    kv_heads = b.divisor(heads)
    q = project(b, x, heads * size)
    k = project(b, x, kv_heads * size)
    v = project(b, x, kv_heads * b.choose((size, 5)))
    tensors = [q.tensor, k.tensor]
    if size % 2 == 0 and b.flag():
        style = b.choose(("half_split", "interleaved"))
        counts = (heads, kv_heads)
        tensors = [
            ops.rope(t, num_heads=n, style=style) for t, n in zip(tensors, counts, strict=True)
        ]
    result = ops.attention(
        *tensors,
        v.tensor,
        num_heads=heads,
        num_kv_heads=kv_heads,
        causal=True,
        **_scale_and_window(b),  # type: ignore[arg-type]
    )
    sizes = (*x.sizes[:2], v.sizes[2] // kv_heads * heads)
    return (Value(result, sizes, max(v.magnitude, 1.0)),)


def cached_attention(b: Builder) -> Sequence[Value]:
    """The op as a graph can use it itself: caches are inputs, and updated caches results."""
    q = b.pick(_has_features)
    if q is None or b.is_block:
        return ()
    batch, length, features = q.sizes
    heads, kv_heads = _heads(b, features)
    size, value_size = features // heads, b.choose((features // heads, 1, 3, 8))
    capacity = max(1, length + b.choose((0, 1, 5, 40)))
    dtype = _weight_dtype(b, q.dtype)
    k = b.operand((batch, length, kv_heads * size), q.dtype, static=(2,))
    v = b.operand((batch, length, kv_heads * value_size), q.dtype, static=(2,))
    keys = b.operand((batch, kv_heads, capacity, size), dtype, static=(1, 3))
    values = b.operand((batch, kv_heads, capacity, value_size), dtype, static=(1, 3))
    # Some positions are outside of the cache: they are clamped.
    room = {"low": -2, "high": capacity - length + 2}
    positions = b.operand((batch,), DType.I64, kind="integer", **room)
    options = _scale_and_window(b)
    results = ops.cached_attention(
        *(each.tensor for each in (q, k, v, keys, values, positions)),
        num_heads=heads,
        num_kv_heads=kv_heads,
        **options,  # type: ignore[arg-type]
    )
    sizes = ((batch, length, heads * value_size), keys.sizes, values.sizes)
    return [Value(result, each) for result, each in zip(results, sizes, strict=True)]


# Integers.


def embedding(b: Builder) -> Sequence[Value]:
    rows, width = b.choose((7, 1, 40)), b.choose(WIDTHS)
    if b.sequence or b.is_block or (b.integers and b.flag()):
        if not b.integers:
            b.add(*position_ids(b))
        if not b.integers:
            return ()
        ids = b.use(b.choose(b.integers[::-1]))
    else:
        sizes = [b.choose((1, 2, 3, 5)) for _ in range(b.choose((2, 1, 0, 3)))]
        dtype = b.choose((DType.I64, DType.I32))
        ids = b.operand(sizes, dtype, kind="integer", low=-2, high=rows + 2)
    model = b.values[-1].dtype if b.values else DType.F32
    table = b.operand((rows, width), model, static=b.choose(((0, 1), (0,), (1,), ())))
    return (Value(ops.embedding(table.tensor, ids.tensor), (*ids.sizes, width)),)


def position_ids(b: Builder) -> Sequence[Value]:
    x = b.pick(lambda v: v.rank >= 2)
    if x is None:
        return ()
    positions = None
    if not b.is_block and not b.sequence and b.flag():
        positions = b.operand(x.sizes[:1], DType.I64, kind="integer", high=60).tensor
    return (Value(ops.position_ids(x.tensor, positions), x.sizes[:2]),)


def argmax(b: Builder) -> Sequence[Value]:
    x = b.pick(lambda v: v.rank >= 1 and v.sizes[-1] > 0)
    return () if x is None else (Value(ops.argmax(x.tensor), x.sizes[:-1]),)


def sample(b: Builder) -> Sequence[Value]:
    x = b.pick(lambda v: v.rank >= 1 and v.sizes[-1] > 0)
    if x is None:
        return ()
    dtype = _weight_dtype(b, x.dtype)
    uniform = b.operand(x.sizes[:-1], dtype, kind="uniform")
    return (Value(ops.sample(x.tensor, uniform.tensor), x.sizes[:-1]),)


RULES: Sequence[Rule] = (
    activation,
    binary,
    scale,
    cast,
    transpose,
    split,
    last_token,
    softmax,
    masked_softmax,
    causal_mask,
    norm,
    linear,
    linear,
    matmul,
    rope,
    attention,
    attention,
    cached_attention,
    embedding,
    position_ids,
    argmax,
    sample,
)


def gated(b: Builder) -> Sequence[Value]:
    """Two values of the same type, one through an activation, multiplied."""
    x = b.pick()
    if x is None:
        return ()
    width = b.choose(WIDTHS)
    gate, up = project(b, x, width), project(b, x, width)
    return like(up, ops.silu(gate.tensor) * up.tensor, up.magnitude**2)


def residual(b: Builder) -> Sequence[Value]:
    x = b.pick()
    y = x and b.pick(lambda v: v.dtype == x.dtype and v.sizes == x.sizes)
    if x is None or y is None:
        return ()
    return like(x, x.tensor + y.tensor, x.magnitude + y.magnitude)


# What a function that gets a KV cache may consist of, apart from attention.
SEQUENCE_RULES: Sequence[Rule] = (
    linear,
    activation,
    residual,
    gated,
    norm,
    scale,
    cast,
    split,
    softmax,
    rope,
    embedding,
    position_ids,
    argmax,
    cacheable_attention,
)
