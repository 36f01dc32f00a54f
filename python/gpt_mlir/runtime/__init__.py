"""Running compiled code. Needs neither MLIR nor LLVM."""

from gpt_mlir.runtime.executable import Executable
from gpt_mlir.runtime.function import Function
from gpt_mlir.runtime.signature import FunctionSignature, TensorSignature
from gpt_mlir.runtime.threads import get_num_threads, set_num_threads

__all__ = [
    "Executable",
    "Function",
    "FunctionSignature",
    "TensorSignature",
    "get_num_threads",
    "set_num_threads",
]
