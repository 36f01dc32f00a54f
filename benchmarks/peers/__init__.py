"""The participants: gpt-mlir and its peers, each an adapter in a module of its own.

`ADAPTERS` is the only list of them. A module of an adapter imports its library when it is used, so
that those that are not installed can be named.
"""

from benchmarks.peers.base import Adapter, Job, UnsupportedError
from benchmarks.peers.ctranslate2_generator import CTranslate2
from benchmarks.peers.llama_cpp import LlamaCpp
from benchmarks.peers.numpy_blas import NumpyBlas
from benchmarks.peers.onnx_runtime import OnnxRuntime
from benchmarks.peers.openvino_genai import OpenVinoGenAi
from benchmarks.peers.openvino_runtime import OpenVino
from benchmarks.peers.ours import AVX2, LEVELS, VARIANTS, GptMlir
from benchmarks.peers.torch_compile import TorchCompile
from benchmarks.peers.torch_eager import TorchEager

__all__ = [
    "ADAPTERS",
    "AVX2",
    "LEVELS",
    "OURS",
    "VARIANTS",
    "Adapter",
    "GptMlir",
    "Job",
    "UnsupportedError",
    "adapter",
]

OURS = GptMlir.name

ADAPTERS: tuple[type[Adapter], ...] = (
    GptMlir,
    OpenVinoGenAi,
    OpenVino,
    LlamaCpp,
    OnnxRuntime,
    CTranslate2,
    TorchEager,
    TorchCompile,
    NumpyBlas,
    *LEVELS,
    *VARIANTS,
)


def adapter(name: str) -> type[Adapter]:
    """Returns the adapter called `name`.

    Raises:
        KeyError: There is none.
    """
    return {candidate.name: candidate for candidate in ADAPTERS}[name]
