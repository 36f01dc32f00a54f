"""PyTorch through `torch.compile` (Inductor), models as `transformers` has them.

Without a KV cache, which leaves single steps out and makes prefill a little less work than it is
for the others: keys and values are not kept. Every shape is compiled for itself, which takes a
minute or more for a large model; that is why it takes part in long runs only.
"""

from __future__ import annotations

import shutil

from benchmarks.cases import Case
from benchmarks.peers.base import Job
from benchmarks.peers.torch_eager import TorchEager, last_logits

__all__ = ["TorchCompile"]


class TorchCompile(TorchEager):
    """`torch.compile(model)`, one shape at a time."""

    name = "torch.compile"
    default = False
    kinds = frozenset({"forward", "prefill"})
    models = frozenset({"gpt2", "roadmap", "shakespeare"})
    batches = False

    @classmethod
    def accepts(cls, case: Case) -> bool:
        """Returns whether it runs cases like this one; large ones would take minutes each."""
        return super().accepts(case) and case.context <= 512 and case.kind != "start"

    @classmethod
    def available(cls) -> str | None:
        """Returns None if it can be used here, else what is missing."""
        if shutil.which("g++") is None and shutil.which("clang++") is None:
            return "Inductor needs a C++ compiler"
        return super().available()

    def prepare(self, case: Case) -> Job:
        """Makes a case ready to run."""
        import torch

        torch.compiler.reset()  # forgets other shapes, which would make this one dynamic
        model = torch.compile(self.load(case), dynamic=False)
        ids = torch.from_numpy(self.prompt(case))
        kept = 0 if case.kind == "forward" else 1
        return Job(lambda: model(ids, use_cache=False, logits_to_keep=kept).logits, last_logits)
