"""gpt-mlir itself, at its default level of optimisation and at each of the others.

Compiled code is kept in the scratch folder (`GPT_MLIR_CACHE`), apart from the user's: a run never
depends on what was compiled before it elsewhere. Threads need no setting: ours follow the affinity
of the process.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.cases import Case
from benchmarks.peers.base import Adapter, Array, Job, linear_operands

if TYPE_CHECKING:
    from gpt_mlir import LLM

__all__ = ["LEVELS", "GptMlir"]


class GptMlir(Adapter):
    """gpt-mlir.

    Attributes:
        opt_level: The level of optimisation; None for the default.
    """

    name = "gpt-mlir"
    packages = ()
    kinds = frozenset({"forward", "prefill", "decode", "generate", "linear"})
    dtypes = frozenset({"f32", "bf16"})
    batches = True
    opt_level: int | None = None

    def __init__(self, *, threads: int, scratch: Path) -> None:
        super().__init__(threads=threads, scratch=scratch)
        from gpt_mlir import CompileOptions

        level = self.opt_level
        self._options = CompileOptions() if level is None else CompileOptions(opt_level=level)
        self._models: dict[tuple[Path, str], LLM] = {}

    @classmethod
    def accepts(cls, case: Case) -> bool:
        """Returns whether it runs cases like this one: the ladder is a table of its own."""
        if cls.opt_level is not None:
            return case.section == "levels"
        return case.fresh or super().accepts(case)

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
    opt_level = 0


class _Level1(GptMlir):
    name = "gpt-mlir -O1"
    opt_level = 1


class _Level2(GptMlir):
    name = "gpt-mlir -O2"
    opt_level = 2


class _Level3(GptMlir):
    name = "gpt-mlir -O3"
    opt_level = 3


LEVELS: tuple[type[GptMlir], ...] = (_Level0, _Level1, _Level2, _Level3)
