"""What `generate` may be asked for, under the names and with the meaning of Hugging Face.

A value comes from the call, else from the model's `generation_config.json`, else it is the default
of `transformers` (except for the number of tokens, whose default there is a known trap).
"""

from __future__ import annotations

import math
import numbers
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from gpt_mlir.errors import ConfigError, InputError
from gpt_mlir.integers import integer_of
from gpt_mlir.models import ConfigReader, ModelConfig

__all__ = ["GenerateArguments", "GenerationConfig", "SamplingOptions"]

GENERATION_FILE = "generation_config.json"
DEFAULT_NEW_TOKENS = 128
DEFAULT_TOP_K = 50

# Settings that would change the text and are not implemented, with the value that changes nothing.
_UNSUPPORTED = {
    "num_beams": 1,
    "penalty_alpha": None,
    "typical_p": 1.0,
    "no_repeat_ngram_size": 0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
    "min_length": 0,
    "min_new_tokens": None,
    "bad_words_ids": None,
    "suppress_tokens": None,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
}


class GenerateArguments(TypedDict, total=False):
    """The keyword arguments of `LLM.stream`, which says what they mean."""

    max_new_tokens: int | None
    do_sample: bool | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    min_p: float | None
    repetition_penalty: float | None
    seed: int | None
    stop: str | Sequence[str] | None
    eos_token_id: int | Sequence[int] | None
    use_cache: bool
    prefill_chunk: int | None


@dataclass(frozen=True, kw_only=True)
class SamplingOptions:
    """How the next token is chosen.

    Attributes:
        temperature: Logits are divided by it; 0 is greedy: the first largest logit.
        top_k: Only the `top_k` most likely tokens; 0 for all.
        top_p: Only the most likely tokens that together have this probability.
        min_p: Only tokens at least `min_p` times as likely as the most likely one.
        repetition_penalty: Positive logits of tokens seen are divided by it, negative multiplied.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            InputError: A value is out of its range.
        """
        for name in ("temperature", "top_p", "min_p", "repetition_penalty"):
            value = getattr(self, name)
            real = isinstance(value, numbers.Real) and not isinstance(value, bool)
            self._check(name, real, "a number")
        self._check("temperature", 0 <= self.temperature < math.inf, "0 or more")
        self._check("top_p", 0 < self.top_p <= 1, "more than 0 and at most 1")
        self._check("min_p", 0 <= self.min_p <= 1, "between 0 and 1")
        self._check("repetition_penalty", 0 < self.repetition_penalty < math.inf, "more than 0")
        top_k = integer_of(self.top_k)
        self._check("top_k", top_k is not None and top_k >= 0, "an integer, 0 (off) or more")
        object.__setattr__(self, "top_k", top_k)

    def _check(self, name: str, legal: bool, expected: str) -> None:
        if not legal:
            raise InputError(f"{name} expected {expected}, found {getattr(self, name)!r}")

    @property
    def greedy(self) -> bool:
        """Whether the most likely token is taken instead of drawing one."""
        return self.temperature == 0


@dataclass(frozen=True, kw_only=True)
class GenerationConfig:
    """A model's defaults: its `generation_config.json`, or nothing.

    Attributes:
        do_sample: Whether to draw tokens unless told otherwise.
        sampling: How, when drawing.
        max_new_tokens: Length of the continuation, or None.
        bos_token_id: The token that begins a text, or None.
        eos_token_ids: The tokens that end one.
    """

    do_sample: bool = False
    sampling: SamplingOptions = SamplingOptions(temperature=1.0, top_k=DEFAULT_TOP_K)
    max_new_tokens: int | None = None
    bos_token_id: int | None = None
    eos_token_ids: tuple[int, ...] = ()

    @classmethod
    def open(cls, folder: str | os.PathLike[str], model: ModelConfig) -> GenerationConfig:
        """Reads the `generation_config.json` of a model folder, if it has one.

        Raises:
            ConfigError: It is malformed.
        """
        path = Path(folder) / GENERATION_FILE
        reader = ConfigReader.open(path) if path.exists() else ConfigReader({}, str(path))
        for key, neutral in _UNSUPPORTED.items():
            if reader.values.get(key) not in (None, neutral):
                warnings.warn(
                    f"{path}: '{key}' is not implemented and ignored", UserWarning, stacklevel=2
                )
        bos = reader.token_ids("bos_token_id", limit=model.vocab_size)
        eos = reader.token_ids("eos_token_id", limit=model.vocab_size)
        try:
            sampling = SamplingOptions(
                temperature=reader.number("temperature", default=1.0, positive=False),
                top_k=reader.integer("top_k", default=DEFAULT_TOP_K, minimum=0),
                top_p=reader.number("top_p", default=1.0),
                min_p=reader.number("min_p", default=0.0, positive=False),
                repetition_penalty=reader.number("repetition_penalty", default=1.0),
            )
        except InputError as error:
            raise ConfigError(f"{path}: {error}") from None
        return cls(
            do_sample=reader.boolean("do_sample", default=False),
            sampling=sampling,
            max_new_tokens=reader.integer("max_new_tokens", default=None),
            bos_token_id=bos[0] if bos else model.bos_token_id,
            eos_token_ids=eos or model.eos_token_ids,
        )

    def resolve(
        self,
        *,
        do_sample: bool | None,
        temperature: float | None,
        top_k: int | None,
        top_p: float | None,
        min_p: float | None,
        repetition_penalty: float | None,
    ) -> SamplingOptions:
        """Returns the options of a call; None stands for the model's default.

        Tokens are drawn when `do_sample` says so; when it is not given, if the call names a
        `temperature` other than 0, `top_k`, `top_p` or `min_p`, or else if the model's
        configuration says so.
        """
        default = self.sampling
        if do_sample is None:
            named = [value for value in (temperature, top_k, top_p, min_p) if value is not None]
            do_sample = bool(named) or self.do_sample
        check_bool("do_sample", do_sample)
        if not do_sample:
            temperature = 0.0

        def pick(value: Any, fallback: Any) -> Any:
            return fallback if value is None else value

        return SamplingOptions(
            temperature=pick(temperature, default.temperature),
            top_k=pick(top_k, default.top_k),
            top_p=pick(top_p, default.top_p),
            min_p=pick(min_p, default.min_p),
            repetition_penalty=pick(repetition_penalty, default.repetition_penalty),
        )


def check_bool(name: str, value: object) -> bool:
    """Returns an argument that is true or false.

    Raises:
        InputError: It is something else.
    """
    if not isinstance(value, bool):
        raise InputError(f"{name} expected True or False, found {value!r}")
    return value


def check_count(name: str, value: object, *, minimum: int = 1) -> int:
    """Returns an integer argument as an int.

    Raises:
        InputError: It is no integer, or less than `minimum`.
    """
    number = integer_of(value)
    if number is None or number < minimum:
        expected = "a positive integer" if minimum == 1 else f"an integer, {minimum} or more"
        raise InputError(f"{name} expected {expected}, found {value!r}")
    return number


def sequence_of_strings(name: str, value: str | Sequence[str] | None) -> tuple[str, ...]:
    """Returns the strings of an argument that is one, several or None.

    Raises:
        InputError: It is something else.
    """
    if value is None:
        return ()
    if not isinstance(value, Iterable):
        raise InputError(f"{name} expected a string or a sequence of strings, found {value!r}")
    return (value,) if isinstance(value, str) else tuple(value)
