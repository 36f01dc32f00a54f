"""Movement of data between shapes."""

from __future__ import annotations

from gpt_mlir.verify.reference.arrays import Array

__all__ = [
    "split",
]


def split(x: Array, num_parts: int, *, num_groups: int = 1) -> tuple[Array, ...]:
    """`gpt.split`, exactly."""
    size = x.shape[-1] // (num_parts * num_groups)
    parts = x.reshape(*x.shape[:-1], num_groups, num_parts, size)
    shape = (*x.shape[:-1], num_groups * size)
    return tuple(parts[..., p, :].reshape(shape) for p in range(num_parts))
