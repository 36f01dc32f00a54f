"""Checkpoints: safetensors files mapped read-only, and the match of their tensors to a model.

Weights are never copied: an array of a checkpoint is a view of the mapped file, so a model costs no
memory beyond the page cache and two processes share it.
"""

from __future__ import annotations

from gpt_mlir.weights.checkpoint import Checkpoint
from gpt_mlir.weights.naming import WeightNaming, match_weights
from gpt_mlir.weights.safetensors import SafetensorsFile, TensorInfo

__all__ = ["Checkpoint", "SafetensorsFile", "TensorInfo", "WeightNaming", "match_weights"]
