"""Prompts as users give them, made into token ids that a model accepts."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from gpt_mlir.errors import InputError
from gpt_mlir.generation.tokenizer import Tokenizer

__all__ = ["Prompt", "PromptEncoder", "split_batch"]

# Sequences of integers that nobody means as token ids.
_BYTES = bytes, bytearray, memoryview

Prompt = str | Sequence[int] | np.ndarray[Any, np.dtype[Any]]


def split_batch(prompt: Prompt | Sequence[Prompt]) -> tuple[list[Prompt], bool]:
    """Tells a single prompt from a batch.

    Returns:
        The prompts, and whether they are a batch.

    Raises:
        InputError: `prompt` is neither a text, nor token ids, nor a sequence of such.
    """
    if isinstance(prompt, str):
        return [prompt], False
    if isinstance(prompt, np.ndarray):
        if prompt.ndim not in (1, 2):
            raise InputError(f"token ids expected rank 1 or 2, found rank {prompt.ndim}")
        return ([prompt], False) if prompt.ndim == 1 else (list(prompt), True)
    if not isinstance(prompt, Sequence) or isinstance(prompt, _BYTES):
        raise InputError(
            f"prompt expected a text, token ids or a list of such, found {type(prompt).__name__}"
        )
    if not prompt:
        raise InputError("prompt is an empty list: expected token ids or a list of prompts")
    if all(isinstance(item, str | Sequence) or np.ndim(item) == 1 for item in prompt):
        return list(prompt), True  # type: ignore[arg-type]
    return [prompt], False  # type: ignore[list-item]


class PromptEncoder:
    """Makes token ids of a prompt and checks them against a model."""

    def __init__(
        self,
        tokenizer: Tokenizer | None,
        *,
        vocab_size: int,
        context_length: int,
        bos_token_id: int | None,
    ) -> None:
        """Serves one model; `tokenizer` is None where prompts must be token ids."""
        self._tokenizer = tokenizer
        self._vocab_size = vocab_size
        self._context_length = context_length
        self._bos = bos_token_id

    def encode(self, prompt: Prompt) -> list[int]:
        """Returns the token ids of a prompt, at least one.

        Raises:
            InputError: The prompt is empty and there is no token to begin with, longer than the
                context, or not of token ids of the model; or it is text without a tokenizer.
        """
        if isinstance(prompt, str):
            if self._tokenizer is None:
                raise InputError(
                    "the model has no tokenizer.json: the prompt must be token ids, found text"
                )
            ids = self._tokenizer.encode(prompt)
        elif isinstance(prompt, _BYTES):
            raise InputError(f"token ids expected integers, found {type(prompt).__name__}")
        else:
            ids = [self._token(item) for item in prompt]
        if not ids and self._bos is None:
            raise InputError("the prompt is empty and the model has no bos token to begin with")
        if not ids and self._bos is not None:
            ids = [self._bos]
        for item in ids:
            if not 0 <= item < self._vocab_size:
                raise InputError(
                    f"token id {item} is out of range: the model has {self._vocab_size} tokens, "
                    f"0 to {self._vocab_size - 1}"
                )
        if len(ids) > self._context_length:
            raise InputError(
                f"the prompt has {len(ids)} tokens, more than the context of the model holds "
                f"({self._context_length})"
            )
        return ids

    def _token(self, item: Any) -> int:
        try:
            if isinstance(item, bool | np.bool_):
                raise TypeError
            return operator.index(item)
        except TypeError:
            raise InputError(
                f"token ids expected integers, found {type(item).__name__} {item!r}"
            ) from None
