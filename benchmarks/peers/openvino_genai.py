"""OpenVINO GenAI: its pipeline with paged attention on top of the CPU plugin.

The model has the inputs and the stateful caches that the pipeline expects. Prompts are token ids;
the tokenizer, which must be there, is never used.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.peers.base import Adapter, Job
from benchmarks.peers.generating import generation_job
from benchmarks.peers.openvino_runtime import openvino_settings

__all__ = ["OpenVinoGenAi"]


class OpenVinoGenAi(Adapter):
    """`LLMPipeline`, greedily."""

    name = "OpenVINO GenAI"
    packages = ("openvino-genai", "openvino", "torch")
    kinds = frozenset({"prefill", "decode"})
    dtypes = frozenset({"f32", "bf16"})
    models = frozenset({"gpt2", "llama"})

    def __init__(self, *, threads: int, scratch: Path) -> None:
        super().__init__(threads=threads, scratch=scratch)
        self._pipelines: dict[tuple[Path, str], Any] = {}

    def prepare(self, case: Case) -> Job:
        """Makes a case ready to run."""
        import openvino
        import openvino_genai

        pipeline = self._open(self.folder(case), case.dtype)
        ids = self.prompt(case)
        inputs = openvino_genai.TokenizedInputs(
            openvino.Tensor(ids), openvino.Tensor(np.ones_like(ids))
        )

        def generate(count: int, seen: Callable[[], None]) -> list[int]:
            result = pipeline.generate(
                inputs,
                max_new_tokens=count,
                ignore_eos=True,
                do_sample=False,
                streamer=_streamer(seen),
            )
            return [int(token) for token in result.tokens[0]]

        return generation_job(case, generate)

    def _open(self, folder: Path, dtype: str) -> Any:
        import openvino_genai

        key = folder, dtype
        if key not in self._pipelines:
            path = self.converted(folder, "genai")
            if not path.exists():
                _convert(folder, path)
            scheduler = openvino_genai.SchedulerConfig()
            scheduler.max_num_batched_tokens = 1 << 20
            scheduler.enable_prefix_caching = False
            self._pipelines[key] = openvino_genai.LLMPipeline(
                path,
                "CPU",
                scheduler_config=scheduler,
                **openvino_settings(self.threads, dtype),
            )
        return self._pipelines[key]


def _streamer(seen: Callable[[], None]) -> Any:
    """Returns an object that the pipeline gives each token to, one or several at a time."""
    import openvino_genai

    class Streamer(openvino_genai.StreamerBase):
        def write(self, token: int | list[int]) -> Any:
            for _ in [token] if isinstance(token, int) else token:
                seen()
            return openvino_genai.StreamingStatus.RUNNING

        def end(self) -> None:
            """Nothing is held back."""

    return Streamer()


def _convert(folder: Path, path: Path) -> None:
    import openvino
    from openvino import passes

    from benchmarks.peers.portable import portable_model

    source = portable_model(folder, cached=True)
    model = openvino.convert_model(_traceable(source), example_input=_example(source))
    batched = openvino.PartialShape([-1, -1])
    names = ["input_ids", "attention_mask", "position_ids", "beam_idx"]
    for index, name in enumerate(names):
        parameter = model.inputs[index]
        parameter.get_node().set_friendly_name(name)
        parameter.get_tensor().set_names({name})
        shape = openvino.PartialShape([-1]) if name == "beam_idx" else batched
        parameter.get_node().set_partial_shape(shape)
    model.outputs[0].get_tensor().set_names({"logits"})
    pairs = {}
    for index, (past, present) in enumerate(source.cache_names):
        parameter = model.inputs[len(names) + index]
        shape = openvino.PartialShape([-1, source.kv_heads, -1, source.head_dim])
        parameter.get_node().set_partial_shape(shape)
        parameter.get_tensor().set_names({past})
        model.outputs[1 + index].get_tensor().set_names({present})
        pairs[past] = present
    model.validate_nodes_and_infer_types()
    manager = passes.Manager()
    manager.register_pass(passes.MakeStateful(pairs))
    manager.run_passes(model)
    _initialize_states(model)
    unfinished = path.with_name(f"part-{path.name}")
    unfinished.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, unfinished / "openvino_model.xml", compress_to_fp16=False)
    _write_tokenizer(unfinished)
    (unfinished / "config.json").write_bytes((folder / "config.json").read_bytes())
    unfinished.rename(path)


def _initialize_states(model: Any) -> None:
    """Gives caches their empty beginning, by which the pipeline recognises them."""
    from openvino import opset13

    ids = opset13.shape_of(model.input("input_ids"))
    batch = opset13.gather(ids, opset13.constant([0]), opset13.constant(0))
    for op in model.get_ops():
        if op.get_type_name() != "ReadValue":
            continue
        heads, _, features = list(op.get_output_partial_shape(0))[1:]
        rest = opset13.constant(np.array([heads.get_length(), 0, features.get_length()]))
        shape = opset13.concat([batch, rest], axis=0)
        op.set_arguments([opset13.broadcast(opset13.constant(np.float32(0)), shape)])
    model.validate_nodes_and_infer_types()


def _traceable(source: Any) -> Any:
    import torch

    class Traceable(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = source

        def forward(
            self,
            input_ids: torch.Tensor,
            attention_mask: torch.Tensor,
            position_ids: torch.Tensor,
            beam_idx: torch.Tensor,
            *past: torch.Tensor,
        ) -> Any:
            past = tuple(each.index_select(0, beam_idx) for each in past)
            keys_at = torch.arange(attention_mask.shape[1])
            seen = keys_at[None, None, :] <= position_ids[:, :, None]
            mask = (seen & attention_mask[:, None, :].to(torch.bool))[:, None]
            logits, present = self.model.run(input_ids, position_ids, mask, past, last=False)
            return (logits, *present)

    return Traceable().eval()


def _example(source: Any) -> tuple[Any, ...]:
    import torch

    ids = torch.zeros((2, 3), dtype=torch.int64)
    past = torch.zeros((2, source.kv_heads, 2, source.head_dim))
    inputs = (
        ids,
        torch.ones((2, 5), dtype=torch.int64),
        torch.arange(2, 5).expand(2, 3).contiguous(),
        torch.arange(2, dtype=torch.int32),
    )
    return (*inputs, *(past.clone() for _ in range(2 * source.layers)))


def _write_tokenizer(folder: Path) -> None:
    """Writes a tokenizer of letters; it must have a special token to be converted."""
    import openvino
    from openvino_tokenizers import convert_tokenizer
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    letters = {chr(ord("a") + index): index for index in range(26)}
    pieces = Tokenizer(models.BPE(letters, []))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=pieces, eos_token="</s>")
    for name, model in zip(
        ("openvino_tokenizer.xml", "openvino_detokenizer.xml"),
        convert_tokenizer(tokenizer, with_detokenizer=True),
        strict=True,
    ):
        openvino.save_model(model, folder / name)
