"""The architectures there are, by the `model_type` of their configurations.

An architecture is imported when a model asks for it. A program may add one of its own with
`register`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpt_mlir.errors import ConfigError
from gpt_mlir.models.architecture import Architecture
from gpt_mlir.models.config import ModelConfig
from gpt_mlir.models.reader import ConfigReader

__all__ = ["architecture", "known_architectures", "load_config", "register"]

CONFIG_FILE = "config.json"


def _lazily(module: str, name: str) -> Callable[[], Architecture[Any]]:
    def make() -> Architecture[Any]:
        made: Architecture[Any] = getattr(importlib.import_module(module), name)()
        return made

    return make


_ARCHITECTURES: dict[str, Callable[[], Architecture[Any]]] = {
    "gpt2": _lazily("gpt_mlir.models.gpt2", "Gpt2"),
    "gpt_neox": _lazily("gpt_mlir.models.gpt_neox", "GptNeox"),
    "llama": _lazily("gpt_mlir.models.llama", "Llama"),
}


def register(model_type: str, make: Callable[[], Architecture[Any]]) -> None:
    """Adds an architecture, or replaces one.

    Args:
        model_type: The name in `config.json`.
        make: Returns the architecture; called when a model needs it.
    """
    _ARCHITECTURES[model_type] = make


def known_architectures() -> tuple[str, ...]:
    """Returns every `model_type` there is an architecture for."""
    return tuple(sorted(_ARCHITECTURES))


def architecture(model_type: str) -> Architecture[Any]:
    """Returns the architecture called `model_type`.

    Raises:
        ConfigError: There is none; the message lists those there are.
    """
    if model_type not in _ARCHITECTURES:
        raise ConfigError(
            f"unknown architecture '{model_type}'; known: {', '.join(known_architectures())}"
        )
    return _ARCHITECTURES[model_type]()


def load_config(folder: str | os.PathLike[str]) -> ModelConfig:
    """Reads the `config.json` of a model folder.

    Raises:
        ConfigError: It is missing or malformed, or the architecture is unknown or uses what is not
            implemented.
    """
    reader = ConfigReader.open(Path(folder) / CONFIG_FILE)
    model_type = reader.values.get("model_type")
    if not isinstance(model_type, str):
        known = ", ".join(known_architectures())
        reader.fail("model_type", f"an architecture ({known})", model_type)
    try:
        found = architecture(model_type)
    except ConfigError as error:
        raise ConfigError(f"{reader.source}: {error}") from None
    config: ModelConfig = found.read_config(reader)
    return config
