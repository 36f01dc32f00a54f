"""Running compiled code. Needs neither MLIR nor LLVM."""

from gpt_mlir.runtime.executable import Executable
from gpt_mlir.runtime.function import Function
from gpt_mlir.runtime.signature import FunctionSignature, TensorSignature

__all__ = ["Executable", "Function", "FunctionSignature", "TensorSignature"]
