"""What is measured.

A case is one call whose time is taken, the same for every participant: same checkpoint, token ids,
shapes and bits. Its work, and so its share of the machine's limits, follows from `shapes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from benchmarks.checkpoints import model_folder
from benchmarks.shapes import DTYPE_BYTES, Dtype, model_sizes

__all__ = ["Case", "Kind", "Section", "select_cases"]

Kind = Literal["forward", "prefill", "decode", "generate", "linear", "start"]
Section = Literal[
    "gpt2",
    "gpt2-bf16",
    "llama",
    "start",
    "shakespeare",
    "roadmap",
    "cache",
    "levels",
    "variants",
    "linear",
]

# Beyond this a working set does not stay in the caches of one call to the next.
_CACHED_BYTES = 48 << 20


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing to measure.

    Attributes:
        section: The table it belongs to.
        kind: forward: logits of all `context` tokens, without a KV cache; prefill: logits of the
            last of `context` tokens, filling a cache; decode: `steps` single tokens after `context`
            cached ones; generate: `steps` tokens greedily after a prompt of `context`; linear: a
            product with a weight; start: a new process, up to the first token after `context`.
        model: A name of `shapes.MODELS`, or "shakespeare".
        dtype: The type of activations and caches, and of random weights.
        batch: Sequences of the same length.
        context: Tokens there are before.
        steps: Tokens that are generated.
        use_cache: Whether `generate` keeps a KV cache.
        fresh: Whether a `start` finds nothing of what is kept from earlier ones.
        shape: M, K, N of `linear`: [M, K] times [N, K] transposed.
        threads: Threads of every participant.
        long: Only in long runs.
    """

    section: Section
    kind: Kind
    model: str = ""
    dtype: Dtype = "f32"
    batch: int = 1
    context: int = 0
    steps: int = 0
    use_cache: bool = True
    fresh: bool = False
    shape: tuple[int, int, int] = (0, 0, 0)
    threads: int = 1
    long: bool = False

    @property
    def title(self) -> str:
        """What a table calls it, without the number of threads."""
        return f"{self._title}, {self.dtype}" if self.section == "variants" else self._title

    @property
    def _title(self) -> str:
        if self.kind == "linear":
            return "{}x{}x{}".format(*self.shape) + (" bf16" if self.dtype == "bf16" else "")
        if self.kind == "decode":
            batch = f" of {self.batch} sequences" if self.batch > 1 else ""
            return f"decode{batch} at context {self.context}"
        if self.kind == "generate":
            how = "with KV cache" if self.use_cache else "without cache"
            return f"{self.steps} tokens after {self.context}, {how}"
        if self.kind == "start":
            how = ", nothing cached" if self.fresh else ""
            return f"first token after {self.context}, {self.dtype}{how}"
        return f"{self.kind} of {self.context} tokens"

    @property
    def key(self) -> str:
        """Tells it from every other case of a run."""
        return f"{self.section}/{self.model or 'linear'}/{self.title}/{self.threads}"

    @property
    def tokens(self) -> int:
        """How many tokens one call is counted as; 0 where a call is what matters."""
        return self.batch * {"prefill": self.context, "decode": self.steps}.get(self.kind, 0)

    def folder(self, scratch: Path) -> Path:
        """Returns the checkpoint; makes it if it is not there yet."""
        return model_folder(self.model, scratch, self.dtype)

    def work(self, scratch: Path) -> tuple[float, float]:
        """Returns operations, and bytes from memory, that one call cannot do without.

        The bytes are 0 where everything fits the caches; both are 0 for whole generations and
        starts, which are compared with each other only.
        """
        size = DTYPE_BYTES[self.dtype]
        if self.kind == "linear":
            m, k, n = self.shape
            flops, moved = 2.0 * m * k * n, float(size) * (k * n + m * k + m * n)
        elif self.kind in ("generate", "start"):
            return 0.0, 0.0
        else:
            sizes = model_sizes(self.folder(scratch))
            if self.kind == "decode":
                calls = [(self.context + step, 1) for step in range(self.steps)]
            else:
                calls = [(0, self.context)]
            outputs = self.context if self.kind == "forward" else 1
            flops = self.batch * sum(sizes.flops(*call, outputs=outputs) for call in calls)
            moved = sum(sizes.bytes(*call, batch=self.batch, cache_bytes=size) for call in calls)
            if moved / len(calls) < _CACHED_BYTES:
                moved = 0.0
        return flops, moved if moved >= _CACHED_BYTES else 0.0

    def resident_bytes(self, scratch: Path) -> float:
        """Returns the bytes of the weights, and of the caches of all its tokens."""
        sizes = model_sizes(self.folder(scratch))
        return sizes.bytes(self.context, self.steps, cache_bytes=DTYPE_BYTES[self.dtype])

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON form."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Case:
        """Restores what `to_json` wrote."""
        return cls(**{**data, "shape": tuple(data["shape"])})


