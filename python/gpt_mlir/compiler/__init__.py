"""The compiler: lowers `gpt` modules, generates code, keeps it in a cache on disk.

Names are loaded when first used: `ObjectCache` and `CompileOptions` need no MLIR, the others do.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpt_mlir.compiler.cache import CachedObject as CachedObject
    from gpt_mlir.compiler.cache import ObjectCache as ObjectCache
    from gpt_mlir.compiler.driver import compile_module as compile_module
    from gpt_mlir.compiler.driver import emit as emit
    from gpt_mlir.compiler.driver import list_passes as list_passes
    from gpt_mlir.compiler.driver import llvm_pipeline as llvm_pipeline
    from gpt_mlir.compiler.driver import load_pass_plugin as load_pass_plugin
    from gpt_mlir.compiler.driver import lower as lower
    from gpt_mlir.compiler.driver import run_pipeline as run_pipeline
    from gpt_mlir.compiler.driver import schedule_report as schedule_report
    from gpt_mlir.compiler.driver import schedule_text as schedule_text
    from gpt_mlir.compiler.options import CompileOptions as CompileOptions
    from gpt_mlir.compiler.report import ScheduleEntry as ScheduleEntry
    from gpt_mlir.compiler.report import ScheduleReport as ScheduleReport

_EXPORTS = {
    "CachedObject": "cache",
    "CompileOptions": "options",
    "ObjectCache": "cache",
    "ScheduleEntry": "report",
    "ScheduleReport": "report",
    "compile_module": "driver",
    "emit": "driver",
    "list_passes": "driver",
    "llvm_pipeline": "driver",
    "load_pass_plugin": "driver",
    "lower": "driver",
    "run_pipeline": "driver",
    "schedule_report": "driver",
    "schedule_text": "driver",
}

__all__ = [*_EXPORTS]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module '{__name__}' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    globals()[name] = value
    return value
