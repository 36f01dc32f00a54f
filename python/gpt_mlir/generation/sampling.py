"""The choice of the next token from logits, on the host in NumPy.

The processors work in the order of `transformers`: repetition penalty, temperature, top-k, top-p,
min-p. Drawing is inverse transform sampling with one uniform number per token, so that a sequence
depends on its seed and its logits only, not on the batch it is in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from gpt_mlir.errors import GptMlirError
from gpt_mlir.generation.options import SamplingOptions

__all__ = ["Sampler", "process_logits"]

Array = np.ndarray[Any, np.dtype[Any]]

# Tokens that `top_p` sorts at first: most distributions need fewer.
_FEW_TOKENS = 512

# Quotients by less may overflow; to ask NumPy not to warn takes longer than to divide.
_TINY = 1e-200

_NONE = np.empty(0, np.int64)


class Sampler:
    """Chooses the tokens of one sequence."""

    def __init__(
        self, options: SamplingOptions, *, seed: int | None = None, prompt: Iterable[int] = ()
    ) -> None:
        """Begins a sequence.

        Args:
            options: How to choose.
            seed: Makes the draws reproducible; None draws anew each time.
            prompt: Tokens that the repetition penalty counts as seen.
        """
        self._options = options
        self._generator = None if options.greedy else np.random.default_rng(seed)
        self._seen = set(prompt)

    def choose(self, logits: Array) -> int:
        """Returns the next token of `logits` `[vocab]`.

        Raises:
            GptMlirError: They are not finite, so that none is the most likely.
        """
        token = self._choose(logits)
        self._seen.add(token)
        return token

    def _choose(self, logits: Array) -> int:
        if self._generator is None and self._options.repetition_penalty == 1.0:
            return _first_largest(logits)
        seen = _NONE
        if self._options.repetition_penalty != 1.0:
            seen = np.fromiter(self._seen, np.int64, len(self._seen))
        scores = process_logits(logits, self._options, seen)
        if self._generator is None:
            return _first_largest(scores)
        sums = _softmax(scores).cumsum()
        total = float(sums[-1])
        if not math.isfinite(total):
            raise _not_finite()
        # `total` is not exactly 1. What is drawn is below it, also rounded, and so never selects a
        # token of weight 0.
        return int(sums.searchsorted(self._generator.random() * total, side="right"))


def _first_largest(scores: Array) -> int:
    token = int(scores.argmax())
    # If one is NaN, that is what `argmax` finds.
    if not math.isfinite(scores[token]):
        raise _not_finite()
    return token


def _not_finite() -> GptMlirError:
    return GptMlirError("the logits of the model are not finite: there is no next token")


def process_logits(logits: Array, options: SamplingOptions, seen: Array) -> Array:
    """Applies penalty, temperature and filters.

    Args:
        logits: `[vocab]`.
        options: What to apply; a temperature of 0 leaves the scores undivided and unfiltered.
        seen: Ids that the repetition penalty applies to.

    Returns:
        Scores `[vocab]` in float64; a token that is filtered out has `-inf`.
    """
    scores: Array = logits.astype(np.float64)
    if options.repetition_penalty != 1.0 and seen.size:
        kept = scores[seen]
        penalty = options.repetition_penalty
        scores[seen] = np.where(kept < 0, kept * penalty, kept / penalty)
    if options.greedy:
        return scores
    # Relative to the largest first: a tiny temperature must not make infinities of all of them.
    scores -= scores.max()
    if options.temperature < _TINY:
        with np.errstate(over="ignore"):
            scores /= options.temperature
    else:
        scores /= options.temperature
    if 0 < options.top_k < scores.size:
        ordered = scores.copy()
        ordered.partition(-options.top_k)
        smallest = ordered[-options.top_k]
        scores[scores < smallest] = -np.inf
    if options.top_p < 1.0:
        scores[_find_unlikely(scores, options.top_p)] = -np.inf
    if options.min_p > 0.0:
        weights = _softmax(scores)
        scores[weights < options.min_p * weights.max()] = -np.inf
    return scores


def _find_unlikely(scores: Array, top_p: float) -> Array:
    """Returns the least likely tokens that together have at most `1 - top_p`.

    Of a large vocabulary only the likely tokens are sorted, as far as they decide.
    """
    tokens = np.flatnonzero(~np.isneginf(scores))
    scores = scores[tokens]
    weights = _softmax(scores)
    count = min(_FEW_TOKENS, scores.size)
    while True:
        likely = ~(scores < np.partition(scores, -count)[-count])
        rest = weights[~likely].sum()
        if not rest > 1.0 - top_p:  # true of numbers that are none, too
            break
        count = min(16 * count, scores.size)
    sorted_first = np.flatnonzero(likely)
    order = sorted_first[np.argsort(scores[sorted_first], kind="stable")]
    # The most likely token always stays.
    dropped = (rest + np.cumsum(weights[order]) <= 1.0 - top_p)[:-1]
    return np.concatenate([tokens[~likely], tokens[order[:-1][dropped]]])


def _softmax(scores: Array) -> Array:
    """Returns the weights of scores whose largest is 0."""
    weights: Array = np.exp(scores)
    weights /= weights.sum()
    return weights
