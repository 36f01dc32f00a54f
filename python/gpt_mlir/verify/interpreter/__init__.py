"""An interpreter of the plainest lowering, between the `gpt` dialect and LLVM.

It runs the IR itself, at any point between two passes, so that a fault of a pass shows that every
lowering needs. It knows what ops mean and nothing of the passes; see
`docs/adr/0028-interpreter.md`.
"""

from gpt_mlir.verify.interpreter.calling import call_interpreted
from gpt_mlir.verify.interpreter.machine import DEFAULT_LIMIT, LimitError, Machine
from gpt_mlir.verify.interpreter.values import InterpretError

__all__ = ["DEFAULT_LIMIT", "InterpretError", "LimitError", "Machine", "call_interpreted"]
