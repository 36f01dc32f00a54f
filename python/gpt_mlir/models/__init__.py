"""Model architectures: configuration, weights and forward function, one file each.

Add one by writing an `Architecture` and calling `register`.
"""

from __future__ import annotations

from gpt_mlir.models.architecture import Architecture, WeightTable
from gpt_mlir.models.config import ModelConfig, RopeConfig
from gpt_mlir.models.reader import ConfigReader
from gpt_mlir.models.registry import architecture, known_architectures, load_config, register

__all__ = [
    "Architecture",
    "ConfigReader",
    "ModelConfig",
    "RopeConfig",
    "WeightTable",
    "architecture",
    "known_architectures",
    "load_config",
    "register",
]
