"""Checks of compiled code against references that know nothing of the compiler.

`verify_module` and `verify_model` run every stage of the pipeline; `bisect_module` and
`bisect_model` find the pass after which the results are wrong. Names are loaded when first used:
the references need no MLIR.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpt_mlir.verify.bisection import Verdict as Verdict
    from gpt_mlir.verify.bisection import bisect_model as bisect_model
    from gpt_mlir.verify.bisection import bisect_module as bisect_module
    from gpt_mlir.verify.bisection import write_folder as write_folder
    from gpt_mlir.verify.checker import Outcome as Outcome
    from gpt_mlir.verify.inputs import InputOptions as InputOptions
    from gpt_mlir.verify.report import Report as Report
    from gpt_mlir.verify.verification import read_module as read_module
    from gpt_mlir.verify.verification import verify_model as verify_model
    from gpt_mlir.verify.verification import verify_module as verify_module

_EXPORTS = {
    "InputOptions": "inputs",
    "Outcome": "checker",
    "Report": "report",
    "Verdict": "bisection",
    "bisect_model": "bisection",
    "bisect_module": "bisection",
    "read_module": "verification",
    "verify_model": "verification",
    "verify_module": "verification",
    "write_folder": "bisection",
}

__all__ = [*_EXPORTS]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module '{__name__}' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    globals()[name] = value
    return value
