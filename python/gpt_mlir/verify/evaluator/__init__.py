"""An evaluator of `gpt` modules in float64 that knows nothing of the compiler.

It walks the IR through MLIR's bindings and computes every op of the `gpt` dialect by its formula
(`gpt_mlir.verify.reference`), and the ops of `func`, `scf`, `arith` and `tensor` that appear beside
them.
"""

from gpt_mlir.verify.evaluator.expected import Expected, expect, expect_all
from gpt_mlir.verify.evaluator.interpreter import Computed, Interpreter, Noise, evaluate

__all__ = ["Computed", "Expected", "Interpreter", "Noise", "evaluate", "expect", "expect_all"]
