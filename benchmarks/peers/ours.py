"""gpt-mlir itself, with default options and with others.

Compiled code is kept in the scratch folder (`GPT_MLIR_CACHE`), apart from the user's: a run never
depends on what was compiled before it elsewhere. Threads need no setting: ours follow the affinity
of the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from benchmarks.cases import Case, Section
from benchmarks.peers.base import Adapter, Array, Job, linear_operands
from benchmarks.processor import has_avx2, has_avx512

if TYPE_CHECKING:
    from gpt_mlir import LLM

__all__ = ["AVX2", "LEVELS", "VARIANTS", "GptMlir"]


class GptMlir(Adapter):
    """gpt-mlir.

    Attributes:
        section: The only table that it is in; None for all in which it is beside peers.
        options: Those of the compiler that are not the defaults.
    """

    name = "gpt-mlir"
    packages = ()
    kinds = frozenset({"forward", "prefill", "decode", "generate", "linear"})
    dtypes = frozenset({"f32", "bf16"})
    batches = True
    section: ClassVar[Section | None] = None
    options: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, *, threads: int, scratch: Path) -> None:
        super().__init__(threads=threads, scratch=scratch)
        from gpt_mlir import CompileOptions

        self._options = CompileOptions(**self.options)
        self._models: dict[tuple[Path, str], LLM] = {}

    @classmethod
    def accepts(cls, case: Case) -> bool:
        """Returns whether it runs cases like this one: other options have tables of their own."""
        if cls.section is not None:
            return case.section == cls.section
        return case.fresh or case.section == "variants" or super().accepts(case)

    def prepare(self, case: Case) -> Job:
        """Makes a case ready to run."""
        if case.kind == "linear":
            return self._linear(case)
        from gpt_mlir import LLM

        key = self.folder(case), case.dtype
        if key not in self._models:
            self._models[key] = LLM.from_pretrained(key[0], options=self._options, dtype=case.dtype)
        llm = self._models[key]
        ids = self.prompt(case)
        if case.kind == "forward":
            return Job(lambda: llm.model.forward(ids), lambda logits: logits[0, -1])
        if case.kind == "generate":
            prompt = ids[0].tolist()
            return Job(
                lambda: llm.generate(
                    prompt,
                    max_new_tokens=case.steps,
                    do_sample=False,
                    eos_token_id=[],
                    use_cache=case.use_cache,
                ),
                lambda result: np.array(result.token_ids),
            )
        return self._cached(llm, case, ids)

    def _cached(self, llm: LLM, case: Case, ids: Array) -> Job:
        model = llm.model
        caches = model.allocate(case.batch, case.context + case.steps)
        start = np.zeros(case.batch, np.int64)

        def tokens() -> list[int]:
            count = 1 + case.steps
            result = llm.generate(
                ids[-1].tolist(), max_new_tokens=count, do_sample=False, eos_token_id=[]
            )
            return list(result.token_ids)

        if case.kind != "decode":
            return Job(lambda: model.prefill(ids, start, caches), _last_logits, tokens=tokens)
        model.prefill(ids, start, caches)
        token = np.ascontiguousarray(ids[:, :1])
        positions = [
            np.full(case.batch, case.context + step, np.int64) for step in range(case.steps)
        ]

        def decode() -> Array:
            for position in positions:
                logits = model.decode(token, position, caches)
            return logits

        return Job(decode, _last_logits, tokens=tokens)

    def _linear(self, case: Case) -> Job:
        from gpt_mlir import DType, Graph
        from gpt_mlir.compiler import compile_module
        from gpt_mlir.graph import ops

        # The number of rows is known at run time only, as in a model.
        _, k, n = case.shape
        dtype = DType.of(case.dtype)
        graph = Graph("linear")
        x = graph.input("x", ("rows", k), dtype)
        graph.output("y", ops.linear(x, graph.weight("weight", (n, k), dtype)))
        rows, weight = (each.astype(dtype.numpy) for each in linear_operands(case))
        run = compile_module(graph.module, self._options).bind({"weight": weight})
        return Job(lambda: run(rows), lambda y: np.asarray(y)[0].astype(np.float32))


def _last_logits(logits: Array) -> Array:
    """Returns those of the last sequence, of logits `[batch, vocab]`."""
    row: Array = logits[-1].astype(np.float32)
    return row


class _Level0(GptMlir):
    name = "gpt-mlir -O0"
    section = "levels"
    options: ClassVar[Mapping[str, Any]] = {"opt_level": 0}


class _Level1(_Level0):
    name = "gpt-mlir -O1"
    options: ClassVar[Mapping[str, Any]] = {"opt_level": 1}


class _Level2(_Level0):
    name = "gpt-mlir -O2"
    options: ClassVar[Mapping[str, Any]] = {"opt_level": 2}


class _Level3(_Level0):
    name = "gpt-mlir -O3"
    options: ClassVar[Mapping[str, Any]] = {"opt_level": 3}


class _Avx2(GptMlir):
    name = "AVX2"
    section = "variants"
    options: ClassVar[Mapping[str, Any]] = {"target_cpu": "x86-64-v3"}

    @classmethod
    def available(cls) -> str | None:
        """Returns None if it differs from the default here, else why it does not."""
        return None if has_avx2() and has_avx512() else "the default has no wider vectors"


class _BatchInvariant(GptMlir):
    name = "batch-invariant"
    section = "variants"
    options: ClassVar[Mapping[str, Any]] = {"batch_invariant": True}


AVX2: type[GptMlir] = _Avx2
LEVELS: tuple[type[GptMlir], ...] = (_Level0, _Level1, _Level2, _Level3)
VARIANTS: tuple[type[GptMlir], ...] = (_Avx2, _BatchInvariant)
