"""PyTorch eager, models as `transformers` has them.

Generation is a loop of our own around the model: that of `transformers` takes longer than the small
models do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.peers.base import Adapter, Array, Job, linear_operands

__all__ = ["TorchEager", "last_logits"]


class TorchEager(Adapter):
    """`AutoModelForCausalLM` with its default (SDPA) attention."""

    name = "PyTorch eager"
    packages = ("torch", "transformers")
    kinds = frozenset({"forward", "prefill", "decode", "generate", "linear"})
    dtypes = frozenset({"f32", "bf16"})
    batches = True

    def __init__(self, *, threads: int, scratch: Path) -> None:
        super().__init__(threads=threads, scratch=scratch)
        import torch
        import transformers

        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        torch.set_grad_enabled(False)
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        self._models: dict[tuple[Path, str], Any] = {}

    def load(self, case: Case) -> Any:
        """Returns the model of a case."""
        import transformers

        key = self.folder(case), case.dtype
        if key not in self._models:
            model = transformers.AutoModelForCausalLM.from_pretrained(key[0], dtype=_dtype(case))
            self._models[key] = model.eval()
        return self._models[key]

    def prepare(self, case: Case) -> Job:
        """Makes a case ready to run."""
        import torch

        if case.kind == "linear":
            x, weight = (torch.from_numpy(each).to(_dtype(case)) for each in linear_operands(case))
            return Job(
                lambda: torch.nn.functional.linear(x, weight), lambda y: y[0].float().numpy()
            )
        model = self.load(case)
        ids = torch.from_numpy(self.prompt(case))
        if case.kind == "generate":
            return Job(_generator(model, ids, case), np.array)
        if case.kind == "forward":
            return Job(lambda: model(ids, use_cache=False).logits, last_logits)
        if case.kind != "decode":
            return Job(lambda: model(ids, use_cache=True, logits_to_keep=1).logits, last_logits)
        return _decoder(model, ids, case)


def last_logits(logits: Any) -> Array:
    """Returns the logits of the last token of the last sequence."""
    row: Array = logits[-1, -1].float().numpy()
    return row


def _dtype(case: Case) -> Any:
    import torch

    return {"f32": torch.float32, "bf16": torch.bfloat16}[case.dtype]


def _decoder(model: Any, ids: Any, case: Case) -> Job:
    cache = model(ids, use_cache=True, logits_to_keep=1).past_key_values
    token = ids[:, :1]

    def decode() -> Any:
        for _ in range(case.steps):
            logits = model(token, past_key_values=cache, use_cache=True).logits
        return logits

    def reset() -> None:
        excess = cache.get_seq_length() - case.context
        if excess > 0:
            cache.crop(-excess)

    return Job(decode, last_logits, reset)


def _generator(model: Any, ids: Any, case: Case) -> Callable[[], list[int]]:
    import torch

    def cached() -> list[int]:
        result = model(ids, use_cache=True, logits_to_keep=1)
        tokens = [int(result.logits[0, -1].argmax())]
        while len(tokens) < case.steps:
            result = model(
                torch.tensor([tokens[-1:]]), past_key_values=result.past_key_values, use_cache=True
            )
            tokens.append(int(result.logits[0, -1].argmax()))
        return tokens

    def uncached() -> list[int]:
        tokens: list[int] = []
        sequence = ids
        while len(tokens) < case.steps:
            logits = model(sequence, use_cache=False, logits_to_keep=1).logits
            tokens.append(int(logits[0, -1].argmax()))
            sequence = torch.cat([sequence, torch.tensor([tokens[-1:]])], dim=1)
        return tokens

    return cached if case.use_cache else uncached
