"""CTranslate2: whole generations, with a callback for each token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.peers.base import Adapter, Job
from benchmarks.peers.generating import generation_job

__all__ = ["CTranslate2"]


class CTranslate2(Adapter):
    """`Generator.generate_batch`, greedily, in f32: it has no bf16 on a CPU."""

    name = "CTranslate2"
    packages = ("ctranslate2", "torch", "transformers")
    kinds = frozenset({"prefill", "decode"})
    models = frozenset({"gpt2"})
    batches = True

    def __init__(self, *, threads: int, scratch: Path) -> None:
        super().__init__(threads=threads, scratch=scratch)
        self._generators: dict[Path, Any] = {}

    def prepare(self, case: Case) -> Job:
        """Makes a case ready to run."""
        generator = self._open(self.folder(case))
        prompts = [[str(token) for token in row] for row in self.prompt(case)]

        def generate(count: int, seen: Callable[[], None]) -> list[int]:
            def step(_: Any) -> bool:
                seen()
                return False

            results = generator.generate_batch(
                prompts,
                max_length=count,
                min_length=count,
                include_prompt_in_result=False,
                callback=step,
            )
            return list(results[-1].sequences_ids[0])

        return generation_job(case, generate)

    def _open(self, folder: Path) -> Any:
        import ctranslate2

        if folder not in self._generators:
            path = self.converted(folder, "ctranslate2")
            if not path.exists():
                _convert(folder, path)
            self._generators[folder] = ctranslate2.Generator(
                str(path), device="cpu", compute_type="float32", intra_threads=self.threads
            )
        return self._generators[folder]


def _convert(folder: Path, path: Path) -> None:
    import transformers
    from ctranslate2.converters.transformers import GPT2Loader

    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    spec = GPT2Loader().get_model_spec(model)
    # Tokens are called by their numbers. `min_length` forbids the one that ends a sequence, so that
    # is one as unlikely as any.
    spec.register_vocabulary([str(token) for token in range(model.config.vocab_size)])
    spec.config.bos_token = spec.config.unk_token = "0"
    spec.config.eos_token = str(model.config.vocab_size - 1)
    spec.validate()
    spec.optimize(quantization=None)
    unfinished = path.with_name(f"part-{path.name}")
    unfinished.mkdir(parents=True, exist_ok=True)
    spec.save(str(unfinished))
    unfinished.rename(path)
