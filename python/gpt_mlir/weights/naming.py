"""The match between the tensors a model needs and those a checkpoint holds.

Writers of checkpoints differ in harmless ways: with or without the prefix of the base model,
another name of the output projection, buffers that are no weights. Those are accepted; everything
else that does not fit is an error that names every tensor concerned, because a checkpoint that
loads by halves generates plausible nonsense.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gpt_mlir.dtypes import DType
from gpt_mlir.errors import CheckpointError
from gpt_mlir.weights.checkpoint import Checkpoint, listing
from gpt_mlir.weights.safetensors import STORED_DTYPES

if TYPE_CHECKING:
    from gpt_mlir.weights.safetensors import TensorInfo

__all__ = ["WeightNaming", "match_weights"]

_FLOAT_DTYPES = tuple(name for name, dtype in STORED_DTYPES.items() if dtype.is_float)


@dataclass(frozen=True)
class WeightNaming:
    """How the checkpoints of an architecture spell their tensors.

    Attributes:
        prefix: Prefix of the base model's tensors, which some writers leave out.
        aliases: Other names in use, each with the name that the model has for it.
        ignored: Patterns of stored tensors that are no weights (masks, frequencies), matched
            against the whole name without prefix.
        tied: Names that may be stored although the model has another weight for them, which must
            hold the same; each with the name of that one, both without prefix.
    """

    prefix: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    tied: Mapping[str, str] = field(default_factory=dict)

    def canonical(self, stored: str) -> str:
        """Returns `stored` without the prefix and with aliases resolved."""
        name = stored.removeprefix(self.prefix)
        return self.aliases.get(name, name).removeprefix(self.prefix)

    def is_ignored(self, canonical: str) -> bool:
        """Whether a stored tensor is known to be no weight of the model."""
        return canonical in self.tied or any(
            re.fullmatch(pattern, canonical) for pattern in self.ignored
        )


def match_weights(
    checkpoint: Checkpoint, shapes: Mapping[str, tuple[int, ...]], naming: WeightNaming
) -> dict[str, TensorInfo]:
    """Finds the stored tensor of every weight in `shapes`.

    Args:
        checkpoint: The stored tensors.
        shapes: Name and shape of each weight the model has.
        naming: How such checkpoints may spell the names.

    Returns:
        What the checkpoint says of each weight, by the name in `shapes`.

    Raises:
        CheckpointError: Weights are missing, have another shape or a dtype other than f32, bf16 or
            f16, or the checkpoint holds tensors that the model does not know. All are named, up to
            ten of each kind. Or a tensor differs from the one that it is tied to.
    """
    wanted = {naming.canonical(name): name for name in shapes}
    found: dict[str, TensorInfo] = {}
    tied: dict[str, TensorInfo] = {}
    extra = []
    for stored, info in checkpoint.tensors.items():
        canonical = naming.canonical(stored)
        if canonical in wanted and wanted[canonical] not in found:
            found[wanted[canonical]] = info
        elif canonical in naming.tied:
            tied[wanted[naming.tied[canonical]]] = info
        elif canonical in wanted or not naming.is_ignored(canonical):
            extra.append(f"'{stored}'")
    missing = [f"'{name}' {list(shape)}" for name, shape in shapes.items() if name not in found]
    misshaped, mistyped = [], []
    for name, info in found.items():
        if info.shape != shapes[name]:
            misshaped.append(
                f"'{info.name}' expected {list(shapes[name])}, found {list(info.shape)}"
            )
        if info.dtype not in _FLOAT_DTYPES:
            mistyped.append(
                f"'{info.name}' expected one of {', '.join(_FLOAT_DTYPES)}, found {info.dtype}"
            )
    problems = [
        f"{kind}: {listing(names)}"
        for kind, names in (
            ("missing tensors", missing),
            ("tensors of wrong shape", misshaped),
            ("tensors of wrong dtype", mistyped),
            ("unknown tensors", extra),
        )
        if names
    ]
    if problems:
        raise CheckpointError(
            f"{checkpoint.path}: does not fit the model:\n  " + "\n  ".join(problems)
        )
    for name, info in tied.items():
        _check_equal(checkpoint, info, found[name])
    return {name: found[name] for name in shapes}


def _check_equal(checkpoint: Checkpoint, copy: TensorInfo, used: TensorInfo) -> None:
    """Checks that a tensor that is not used holds what the one that is used for it does.

    Raises:
        CheckpointError: It does not.
    """
    same = (copy.shape, copy.dtype) == (used.shape, used.dtype)
    if same:
        stored, kept = (checkpoint.array(info.name).view(np.uint8) for info in (copy, used))
        same = np.array_equal(stored, kept)
        for info in (copy, used):
            checkpoint.release(info.name)
    if not same:
        raise CheckpointError(
            f"{checkpoint.path}: tensor '{copy.name}' expected to equal '{used.name}', as "
            "tie_word_embeddings says, found other values; set that to false to use both"
        )


def stored_dtype(info: TensorInfo) -> DType:
    """Returns the element type of a stored weight."""
    return STORED_DTYPES[info.dtype]
