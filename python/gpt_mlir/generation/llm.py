"""A language model from a Hugging Face folder: text in, text out.

`LLM` composes the other parts: configuration, tokenizer, mapped weights, the compiled model, and
the loop that generates. Nothing of it changes during generation, so threads may share one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Unpack, overload

import numpy as np

from gpt_mlir.compiler.options import CompileOptions, given_options
from gpt_mlir.dtypes import DType, DTypeLike
from gpt_mlir.errors import ConfigError, InputError
from gpt_mlir.generation.compiled_model import CompiledModel
from gpt_mlir.generation.decoding import Continuation
from gpt_mlir.generation.options import (
    DEFAULT_NEW_TOKENS,
    GenerateArguments,
    GenerationConfig,
    check_bool,
    check_count,
    sequence_of_strings,
)
from gpt_mlir.generation.prompts import Prompt, PromptEncoder, split_batch
from gpt_mlir.generation.result import GenerationInterrupted, GenerationResult, TextPiece
from gpt_mlir.generation.sampling import Sampler
from gpt_mlir.generation.stopping import StopText
from gpt_mlir.generation.stream import TextStream
from gpt_mlir.generation.tokenizer import TOKENIZER_FILE, IncrementalDecoder, Tokenizer
from gpt_mlir.integers import integer_of
from gpt_mlir.models import ModelConfig, architecture, load_config
from gpt_mlir.weights import Checkpoint, match_weights
from gpt_mlir.weights.packed_file import packed_memory

__all__ = ["LLM", "default_model"]

Callback = Callable[[TextPiece], object] | None
FLOAT_DTYPES = (DType.F32, DType.BF16, DType.F16)


def default_model() -> Path:
    """Returns the folder of the model that comes with the package."""
    return Path(__file__).resolve().parent.parent / "checkpoints" / "shakespeare"


class LLM:
    """A model with its tokenizer, ready to generate.

    Attributes:
        folder: Where it was read from.
        config: Its sizes.
        generation_config: Its defaults for generation.
        tokenizer: None if the folder has none; prompts are token ids then.
        checkpoint: Its weights.
        model: The compiled model.
        load_seconds: Seconds to read configuration and tokenizer and to map the weights.
    """

    def __init__(
        self,
        folder: Path,
        *,
        options: CompileOptions | None = None,
        dtype: DType = DType.F32,
        num_threads: int | None = None,
    ) -> None:
        """Reads a model folder; see `from_pretrained`, which also compiles."""
        begin = time.perf_counter()
        self.folder = folder
        self.config: ModelConfig = load_config(folder)
        self.generation_config = GenerationConfig.open(folder, self.config)
        has_tokenizer = (folder / TOKENIZER_FILE).exists()
        self.tokenizer = Tokenizer.open(folder) if has_tokenizer else None
        self.checkpoint = checkpoint = Checkpoint.open(folder)
        kind = architecture(self.config.model_type)
        stored = match_weights(
            self.checkpoint, kind.weight_shapes(self.config), kind.naming(self.config)
        )
        weights = {name: self.checkpoint.array(info.name) for name, info in stored.items()}
        options = given_options(options)
        memory = packed_memory(self.checkpoint, stored, options)

        # Knows nothing of `self`: a cycle would keep maps and files until the collector runs.
        def check() -> None:
            checkpoint.check_unchanged()
            memory.check_unchanged()

        self.model = CompiledModel(
            kind,
            self.config,
            weights,
            options=options,
            dtype=dtype,
            num_threads=num_threads,
            memory=memory,
            check=check,
        )
        self._encoder = PromptEncoder(
            self.tokenizer,
            vocab_size=self.config.vocab_size,
            context_length=self.config.context_length,
            bos_token_id=self.generation_config.bos_token_id,
        )
        self.load_seconds = time.perf_counter() - begin

    @classmethod
    def from_pretrained(
        cls,
        folder: str | os.PathLike[str],
        *,
        options: CompileOptions | None = None,
        dtype: DTypeLike = DType.F32,
        use_cache: bool = True,
        num_threads: int | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> LLM:
        """Loads a Hugging Face model folder and compiles it, or finds it compiled.

        Args:
            folder: Holds `config.json`, the weights as safetensors, and optionally
                `tokenizer.json` and `generation_config.json`.
            options: How to compile.
            dtype: Element type of activations: f32, bf16 or f16. Weights are used as stored.
            use_cache: Which form to compile now, with a KV cache or without; the other one is
                compiled when it is first used.
            num_threads: Threads to use; None for as many as `gpt_mlir.get_num_threads()` says.
            progress: Called with a word or two before each step that may take long.

        Raises:
            ConfigError: The configuration is missing, malformed or not supported.
            CheckpointError: The weights are missing, damaged or do not fit the configuration.
            TokenizerError: The tokenizer is malformed.
            CompileError: The compiler fails.
            InputError: An argument is not acceptable.
        """
        try:
            element = DType.of(dtype)
        except TypeError as error:
            raise InputError(str(error)) from None
        if element not in FLOAT_DTYPES:
            raise InputError(f"dtype expected one of {', '.join(FLOAT_DTYPES)}, found {element}")
        check_bool("use_cache", use_cache)
        try:
            path = Path(folder)
        except TypeError:
            raise InputError(f"folder expected a path, found {type(folder).__name__}") from None
        if not path.is_dir():
            raise ConfigError(f"{path}: no such model folder")
        if progress is not None:
            progress("loading")
        llm = cls(path, options=options, dtype=element, num_threads=num_threads)
        llm.model.executable(use_cache=use_cache, progress=progress)
        return llm

    @classmethod
    def default(cls, **arguments: Any) -> LLM:
        """Loads the model that comes with the package, a small GPT trained on Shakespeare.

        Args:
            **arguments: As for `from_pretrained`.
        """
        return cls.from_pretrained(default_model(), **arguments)

    @overload
    def generate(
        self, prompt: Any, *, stream: Literal[True], **arguments: Unpack[GenerateArguments]
    ) -> TextStream: ...

    @overload  # a str is a sequence of str as well; the first match counts
    def generate(  # type: ignore[overload-overlap]
        self, prompt: Prompt, *, stream: Callback = None, **arguments: Unpack[GenerateArguments]
    ) -> GenerationResult: ...

    @overload
    def generate(
        self,
        prompt: Sequence[Prompt],
        *,
        stream: Callback = None,
        **arguments: Unpack[GenerateArguments],
    ) -> list[GenerationResult]: ...

    def generate(
        self,
        prompt: Prompt | Sequence[Prompt],
        *,
        stream: Callback | Literal[True] = None,
        **arguments: Unpack[GenerateArguments],
    ) -> GenerationResult | list[GenerationResult] | TextStream:
        """Continues a prompt or several.

        Args:
            prompt: A text, a sequence of token ids, or a list of such.
            stream: Called with each piece of text as soon as it is certain; `piece.prompt_index`
                is the position of its prompt in the batch. True returns an iterator over the
                pieces instead, as `stream` does.
            **arguments: As for `stream`.

        Returns:
            One result for a single prompt, a list for a batch.

        Raises:
            InputError: The prompt or an argument is not acceptable.
            GenerationInterrupted: Ctrl-C; it carries what was generated.
        """
        if stream is not None and stream is not True and not callable(stream):
            raise InputError(f"stream expected a function, True or None, found {stream!r}")
        pieces = self.stream(prompt, **arguments)
        if stream is True:
            return pieces
        try:
            for piece in pieces:
                if stream is not None:
                    stream(piece)
        except GenerationInterrupted:
            raise
        except KeyboardInterrupt:  # in the callback
            raise GenerationInterrupted(pieces.interrupt()) from None
        return list(pieces.results) if pieces.is_batch else pieces.results[0]

    def stream(
        self,
        prompt: Prompt | Sequence[Prompt],
        *,
        max_new_tokens: int | None = None,
        do_sample: bool | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
        eos_token_id: int | Sequence[int] | None = None,
        use_cache: bool = True,
        prefill_chunk: int | None = None,
    ) -> TextStream:
        """Continues a prompt or several, piece by piece.

        What is None comes from the model's `generation_config.json`, else it is the default of
        `transformers`. Tokens are drawn if `do_sample` says so, or if it is not given and one of
        `temperature`, `top_k`, `top_p`, `min_p` is; else the most likely one is taken.

        Args:
            prompt: A text, a sequence of token ids, or a list of such. An empty text stands for
                the model's bos token.
            max_new_tokens: Most tokens of a continuation; 128 if nothing says otherwise. It also
                ends where the context is full.
            do_sample: Whether to draw tokens.
            temperature: Logits are divided by it; 0 takes the most likely token.
            top_k: Draw from the `top_k` most likely tokens only; 0 for all.
            top_p: Draw from the most likely tokens that together have this probability.
            min_p: Draw from tokens at least `min_p` times as likely as the most likely one.
            repetition_penalty: More than 1 makes tokens that occurred less likely.
            seed: Makes the draws reproducible. Prompt `i` of a batch draws as it would alone with
                `seed + i`.
            stop: Strings that end the text; they are not part of it.
            eos_token_id: Tokens that end the text, instead of the model's; an empty list for none.
            use_cache: Whether to keep keys and values of earlier tokens. Without, every token runs
                the whole sequence: slow, and what the cache is measured against.
            prefill_chunk: Most tokens of a prompt to process at once; limits memory.

        Returns:
            An iterator over pieces of text; its `results` are complete when it is exhausted.

        Raises:
            InputError: The prompt or an argument is not acceptable.
        """
        check_bool("use_cache", use_cache)
        prompts, is_batch = split_batch(prompt)
        sampling = self.generation_config.resolve(
            do_sample=do_sample,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
        )
        if max_new_tokens is None:
            max_new_tokens = self.generation_config.max_new_tokens or DEFAULT_NEW_TOKENS
        max_new_tokens = check_count("max_new_tokens", max_new_tokens)
        if prefill_chunk is not None:
            prefill_chunk = check_count("prefill_chunk", prefill_chunk)
        if seed is not None:
            seed = check_count("seed", seed, minimum=0)
        stops = sequence_of_strings("stop", stop)
        if stops and self.tokenizer is None:
            raise InputError("stop strings need a tokenizer, and the model has no tokenizer.json")
        eos = self._eos(eos_token_id)
        sequences = []
        for index, item in enumerate(prompts):
            ids = self._encoder.encode(item)
            own_seed = None if seed is None else seed + index
            sequences.append(
                Continuation(
                    index=index,
                    prompt=ids,
                    limit=min(max_new_tokens, self.config.context_length - len(ids)),
                    sampler=Sampler(sampling, seed=own_seed, prompt=ids),
                    stop=StopText(stops),
                    decoder=IncrementalDecoder(self.tokenizer, ids) if self.tokenizer else None,
                    eos=eos,
                )
            )
        return TextStream(
            self.model,
            sequences,
            is_batch=is_batch,
            use_cache=use_cache,
            prefill_chunk=prefill_chunk,
            load_seconds=self.load_seconds,
        )

    def _eos(self, given: int | Sequence[int] | None) -> frozenset[int]:
        if given is None:
            return frozenset(self.generation_config.eos_token_ids)
        limit = self.config.vocab_size
        ids = set()
        values: Any = given  # arrays of NumPy are taken as well
        if isinstance(values, np.ndarray):
            values = values.ravel().tolist()
        for item in values if isinstance(values, Iterable) else [values]:
            token = integer_of(item)
            if token is None or not 0 <= token < limit:
                raise InputError(f"eos_token_id expected token ids below {limit}, found {item!r}")
            ids.add(token)
        return frozenset(ids)
