"""Checkpoints of the models that are measured: random weights, made once from a seed.

A file is written piece by piece: a model of gigabytes takes no more memory than a small one.
"""

from __future__ import annotations

import json
import math
import shutil
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from benchmarks.shapes import DTYPE_BYTES, MODELS, Dtype

__all__ = ["model_folder"]

_SEED = 1
# As models are initialised: larger ones make attention so sharp that roundings grow from layer to
# layer, and results could not be compared.
_SPREAD = 0.02
_PIECE = 1 << 22
_STORED = {"f32": "F32", "bf16": "BF16"}
_CONFIG = {"f32": "float32", "bf16": "bfloat16"}


def model_folder(name: str, scratch: Path, dtype: Dtype = "f32") -> Path:
    """Returns the folder of a model; makes its checkpoint if it is not there yet.

    Args:
        name: A name of `shapes.MODELS`, or "shakespeare", which is what it is.
        scratch: Where checkpoints are kept.
        dtype: The element type of the stored weights.
    """
    if name == "shakespeare":
        from gpt_mlir.generation import default_model

        return default_model()
    folder = scratch / "models" / (name if dtype == "f32" else f"{name}-{dtype}")
    config = MODELS[name] | {"dtype": _CONFIG[dtype], "initializer_range": _SPREAD}
    text = json.dumps(config, indent=2)
    path = folder / "config.json"
    if not path.exists() or path.read_text() != text:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        path.write_text(text)
        shapes = _weight_shapes(folder)
        path.unlink()
        with (folder / "model.safetensors").open("wb") as file:
            _write_weights(file, shapes, dtype)
        path.write_text(text)  # last: the mark of a complete folder
    return folder


def _weight_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    from gpt_mlir.models import architecture, load_config

    config = load_config(folder)
    return dict(architecture(config.model_type).weight_shapes(config))


def _write_weights(file: BinaryIO, shapes: dict[str, tuple[int, ...]], dtype: Dtype) -> None:
    """Writes random weights under the names of the hub, in the format safetensors."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + math.prod(shape) * DTYPE_BYTES[dtype]
        header[name] = {
            "dtype": _STORED[dtype],
            "shape": list(shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    generator = np.random.default_rng(_SEED)
    for name, shape in shapes.items():
        is_norm = len(shape) == 1 and name.endswith(".weight")
        left = math.prod(shape)
        while left:
            count = min(left, _PIECE)
            values = generator.standard_normal(count, np.float32) * np.float32(_SPREAD)
            _write(file, values + np.float32(is_norm), dtype)
            left -= count


def _write(file: BinaryIO, values: np.ndarray[Any, np.dtype[np.float32]], dtype: Dtype) -> None:
    if dtype == "f32":
        file.write(values.tobytes())
        return
    import ml_dtypes

    file.write(values.astype(ml_dtypes.bfloat16).tobytes())
