"""What is measured.

A case is one call whose time is taken, the same for every participant: same checkpoint, token ids,
shapes and dtype (f32 activations). Its work, and so its share of the machine's limits, follows from
`shapes`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.shapes import model_folder, model_sizes

__all__ = ["Case", "Kind", "Section", "select_cases"]

Kind = Literal["forward", "prefill", "decode", "generate", "linear"]
Section = Literal["gpt2", "shakespeare", "roadmap", "cache", "levels", "linear"]

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
            product with a weight.
        model: A name of `shapes.MODELS`, or "shakespeare".
        context: Tokens there are before.
        steps: Tokens that are generated.
        use_cache: Whether `generate` keeps a KV cache.
        shape: M, K, N of `linear`: [M, K] times [N, K] transposed.
        threads: Threads of every participant.
        long: Only in long runs.
    """

    section: Section
    kind: Kind
    model: str = ""
    context: int = 0
    steps: int = 0
    use_cache: bool = True
    shape: tuple[int, int, int] = (0, 0, 0)
    threads: int = 1
    long: bool = False

    @property
    def title(self) -> str:
        """What a table calls it, without the number of threads."""
        if self.kind == "linear":
            return "{}x{}x{}".format(*self.shape)
        if self.kind == "decode":
            return f"decode at context {self.context}"
        if self.kind == "generate":
            how = "with KV cache" if self.use_cache else "without cache"
            return f"{self.steps} tokens after {self.context}, {how}"
        return f"{self.kind} of {self.context} tokens"

    @property
    def key(self) -> str:
        """Tells it from every other case of a run."""
        return f"{self.section}/{self.model or 'linear'}/{self.title}/{self.threads}"

    @property
    def tokens(self) -> int:
        """How many tokens one call is counted as; 0 where a call is what matters."""
        return {"prefill": self.context, "decode": self.steps}.get(self.kind, 0)

    def work(self, scratch: Path) -> tuple[float, float]:
        """Returns operations, and bytes from memory, that one call cannot do without.

        The bytes are 0 where everything fits the caches; both are 0 for whole generations, which
        are compared with each other only.
        """
        if self.kind == "linear":
            m, k, n = self.shape
            flops, moved = 2.0 * m * k * n, 4.0 * (k * n + m * k + m * n)
        elif self.kind == "generate":
            return 0.0, 0.0
        else:
            sizes = model_sizes(model_folder(self.model, scratch))
            if self.kind == "decode":
                calls = [(self.context + step, 1) for step in range(self.steps)]
            else:
                calls = [(0, self.context)]
            outputs = self.context if self.kind == "forward" else 1
            flops = sum(sizes.flops(*call, outputs=outputs) for call in calls)
            moved = sum(sizes.bytes(*call) for call in calls)
            if moved / len(calls) < _CACHED_BYTES:
                moved = 0.0
        return flops, moved if moved >= _CACHED_BYTES else 0.0

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
        threads: Threads of the run; the products and one prefill are also measured with one.
        long: Include the cases that take long.
        quick: Only small ones: to see whether everything works.
    """
    cases = _small(threads)
    if not quick:
        cases += _gpt2(threads) + _linear(threads)
        if threads > 1:
            cases += _linear(1)
            cases.append(_gpt2_case("prefill", 128, 1))
    return [case for case in cases if long or not case.long]


def _gpt2_case(kind: Kind, context: int, threads: int, *, long: bool = False) -> Case:
    steps = 16 if kind == "decode" else 0
    return Case(
        section="gpt2",
        kind=kind,
        model="gpt2-124m",
        context=context,
        steps=steps,
        threads=threads,
        long=long,
    )


def _gpt2(threads: int) -> list[Case]:
    return [
        _gpt2_case("prefill", 128, threads),
        _gpt2_case("prefill", 512, threads),
        _gpt2_case("prefill", 1024, threads, long=True),
        _gpt2_case("decode", 128, threads),
        _gpt2_case("decode", 1000, threads, long=True),
    ]


def _small(threads: int) -> list[Case]:
    """The small models, and the levels of optimisation."""

    def case(section: Section, kind: Kind, model: str, context: int, **more: Any) -> Case:
        return Case(
            section=section, kind=kind, model=model, context=context, threads=threads, **more
        )

    return [
        case("roadmap", "forward", "roadmap", 32),
        case("roadmap", "generate", "roadmap", 12, steps=20),
        case("shakespeare", "prefill", "shakespeare", 128),
        case("shakespeare", "decode", "shakespeare", 128, steps=16),
        case("cache", "generate", "roadmap", 12, steps=20, use_cache=True),
        case("cache", "generate", "roadmap", 12, steps=20, use_cache=False),
        case("cache", "generate", "shakespeare", 108, steps=20, use_cache=True),
        case("cache", "generate", "shakespeare", 108, steps=20, use_cache=False),
        case("levels", "forward", "roadmap", 32),
        case("levels", "generate", "roadmap", 12, steps=20),
        case("levels", "prefill", "shakespeare", 128),
        Case(section="levels", kind="linear", shape=(256, 512, 256), threads=threads),
    ]


def _linear(threads: int) -> list[Case]:
    shapes = [
        (1024, 1024, 1024),
        (128, 768, 3072),
        (256, 512, 256),
        (8, 768, 3072),
        (1, 768, 3072),
        (1, 4096, 8192),
    ]
    return [Case(section="linear", kind="linear", shape=s, threads=threads) for s in shapes]
