"""gpt-mlir: a compiler for GPT-style language models.

Names are loaded when first used, so that `import gpt_mlir` costs nothing and a process that runs
already compiled code never loads MLIR.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpt_mlir.compiler import CompileOptions as CompileOptions
    from gpt_mlir.compiler import compile_module as compile_module
    from gpt_mlir.dtypes import DType as DType
    from gpt_mlir.errors import CacheWarning as CacheWarning
    from gpt_mlir.errors import CheckpointError as CheckpointError
    from gpt_mlir.errors import CompileError as CompileError
    from gpt_mlir.errors import ConfigError as ConfigError
    from gpt_mlir.errors import GptMlirError as GptMlirError
    from gpt_mlir.errors import GraphError as GraphError
    from gpt_mlir.errors import InputError as InputError
    from gpt_mlir.errors import TokenizerError as TokenizerError
    from gpt_mlir.generation import LLM as LLM
    from gpt_mlir.generation import GenerationInterrupted as GenerationInterrupted
    from gpt_mlir.generation import GenerationResult as GenerationResult
    from gpt_mlir.graph import Dim as Dim
    from gpt_mlir.graph import Graph as Graph
    from gpt_mlir.graph import Tensor as Tensor
    from gpt_mlir.runtime import Executable as Executable
    from gpt_mlir.runtime import get_num_threads as get_num_threads
    from gpt_mlir.runtime import set_num_threads as set_num_threads

# Public name -> the module that defines it.
_EXPORTS = {
    "CacheWarning": "gpt_mlir.errors",
    "CheckpointError": "gpt_mlir.errors",
    "CompileError": "gpt_mlir.errors",
    "CompileOptions": "gpt_mlir.compiler",
    "ConfigError": "gpt_mlir.errors",
    "DType": "gpt_mlir.dtypes",
    "Dim": "gpt_mlir.graph",
    "Executable": "gpt_mlir.runtime",
    "GenerationInterrupted": "gpt_mlir.generation",
    "GenerationResult": "gpt_mlir.generation",
    "GptMlirError": "gpt_mlir.errors",
    "Graph": "gpt_mlir.graph",
    "GraphError": "gpt_mlir.errors",
    "InputError": "gpt_mlir.errors",
    "LLM": "gpt_mlir.generation",
    "Tensor": "gpt_mlir.graph",
    "TokenizerError": "gpt_mlir.errors",
    "compile_module": "gpt_mlir.compiler",
    "get_num_threads": "gpt_mlir.runtime",
    "set_num_threads": "gpt_mlir.runtime",
}

# Submodules that can be reached as attributes.
_MODULES = (
    "compiler",
    "dialects",
    "dtypes",
    "errors",
    "generation",
    "graph",
    "ir",
    "models",
    "passmanager",
    "runtime",
    "weights",
)

__all__ = [*_EXPORTS]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        value = getattr(importlib.import_module(_EXPORTS[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"gpt_mlir.{name}")
    else:
        raise AttributeError(f"module 'gpt_mlir' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS, *_MODULES})
