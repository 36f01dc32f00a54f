"""The weights in a Hugging Face model folder: one safetensors file, or shards and their index."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gpt_mlir.errors import CheckpointError
from gpt_mlir.weights.safetensors import SafetensorsFile, TensorInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

__all__ = ["Checkpoint", "listing"]

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
_LISTED_NAMES = 10


def listing(names: list[str]) -> str:
    """Joins `names` for a message, and counts those beyond the tenth instead of listing them."""
    shown = ", ".join(names[:_LISTED_NAMES])
    hidden = len(names) - _LISTED_NAMES
    return f"{shown} and {hidden} more" if hidden > 0 else shown


class Checkpoint:
    """The tensors of a model folder, by name, whatever number of files they are spread over."""

    def __init__(self, path: Path, files: Mapping[str, SafetensorsFile]) -> None:
        """Makes a checkpoint of tensors in mapped files; see `open`.

        Args:
            path: Where the checkpoint is, for messages.
            files: The file that holds each tensor, by the tensor's name.
        """
        self.path = path
        self._files = files
        self.tensors: Mapping[str, TensorInfo] = MappingProxyType(
            {name: file.tensors[name] for name, file in files.items()}
        )

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Checkpoint:
        """Maps the weights of `folder`: `model.safetensors`, or the shards its index names.

        Raises:
            CheckpointError: There are no weights, a file is damaged, a shard is missing, or index
                and shards disagree.
        """
        path = Path(folder)
        if not path.is_dir():
            raise CheckpointError(f"{path}: no such folder")
        if (path / SINGLE_FILE).exists():
            file = SafetensorsFile(path / SINGLE_FILE)
            return cls(path, dict.fromkeys(file.tensors, file))
        if (path / INDEX_FILE).exists():
            return cls(path, _open_shards(path))
        others = sorted(p.name for p in path.iterdir() if p.suffix in (".bin", ".pt", ".gguf"))
        found = f"; found {listing(others)}, which must be converted first" if others else ""
        raise CheckpointError(f"{path}: expected {SINGLE_FILE} or {INDEX_FILE}{found}")

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        return sum(info.nbytes for info in self.tensors.values())

    def array(self, name: str) -> np.ndarray[Any, np.dtype[Any]]:
        """Returns tensor `name` as a read-only view of its file."""
        if name not in self._files:
            raise CheckpointError(f"{self.path}: there is no tensor '{name}'")
        return self._files[name].array(name)

    @property
    def identity(self) -> str:
        """What tells the present state of the files from any other."""
        return "\n".join(sorted({file.identity for file in self._files.values()}))

    def check_unchanged(self) -> None:
        """Checks that nobody has written to the files since they were mapped.

        Raises:
            CheckpointError: One has another size or time of the last change.
        """
        for file in set(self._files.values()):
            file.check_unchanged()

    def release(self, name: str) -> None:
        """Says that tensor `name` is not needed for a while: its pages leave this process."""
        self._files[name].release(name)

    def expect_rows(self, name: str) -> None:
        """Says that of tensor `name` single rows are read from now on: no more is to be mapped."""
        self._files[name].expect_rows(name)


def _open_shards(folder: Path) -> dict[str, SafetensorsFile]:
    """Maps every shard of the index and checks that the two list the same tensors."""
    index = folder / INDEX_FILE
    weight_map = _read_index(index)
    shards: dict[str, SafetensorsFile] = {}
    names = sorted(set(weight_map.values()))
    missing = [name for name in names if not os.path.exists(folder / name)]
    if missing:
        raise CheckpointError(f"{index}: shards are missing: {listing(missing)}")
    for name in names:
        shards[name] = SafetensorsFile(folder / name)
    lacking = [
        f"'{tensor}' ({shard})"
        for tensor, shard in weight_map.items()
        if tensor not in shards[shard].tensors
    ]
    if lacking:
        raise CheckpointError(f"{index}: tensors are not in the shard named: {listing(lacking)}")
    unlisted = [
        f"'{tensor}' ({name})"
        for name, shard in shards.items()
        for tensor in shard.tensors
        if weight_map.get(tensor) != name
    ]
    if unlisted:
        raise CheckpointError(f"{index}: tensors of shards are not listed: {listing(unlisted)}")
    return {tensor: shards[shard] for tensor, shard in weight_map.items()}


def _read_index(path: Path) -> dict[str, str]:
    """Returns the `weight_map` of an index file: tensor name to file name in the same folder."""
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not valid JSON: {error}") from error
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{path}: expected an object 'weight_map' that names tensors")
    for tensor, shard in weight_map.items():
        # A path could lead out of the folder; only names of files in it are meant.
        if not isinstance(shard, str) or Path(shard).name != shard or shard in ("", ".."):
            raise CheckpointError(
                f"{path}: tensor '{tensor}' expected the name of a file in the same folder, "
                f"found {shard!r}"
            )
    return weight_map
