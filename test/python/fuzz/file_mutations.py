"""Damaged checkpoint files: mutations of bytes and of JSON, and what reads the result."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpt_mlir import checkpoints
from gpt_mlir.errors import GptMlirError
from gpt_mlir.generation.tokenizer import Tokenizer
from gpt_mlir.models.registry import load_config
from gpt_mlir.weights.safetensors import SafetensorsFile

_BUNDLED = Path(next(iter(checkpoints.__path__))) / "shakespeare"

# Values that readers are not made for.
_ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**63),
    2**64,
    10**400,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "\0",
    "gpt2",
    "\ud800",
    "a" * 300,
    [],
    [0],
    {},
    {"": None},
    [[[[[[]]]]]],
)


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Returns `data` with a few bytes changed, removed, repeated or added."""
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(result) + 1)
        end = min(len(result), at + rng.choice((1, 1, 2, 4, 8, 64)))
        kind = rng.randrange(6)
        if kind == 0 and at < len(result):
            result[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del result[at:end]
        elif kind == 2:
            result[at:at] = result[at:end]
        elif kind == 3:
            result[at:end] = rng.randbytes(end - at)
        elif kind == 4:
            result[at:at] = rng.choice((b"[", b"{", b'"', b"\\u", b"\xff", b"\0", b",", b"9" * 20))
        else:
            del result[at:]
    return bytes(result)


def _containers(value: Any) -> list[Any]:
    """Returns all objects and lists of a JSON value."""
    found = [value]
    for each in found:  # which grows meanwhile
        members = each.values() if isinstance(each, dict) else each
        found += [member for member in members if type(member) in (dict, list)]
    return found


def mutate_json(value: Any, rng: random.Random) -> Any:
    """Returns a JSON value with a few entries removed, exchanged, renamed or made odd.

    Args:
        value: An object or list; it is changed in place.
        rng: What decides.
    """
    for _ in range(rng.choice((1, 1, 2, 3))):
        container = rng.choice(_containers(value))
        if not container:
            continue
        keys = list(container) if isinstance(container, dict) else list(range(len(container)))
        key, other = rng.choice(keys), rng.choice(keys)
        kind = rng.randrange(5)
        if kind == 0:
            del container[key]
        elif kind == 1:
            container[key], container[other] = container[other], container[key]
        elif kind == 2 and isinstance(container, dict):
            container[str(key) + rng.choice(("", "_", "x"))] = container.pop(key)
        elif kind == 3 and isinstance(container[key], (int, float)) and abs(container[key]) < 1e9:
            container[key] = container[key] * rng.choice((-1, 0, 2, 1000, 0.5)) + rng.randrange(3)
        else:
            container[key] = copy.deepcopy(rng.choice(_ODD))
    return value


def _to_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


class Document:
    """A valid JSON file, prepared for being damaged many times."""

    def __init__(self, value: Any) -> None:
        self.text = _to_bytes(value)
        self._pickled = pickle.dumps(value)

    def copy(self) -> Any:
        """Returns its value; this takes a tenth of the time of `copy.deepcopy`."""
        return pickle.loads(self._pickled)


def mutate_document(document: Document, rng: random.Random) -> bytes:
    """Returns a damaged JSON file: its values, its bytes, or both."""
    kind = rng.randrange(3)
    data = document.text if kind == 0 else _to_bytes(mutate_json(document.copy(), rng))
    return data if kind == 1 else mutate_bytes(data, rng)


# Tensors of several types and shapes, with a scalar and one without elements.
_HEADER = Document(
    {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b.weight": {"dtype": "BF16", "shape": [5], "data_offsets": [24, 34]},
        "c": {"dtype": "I64", "shape": [], "data_offsets": [34, 42]},
        "d": {"dtype": "F16", "shape": [0, 4], "data_offsets": [42, 42]},
        "e": {"dtype": "BOOL", "shape": [3], "data_offsets": [42, 45]},
    }
)


def mutate_safetensors(header: Document, rng: random.Random) -> bytes:
    """Returns a damaged safetensors file: its length, header or payload."""
    kind = rng.randrange(4)
    text = _to_bytes(mutate_json(header.copy(), rng)) if kind in (0, 1) else header.text
    if kind == 1:
        text = mutate_bytes(text, rng)
    length = len(text)
    if kind == 2:
        length = rng.choice((0, 1, length - 1, length + 1, 2**31, 2**63, 2**64 - 1))
    payload = rng.randbytes(45 if kind != 3 else rng.choice((0, 44, 46, 4096)))
    data = struct.pack("<Q", length) + text + payload
    return mutate_bytes(data, rng) if rng.randrange(4) == 0 else data


def _read_safetensors(path: Path) -> None:
    file = SafetensorsFile(path)
    for name in file.tensors:
        if file.tensors[name].dtype in ("F32", "BF16", "F16", "I32", "I64", "BOOL"):
            file.array(name).tobytes()  # reads every byte


def _read_config(path: Path) -> None:
    load_config(path.parent)


def _read_tokenizer(path: Path) -> None:
    tokenizer = Tokenizer.open(path.parent)
    tokenizer.decode(tokenizer.encode("Shall I compare thee\n\0 \U0001f300")[:64])


@dataclasses.dataclass(frozen=True)
class Target:
    """A kind of file.

    Attributes:
        file: Its name in a checkpoint folder.
        mutate: Makes damaged content from the valid `document`.
        read: Reads the file; may raise errors of this package only.
    """

    file: str
    mutate: Callable[[Document, random.Random], bytes]
    read: Callable[[Path], None]
    document: Document

    def try_one(self, folder: Path, rng: random.Random) -> bool:
        """Writes one damaged file and reads it; returns whether it was accepted."""
        path = folder / self.file
        with open(path, "wb", buffering=0) as file:
            file.write(self.mutate(self.document, rng))
        try:
            self.read(path)
        except GptMlirError:
            return False
        return True


def _load(name: str) -> Any:
    return json.loads((_BUNDLED / name).read_text(encoding="utf-8"))


def _small_tokenizer() -> Any:
    """Returns a byte-level tokenizer with few merges: what is damaged then matters more often."""
    document = _load("tokenizer.json")
    model = document["model"]
    merges = model["merges"][:20]
    merged = {"".join(pair) for pair in merges}
    kept = [token for token in model["vocab"] if len(token) == 1 or token in merged]
    model["vocab"] = {token: index for index, token in enumerate(["<|endoftext|>", *kept])}
    model["merges"] = merges
    return document


def targets() -> dict[str, Target]:
    """Returns all kinds of files by name."""
    return {
        "safetensors": Target("model.safetensors", mutate_safetensors, _read_safetensors, _HEADER),
        "config": Target(
            "config.json", mutate_document, _read_config, Document(_load("config.json"))
        ),
        "tokenizer": Target(
            "tokenizer.json", mutate_document, _read_tokenizer, Document(_small_tokenizer())
        ),
    }
