"""What is accepted as a prompt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpt_mlir.errors import InputError
from gpt_mlir.generation.prompts import PromptEncoder, split_batch


def encoder(bos: int | None = None) -> PromptEncoder:
    return PromptEncoder(None, vocab_size=10, context_length=4, bos_token_id=bos)


@pytest.mark.parametrize(
    ("prompt", "count", "is_batch"),
    [
        ("text", 1, False),
        ([1, 2], 1, False),
        ((1, 2), 1, False),
        (range(3), 1, False),
        (np.array([1, 2]), 1, False),
        (["a", "b"], 2, True),
        ([[1], [2, 3]], 2, True),
        (["a", [1]], 2, True),
        ([[]], 1, True),
        ([np.array([1]), np.array([2, 3])], 2, True),
        (np.array([[1, 2], [3, 4]]), 2, True),
    ],
)
def test_single_or_batch(prompt: Any, count: int, is_batch: bool) -> None:
    prompts, found = split_batch(prompt)
    assert (len(prompts), found) == (count, is_batch)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (3, "prompt expected a text, token ids or a list of such, found int"),
        (None, "prompt expected a text, token ids or a list of such, found NoneType"),
        ([], "prompt is an empty list"),
        (np.zeros((1, 1, 1), np.int64), "token ids expected rank 1 or 2, found rank 3"),
    ],
)
def test_neither(prompt: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        split_batch(prompt)


@pytest.mark.parametrize("ids", [[0, 9], (0, 9), np.array([0, 9], np.int32), [np.int64(0), 9]])
def test_token_ids(ids: Any) -> None:
    assert encoder().encode(ids) == [0, 9]


def test_empty_prompt_is_the_bos_token() -> None:
    assert encoder(bos=7).encode([]) == [7]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "the prompt is empty and the model has no bos token to begin with"),
        ([1, 10], "token id 10 is out of range: the model has 10 tokens, 0 to 9"),
        ([-1], "token id -1 is out of range: the model has 10 tokens, 0 to 9"),
        ([1.0], "token ids expected integers, found float 1.0"),
        ([True], "token ids expected integers, found bool True"),
        ([None], "token ids expected integers, found NoneType None"),
        (
            [1, 2, 3, 4, 5],
            r"the prompt has 5 tokens, more than the context of the model holds \(4\)",
        ),
        ("text", r"the model has no tokenizer.json: the prompt must be token ids, found text"),
    ],
)
def test_not_accepted(ids: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        encoder().encode(ids)
