"""Makes every `gpt_mlir.ir.Context` know our dialect and all of upstream's.

MLIR's package imports this module by its name (see upstream's
`_mlir_libs/__init__.py`). All dialects are registered, so that any IR parses,
but only those that programs are built from are loaded with a context. They are
loaded through the C API: upstream's own list (`append_load_on_create_dialect`)
would import the Python module of each, half a second for linalg alone.
"""

from typing import Any

from ._gpt import load_dialects, register_passes, share_threads
from ._gpt import register_dialects as register_dialects

# Read by upstream's initialisation; its mere presence counts.
disable_load_all_available_dialects = True

# Likewise: a context would get a pool of its own after the hook below. Nothing waits for the
# threads of the shared one, and they are started anew in the child of a fork.
disable_multithreading = True

_LOADED_DIALECTS = [
    "gpt",
    "func",
    "arith",
    "math",
    "complex",
    "index",
    "tensor",
    "linalg",
    "scf",
    "cf",
    "affine",
    "memref",
    "bufferization",
    "vector",
    "transform",
    "llvm",
    "ub",
]


def context_init_hook(context: Any) -> None:
    """Loads the common dialects, shares threads; called by upstream for each new context."""
    share_threads(context)
    load_dialects(context, _LOADED_DIALECTS)


register_passes()
