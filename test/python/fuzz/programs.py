"""Programs that the fuzzer makes: a module as text, and how its data is made.

A program is plain data. It can be written to a file, which is a valid `.mlir` file with one comment
in front, and read back: a failure that was found once is kept that way and replayed by the suite.
"""

from __future__ import annotations

import dataclasses
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt_mlir import DType, ir

Array = NDArray[Any]

_MARK = "// fuzz: "


def single_threaded_context() -> ir.Context:
    """Returns a context without threads: a process that has one can be forked."""
    context = ir.Context()
    context.enable_multithreading(False)
    return context


@dataclasses.dataclass(frozen=True)
class Argument:
    """The data of one argument.

    Attributes:
        shape: Its extents.
        kind: "normal" numbers times `scale`, "uniform" ones from [0, 1), "mask": 0 or -inf with a
            visible entry in each row, "integer": from `low` to below `high`.
    """

    shape: tuple[int, ...]
    kind: str = "normal"
    scale: float = 1.0
    low: int = 0
    high: int = 1

    def array(self, dtype: DType, rng: np.random.Generator) -> Array:
        if self.kind == "integer":
            data = rng.integers(self.low, self.high, self.shape)
        elif self.kind == "uniform":
            data = rng.random(self.shape) * (1 - 2.0**-7)  # stays below 1 in every type
        elif self.kind == "mask":
            data = np.where(rng.random(self.shape) < 0.5, -np.inf, 0.0)
            data[..., :1] = 0
        else:
            data = rng.standard_normal(self.shape) * self.scale
        return np.asarray(data).astype(dtype.numpy)


@dataclasses.dataclass(frozen=True)
class Generation:
    """How the functions with a KV cache are called.

    Attributes:
        starts: For each sequence, how many entries its caches hold before the first call.
        chunks: Tokens of each call; one token is a call of the decode function.
        capacity: Of the caches.
    """

    starts: tuple[int, ...]
    chunks: tuple[int, ...]
    capacity: int

    @staticmethod
    def function(chunk: int) -> str:
        """Returns the name of the function that takes so many tokens."""
        return "decode" if chunk == 1 else "prefill"


@dataclasses.dataclass(frozen=True)
class Program:
    """A module with the data of its arguments.

    Attributes:
        text: The module. Its function is `forward`; with `generation`, `prefill` and `decode` too.
        arguments: By argument name, those of `forward`.
        seed: Of the data.
        generation: How the cached functions are called, if there are any.
    """

    text: str
    arguments: dict[str, Argument]
    seed: int
    generation: Generation | None = None

    def arrays(self, dtypes: dict[str, DType]) -> dict[str, Array]:
        """Returns the data of the named arguments."""
        return {
            name: self.arguments[name].array(dtype, self.rng(name))
            for name, dtype in dtypes.items()
        }

    def rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def write(self, path: Path) -> None:
        fields = dataclasses.asdict(self)
        text = fields.pop("text")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{_MARK}{json.dumps(fields)}\n{text}", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Program:
        first, text = path.read_text(encoding="utf-8").split("\n", 1)
        fields = json.loads(first.removeprefix(_MARK))
        arguments = {
            name: Argument(**{**each, "shape": tuple(each["shape"])})
            for name, each in fields["arguments"].items()
        }
        given = fields["generation"]
        generation = given and Generation(
            tuple(given["starts"]), tuple(given["chunks"]), given["capacity"]
        )
        return cls(text, arguments, fields["seed"], generation)
