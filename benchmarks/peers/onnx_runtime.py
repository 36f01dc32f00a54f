"""ONNX Runtime: the traced model through PyTorch's exporter, all graph optimisations on.

Caches stay inside the runtime (`OrtValue`); no call copies them to NumPy and back.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.base import Array
from benchmarks.peers.exported import ExportedAdapter, Session

__all__ = ["OnnxRuntime"]


class OnnxRuntime(ExportedAdapter):
    """The CPU execution provider in f32."""

    name = "ONNX Runtime"
    packages = ("onnxruntime", "onnx", "torch")

    def open(self, folder: Path, *, cached: bool, dtype: str) -> Session:
        """Exports a model, if that has not been done, and loads it."""
        path = self.converted(folder, f"{'cached' if cached else 'whole'}.onnx")
        if not path.exists():
            _export(folder, path, cached=cached)
        return _Session(str(path), self.threads)

    def linear(self, x: Array, weight: Array, dtype: str) -> Callable[[], Array]:
        """Returns what computes `x` times `weight` transposed."""
        session = _session(_product(weight), self.threads)
        return lambda: np.asarray(session.run(None, {"x": x})[0])


def _product(weight: Array) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    n, k = weight.shape
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", k])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", n])
    constant = numpy_helper.from_array(np.ascontiguousarray(weight.T), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "product", [x], [y], [constant])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    data: bytes = model.SerializeToString()
    return data


def _session(model: str | bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _export(folder: Path, path: Path, *, cached: bool) -> None:
    import torch

    from benchmarks.peers.portable import portable_model

    model = portable_model(folder, cached=cached)
    names = model.cache_names
    axes = {"ids": {1: "seq"}}
    axes |= {name: {2: "past"} for name, _ in names} | {name: {2: "all"} for _, name in names}
    if not cached:
        axes["logits"] = {1: "seq"}
    unfinished = path.with_suffix(".part")
    torch.onnx.export(
        model,
        model.example(),
        str(unfinished),
        input_names=["ids", *(name for name, _ in names)],
        output_names=["logits", *(name for _, name in names)],
        dynamic_axes=axes,
        opset_version=18,
        dynamo=False,
    )
    unfinished.rename(path)


class _Session:
    def __init__(self, path: str, threads: int) -> None:
        import onnxruntime

        self._runtime = onnxruntime
        self._session = _session(path, threads)
        self._inputs = self._session.get_inputs()[1:]
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._past: list[Any] = []

    def reset(self) -> None:
        self._past = [
            self._value(np.zeros([1, each.shape[1], 0, each.shape[3]], np.float32))
            for each in self._inputs
        ]

    def step(self, ids: Array) -> Array:
        feed = {"ids": self._value(ids)}
        feed |= {each.name: value for each, value in zip(self._inputs, self._past, strict=True)}
        results = self._session.run_with_ort_values(self._outputs, feed)
        self._past = results[1:]
        logits: Array = results[0].numpy()
        return logits

    def save(self) -> Any:
        return self._past

    def restore(self, state: Any) -> None:
        self._past = state

    def _value(self, array: Array) -> Any:
        return self._runtime.OrtValue.ortvalue_from_numpy(array)
