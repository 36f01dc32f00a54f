"""The choice of tokens: each processor against `transformers`, and the draw itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from transformers.generation import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from gpt_mlir.errors import GptMlirError, InputError
from gpt_mlir.generation import Sampler, SamplingOptions
from gpt_mlir.generation.sampling import process_logits

SEEN = [3, 5, 5, 90]


def logits_of(seed: int, vocab: int = 101) -> np.ndarray[Any, Any]:
    return (3 * np.random.default_rng(seed).standard_normal(vocab)).astype(np.float32)


def processed_by_transformers(
    logits: np.ndarray[Any, Any], options: SamplingOptions
) -> np.ndarray[Any, Any]:
    processors = [
        RepetitionPenaltyLogitsProcessor(options.repetition_penalty),
        TemperatureLogitsWarper(float(options.temperature)),
    ]
    if options.top_k:
        processors.append(TopKLogitsWarper(options.top_k))
    if options.top_p < 1:
        processors.append(TopPLogitsWarper(options.top_p))
    if options.min_p:
        processors.append(MinPLogitsWarper(options.min_p))
    scores = torch.from_numpy(logits.astype(np.float64))[None]
    for processor in processors:
        scores = processor(torch.tensor([SEEN]), scores)
    return scores[0].numpy()


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.7},
        {"temperature": 1.0, "top_k": 5},
        {"temperature": 1.0, "top_k": 1000},
        {"temperature": 1.3, "top_p": 0.8},
        {"temperature": 1.0, "top_p": 0.01},
        {"temperature": 1.0, "min_p": 0.1},
        {"temperature": 1.0, "min_p": 1.0},
        {"temperature": 1.0, "repetition_penalty": 1.7},
        {"temperature": 1.0, "repetition_penalty": 0.6},
        {
            "temperature": 0.8,
            "top_k": 30,
            "top_p": 0.9,
            "min_p": 0.02,
            "repetition_penalty": 1.2,
        },
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_processors_agree_with_transformers(options: dict[str, Any], seed: int) -> None:
    chosen = SamplingOptions(**options)
    logits = logits_of(seed)
    expected = processed_by_transformers(logits, chosen)
    scores = process_logits(logits, chosen, np.array(sorted(set(SEEN))))
    np.testing.assert_array_equal(np.isfinite(scores), np.isfinite(expected))
    # Only differences matter: ours are relative to the largest score.
    kept = np.isfinite(expected)
    np.testing.assert_allclose(
        scores[kept] - scores.max(), expected[kept] - expected.max(), atol=1e-9
    )


@pytest.mark.parametrize("temperature", [0.5, 1.0, 20.0], ids=["few", "some", "most"])
@pytest.mark.parametrize("top_p", [0.3, 0.95])
def test_top_p_of_a_large_vocabulary(temperature: float, top_p: float) -> None:
    """Whether the likely tokens that are sorted first decide, or all have to be."""
    options = SamplingOptions(temperature=temperature, top_p=top_p)
    logits = logits_of(4, 20_011)
    kept = np.isfinite(process_logits(logits, options, np.array([])))
    expected = np.isfinite(processed_by_transformers(logits, options))
    np.testing.assert_array_equal(kept, expected)


def test_top_p_drops_the_first_of_equal_tokens() -> None:
    logits = np.zeros(10_000, np.float32)
    scores = process_logits(logits, SamplingOptions(temperature=1.0, top_p=0.25005), np.array([]))
    assert np.flatnonzero(np.isfinite(scores)).tolist() == list(range(7499, 10_000))


def test_greedy_takes_the_first_largest() -> None:
    sampler = Sampler(SamplingOptions())
    assert sampler.choose(np.array([1.0, 7.0, 7.0, 0.0], np.float32)) == 1


def test_greedy_counts_the_penalty() -> None:
    sampler = Sampler(SamplingOptions(repetition_penalty=2.0), prompt=[1])
    logits = np.array([-1.0, 7.0, 4.0, 3.0], np.float32)
    # 7 / 2 < 4; then 4 / 2 < 7 / 2.
    assert [sampler.choose(logits), sampler.choose(logits)] == [2, 1]
    assert logits.tolist() == [-1.0, 7.0, 4.0, 3.0]


def test_draws_follow_the_distribution() -> None:
    logits = np.log(np.array([0.5, 0.25, 0.2, 0.05], np.float32))
    sampler = Sampler(SamplingOptions(temperature=1.0), seed=0)
    draws = 20_000
    counts = np.bincount([sampler.choose(logits) for _ in range(draws)], minlength=4)
    # Five standard deviations of a binomial count.
    expected = np.exp(logits) * draws
    assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected))


def test_same_seed_same_draws() -> None:
    def draw(seed: int | None) -> list[int]:
        sampler = Sampler(SamplingOptions(temperature=1.0), seed=seed)
        return [sampler.choose(logits_of(i)) for i in range(50)]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert draw(None) != draw(None)


def test_filtered_tokens_are_never_drawn() -> None:
    logits = logits_of(0)
    best = set(np.argsort(logits)[-3:].tolist())
    sampler = Sampler(SamplingOptions(temperature=100.0, top_k=3), seed=0)
    assert {sampler.choose(logits) for _ in range(200)} == best


def test_tiny_temperature_is_nearly_greedy() -> None:
    sampler = Sampler(SamplingOptions(temperature=1e-300), seed=0)
    logits = logits_of(0)
    assert sampler.choose(logits) == np.argmax(logits)


@pytest.mark.parametrize("top_p", [1.0, 0.5])
def test_logits_that_are_no_numbers(top_p: float) -> None:
    sampler = Sampler(SamplingOptions(temperature=1.0, top_p=top_p), seed=0)
    with pytest.raises(GptMlirError, match="logits of the model are not finite"):
        sampler.choose(np.full(4, np.nan, np.float32))


@pytest.mark.parametrize("penalty", [1.0, 1.5])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_greedy_refuses_logits_that_are_no_numbers(penalty: float, wrong: float) -> None:
    sampler = Sampler(SamplingOptions(repetition_penalty=penalty), prompt=[1])
    with pytest.raises(GptMlirError, match="logits of the model are not finite"):
        sampler.choose(np.array([1.0, 2.0, wrong, 3.0], np.float32))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("temperature", -0.1, "0 or more"),
        ("temperature", float("inf"), "0 or more"),
        ("temperature", float("nan"), "0 or more"),
        ("temperature", "hot", "a number"),
        ("temperature", True, "a number"),
        ("top_k", -1, "an integer, 0"),
        ("top_k", 2.5, "an integer, 0"),
        ("top_p", 0, "more than 0 and at most 1"),
        ("top_p", 1.1, "more than 0 and at most 1"),
        ("min_p", -0.1, "between 0 and 1"),
        ("min_p", 1.1, "between 0 and 1"),
        ("repetition_penalty", 0, "more than 0"),
    ],
)
def test_options_out_of_range(name: str, value: Any, expected: str) -> None:
    with pytest.raises(InputError, match=f"^{name} expected {expected}"):
        SamplingOptions(**{name: value})
