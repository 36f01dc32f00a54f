"""Makes every `gpt_mlir.ir.Context` know our dialect and all of upstream's.

MLIR's package imports this module by its name (see upstream's
`_mlir_libs/__init__.py`). All dialects are registered, so that any IR parses,
but only those that programs are built from are loaded with a context: loading
all of them takes tens of milliseconds per context.
"""

from . import append_load_on_create_dialect
from ._gpt import register_dialects as register_dialects
from ._gpt import register_passes

# Read by upstream's initialisation; its mere presence counts.
disable_load_all_available_dialects = True

for _dialect in (
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
):
    append_load_on_create_dialect(_dialect)

register_passes()