def select_cases(*, threads: int, long: bool, quick: bool = False) -> list[Case]:
    """Returns the cases of a run, those that share workers next to each other.

    Args:
        threads: Threads of the run; products and some prefills are also measured with one.
        long: Include the cases that take long.
        quick: Only small ones: to see whether everything works.
    """
    cases = [*_small(threads), *(_quick(threads) if quick else _large(threads))]
    return [case for case in cases if long or not case.long]


def _model(model: str, section: Section, dtype: Dtype, threads: int) -> Iterator[Case]:
    """The rows of the table of a large model."""
    base = Case(section=section, kind="prefill", model=model, dtype=dtype, threads=threads)
    for context in (128, 512, 1024):
        yield replace(base, context=context)
    for context in (128, 1000):
        yield replace(base, kind="decode", context=context, steps=16)


def _large(threads: int) -> Iterator[Case]:
    yield from _model("gpt2-124m", "gpt2", "f32", threads)
    f32 = Case(section="gpt2", kind="prefill", model="gpt2-124m", threads=threads)
    yield replace(f32, kind="decode", batch=8, context=128, steps=16)
    yield from _model("gpt2-124m", "gpt2-bf16", "bf16", threads)
    yield from _variants("gpt2-124m", threads)
    yield from _products(threads)
    yield from _starts("gpt2-124m", threads)
    if threads > 1:
        yield replace(f32, context=128, threads=1)
        yield replace(f32, context=512, threads=1)
        yield from _products(1)
    for case in _model("llama-1b", "llama", "bf16", threads):
        yield replace(case, long=True)
    start = Case(section="start", kind="start", model="llama-1b", dtype="bf16", context=128)
    yield replace(start, threads=threads, long=True)


def _variants(model: str, threads: int) -> Iterator[Case]:
    """What other options of the compiler cost."""
    base = Case(section="variants", kind="prefill", model=model, threads=threads)
    for context in (128, 512):
        yield replace(base, context=context)
    for context in (128, 1000):
        yield replace(base, kind="decode", context=context, steps=16)
    yield replace(base, kind="decode", batch=8, context=128, steps=16)
    yield replace(base, dtype="bf16", context=512)
    yield replace(base, dtype="bf16", kind="decode", context=128, steps=16)


def _starts(model: str, threads: int) -> Iterator[Case]:
    base = Case(section="start", kind="start", model=model, context=128, threads=threads)
    yield base
    yield replace(base, fresh=True)
    yield replace(base, dtype="bf16")


def _small(threads: int) -> Iterator[Case]:
    """The small models, and the levels of optimisation."""

    def case(section: Section, kind: Kind, model: str, context: int, **more: Any) -> Case:
        return Case(
            section=section, kind=kind, model=model, context=context, threads=threads, **more
        )

    yield case("roadmap", "forward", "roadmap", 32)
    yield case("roadmap", "generate", "roadmap", 12, steps=20)
    yield case("shakespeare", "prefill", "shakespeare", 128)
    yield case("shakespeare", "decode", "shakespeare", 128, steps=16)
    for model, context in (("roadmap", 12), ("shakespeare", 108)):
        for use_cache in (True, False):
            yield case("cache", "generate", model, context, steps=20, use_cache=use_cache)
    yield case("levels", "forward", "roadmap", 32)
    yield case("levels", "generate", "roadmap", 12, steps=20)
    yield case("levels", "prefill", "shakespeare", 128)
    yield Case(section="levels", kind="linear", shape=(256, 512, 256), threads=threads)


def _quick(threads: int) -> Iterator[Case]:
    """Something of every kind, in every dtype, for every participant."""
    for model, section, dtype in (
        ("gpt2-tiny", "gpt2", "f32"),
        ("gpt2-tiny", "gpt2-bf16", "bf16"),
        ("llama-tiny", "llama", "bf16"),
    ):
        base = Case(section=section, kind="prefill", model=model, dtype=dtype, threads=threads)  # type: ignore[arg-type]
        yield replace(base, context=100)
        yield replace(base, kind="decode", context=100, steps=8)
    f32 = Case(section="gpt2", kind="decode", model="gpt2-tiny", threads=threads)
    yield replace(f32, batch=8, context=40, steps=8)
    yield from _variants("gpt2-tiny", threads)
    yield from _starts("gpt2-tiny", threads)
    for dtype in ("f32", "bf16"):
        shape = (32, 128, 256)
        yield Case(section="linear", kind="linear", dtype=dtype, shape=shape, threads=threads)  # type: ignore[arg-type]


def _products(threads: int) -> Iterator[Case]:
    """Large and small products in f32 and bf16; the last of each is a vector from memory."""
    f32 = [
        (1024, 1024, 1024),
        (512, 2048, 8192),
        (128, 768, 3072),
        (256, 512, 256),
        (32, 768, 3072),
        (16, 768, 3072),
        (8, 768, 3072),
        (1, 768, 3072),
        (1, 4096, 8192),
    ]
    bf16 = [(1024, 1024, 1024), (512, 2048, 8192), (8, 768, 3072), (1, 4096, 16384)]
    for shape in f32:
        yield Case(section="linear", kind="linear", shape=shape, threads=threads)
    for shape in bf16:
        yield Case(section="linear", kind="linear", dtype="bf16", shape=shape, threads=threads)
