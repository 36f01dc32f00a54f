"""The ops of the gpt dialect: which formula each is, with its attributes and error bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gpt_mlir.dtypes import DType
from gpt_mlir.verify import reference
from gpt_mlir.verify.evaluator.interpreter import Computed, Frame, Handler
from gpt_mlir.verify.reference import Array

__all__ = ["HANDLERS"]

Formula = Callable[..., Any]


def _number(op: Any, name: str) -> Any:
    """Returns a number, None if it is not given."""
    return op.attributes[name].value if name in op.attributes else None


def _enumerator(op: Any, name: str) -> str | None:
    """Returns the word of an enumeration attribute: "tanh" of `#gpt<gelu_approximation tanh>`."""
    if name not in op.attributes:
        return None
    return str(op.attributes[name]).removesuffix(">").split()[-1]


def _attributes(
    op: Any, numbers: Sequence[str] = (), flags: Sequence[str] = (), words: Sequence[str] = ()
) -> dict[str, Any]:
    values = {name: _number(op, name) for name in numbers}
    values |= {name: _enumerator(op, name) for name in words}
    given = {name: value for name, value in values.items() if value is not None}
    return given | {name: name in op.attributes for name in flags}


def _formula(
    value: Formula,
    error: Formula | float | None,
    *,
    numbers: Sequence[str] = (),
    flags: Sequence[str] = (),
    words: Sequence[str] = (),
) -> Handler:
    """Returns the handler of an op with one result that is a formula of operands and attributes."""

    def handle(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
        attributes = _attributes(op, numbers, flags, words)
        bound = error(*operands, **attributes) if callable(error) else error
        return [Computed(value(*operands, **attributes), bound)]

    return handle


def _cached_attention(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    attributes = _attributes(op, ("num_heads", "num_kv_heads", "scale", "window"))
    types = [operand.type.element_type for operand in op.operands]
    narrow = all(DType.of(types[i]) == DType.BF16 for i in (0, 3, 4))
    (result, keys, values), error = reference.cached_attention_with_error(
        *operands, **attributes, narrow=narrow
    )
    # Entries that are copied keep their bits; new ones are rounded if the caches have another type.
    rounded = None if types[1] == types[3] else 0.0
    return [Computed(result, error), Computed(keys, rounded), Computed(values, rounded)]


def _attention(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    attributes = _attributes(op, ("num_heads", "num_kv_heads", "scale", "window"), ("causal",))
    narrow = DType.of(op.operands[0].type.element_type) == DType.BF16
    return [Computed(*reference.attention_with_error(*operands, **attributes, narrow=narrow))]


def _causal_mask(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    segments = [int(count) for count in op.attributes["operandSegmentSizes"]]
    sizes = [int(size) for size in operands[: segments[0]]]
    positions = operands[segments[0]] if segments[1] else None
    kind = op.results[0].type
    shape = [
        sizes.pop(0) if kind.is_dynamic_dim(i) else kind.get_dim_size(i) for i in range(kind.rank)
    ]
    mask = reference.causal_mask(shape[-2], shape[-1], positions, window=_number(op, "window"))
    return [Computed(mask)]


def _cast(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    source, target = (
        DType.of(value.type.element_type) for value in (op.operands[0], op.results[0])
    )
    exact = source == target or target == DType.F32
    return [Computed(operands[0], None if exact else 0.0)]


def _split(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    attributes = _attributes(op, ("num_parts", "num_groups"))
    return [Computed(part) for part in reference.split(operands[0], **attributes)]


def _transpose(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    return [Computed(operands[0].transpose([int(i) for i in op.attributes["permutation"]]))]


def _scale(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    result = operands[0] * _number(op, "factor")
    return [Computed(result, 2 * np.abs(result))]  # the factor is rounded to f32, too


_ROPE_NUMBERS = (
    "num_heads",
    "rotary_dims",
    "theta",
    "scaling_factor",
    "low_freq_factor",
    "high_freq_factor",
    "original_context_length",
)


HANDLERS: Mapping[str, Handler] = {
    "gpt.add": _formula(np.add, lambda x, y: np.abs(x + y)),
    "gpt.argmax": _formula(reference.argmax, None),
    "gpt.attention": _attention,
    "gpt.cached_attention": _cached_attention,
    "gpt.cast": _cast,
    "gpt.causal_mask": _causal_mask,
    "gpt.embedding": _formula(reference.embedding, None),
    "gpt.gelu": _formula(reference.gelu, reference.gelu_error, words=("approximate",)),
    "gpt.last_token": _formula(lambda x: x[:, -1:], None),
    "gpt.layer_norm": _formula(
        reference.layer_norm, reference.layer_norm_error, numbers=("epsilon",)
    ),
    "gpt.linear": _formula(reference.linear, reference.linear_error, words=("weight_layout",)),
    "gpt.masked_softmax": _formula(reference.masked_softmax, reference.masked_softmax_error),
    "gpt.matmul": _formula(reference.matmul, reference.matmul_error),
    "gpt.mul": _formula(np.multiply, lambda x, y: np.abs(x * y)),
    "gpt.position_ids": _formula(reference.position_ids, None),
    "gpt.rms_norm": _formula(
        reference.rms_norm, reference.rms_norm_error, numbers=("epsilon",), flags=("unit_offset",)
    ),
    "gpt.rope": _formula(
        reference.rope, reference.rope_error, numbers=_ROPE_NUMBERS, words=("style", "scaling")
    ),
    "gpt.sample": _formula(reference.sample, None),
    "gpt.scale": _scale,
    "gpt.silu": _formula(reference.silu, reference.silu_error),
    "gpt.softmax": _formula(reference.softmax, reference.softmax_error),
    "gpt.split": _split,
    "gpt.transpose": _transpose,
}
