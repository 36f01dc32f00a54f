"""Text generation: `LLM.from_pretrained(folder).generate(prompt)`."""

from __future__ import annotations

from gpt_mlir.generation.llm import LLM, default_model
from gpt_mlir.generation.options import GenerationConfig, SamplingOptions
from gpt_mlir.generation.result import (
    GenerationInterrupted,
    GenerationResult,
    TextPiece,
    Timing,
)
from gpt_mlir.generation.sampling import Sampler
from gpt_mlir.generation.stream import TextStream
from gpt_mlir.generation.tokenizer import IncrementalDecoder, Tokenizer

__all__ = [
    "LLM",
    "GenerationConfig",
    "GenerationInterrupted",
    "GenerationResult",
    "IncrementalDecoder",
    "Sampler",
    "SamplingOptions",
    "TextPiece",
    "TextStream",
    "Timing",
    "Tokenizer",
    "default_model",
]
