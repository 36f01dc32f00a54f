"""OpenVINO: the traced model through its own converter, caches as state of the model.

Precision hints say the type that a case asks for: by default the CPU plugin computes in bf16 where
the processor can.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.base import Array
from benchmarks.peers.exported import ExportedAdapter, Session

__all__ = ["OpenVino", "openvino_settings"]


class OpenVino(ExportedAdapter):
    """The CPU plugin."""

    name = "OpenVINO"
    packages = ("openvino", "torch")
    dtypes = frozenset({"f32", "bf16"})

    def open(self, folder: Path, *, cached: bool, dtype: str) -> Session:
        """Converts a model, if that has not been done, and loads it."""
        path = self.converted(folder, f"{'cached' if cached else 'whole'}.xml")
        if not path.exists():
            _convert(folder, path, cached=cached)
        return _Session(path, openvino_settings(self.threads, dtype))

    def linear(self, x: Array, weight: Array, dtype: str) -> Callable[[], Array]:
        """Returns what computes `x` times `weight` transposed."""
        import openvino
        from openvino import opset13

        rows = opset13.parameter([-1, weight.shape[1]], np.float32, name="x")
        product = opset13.matmul(rows, opset13.constant(weight), False, True)
        model = openvino.Model([product], [rows], "product")
        settings = openvino_settings(self.threads, dtype)
        request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()

        def run() -> Array:
            request.infer([x], share_inputs=True, share_outputs=True)
            result: Array = request.get_output_tensor(0).data
            return result

        return run


def openvino_settings(threads: int, dtype: str) -> dict[str, Any]:
    """Returns the properties of the CPU plugin: one stream, nothing quantised."""
    return {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": dtype,
        "KV_CACHE_PRECISION": dtype,
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
    }


def _convert(folder: Path, path: Path, *, cached: bool) -> None:
    import openvino
    from openvino import passes

    from benchmarks.peers.portable import portable_model

    source = portable_model(folder, cached=cached)
    model = openvino.convert_model(source, example_input=source.example())
    model.inputs[0].get_node().set_partial_shape(openvino.PartialShape([1, -1]))
    pairs = {}
    for index, (past, present) in enumerate(source.cache_names, 1):
        parameter = model.inputs[index]
        shape = openvino.PartialShape([1, source.kv_heads, -1, source.head_dim])
        parameter.get_node().set_partial_shape(shape)
        parameter.get_tensor().set_names({past})
        model.outputs[index].get_tensor().set_names({present})
        pairs[past] = present
    model.validate_nodes_and_infer_types()
    if pairs:
        manager = passes.Manager()
        manager.register_pass(passes.MakeStateful(pairs))
        manager.run_passes(model)
    # The weights (.bin) are written before the file that is looked for.
    unfinished = path.with_name(f"part-{path.name}")
    openvino.save_model(model, unfinished, compress_to_fp16=False)
    unfinished.with_suffix(".bin").rename(path.with_suffix(".bin"))
    unfinished.rename(path)


class _Session:
    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        import openvino

        compiled = openvino.Core().compile_model(str(path), "CPU", settings)
        self._tensor = openvino.Tensor
        self._request = compiled.create_infer_request()

    def reset(self) -> None:
        self._request.reset_state()

    def step(self, ids: Array) -> Array:
        self._request.infer([ids], share_inputs=True, share_outputs=True)
        logits: Array = self._request.get_output_tensor(0).data
        return logits

    def save(self) -> Any:
        return [np.array(state.state.data) for state in self._request.query_state()]

    def restore(self, state: Any) -> None:
        for each, value in zip(self._request.query_state(), state, strict=True):
            each.state = self._tensor(value)
