"""A language model as a program: a prompt, then tokens one by one through the KV cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gpt_mlir.errors import InputError
from gpt_mlir.generation import LLM
from gpt_mlir.runtime import FunctionSignature
from gpt_mlir.verify.evaluator import Expected
from gpt_mlir.verify.program import Call, Observation, Program
from gpt_mlir.verify.reference import Array

__all__ = ["ModelProgram", "Reference"]

Reference = Literal["float64", "transformers"]


class ModelProgram(Program):
    """The prefill of a prompt and the decoding of some tokens, always the same ones.

    The tokens are those that the evaluator finds most likely, so that every stage computes the
    logits of the same sequence, also after one of them has preferred another token.
    """

    def __init__(
        self, llm: LLM, prompt: Sequence[int], *, new_tokens: int, reference: Reference = "float64"
    ) -> None:
        """Prepares the program and finds its tokens.

        Args:
            llm: The model.
            prompt: Token ids, at least one.
            new_tokens: Tokens to decode.
            reference: What the logits are compared with.

        Raises:
            InputError: The sequence is longer than the model's context.
        """
        super().__init__(llm.model.module())
        self._llm = llm
        self._prompt = list(prompt)
        self._reference = reference
        self._weights: Mapping[str, Array] = llm.model.weights
        length = len(prompt) + new_tokens
        if length > llm.config.context_length:
            raise InputError(
                f"prompt and new tokens are {length} tokens; the model's context has "
                f"{llm.config.context_length}"
            )
        self._count = new_tokens
        self._tokens: list[int] | None = None

    @property
    def weights(self) -> Mapping[str, Array]:
        """The weights, by name."""
        return self._weights

    def run(self, call: Call) -> list[Observation]:
        """See `Program.run`."""
        tokens = self.tokens
        observations = []
        for step, logits in enumerate(self._logits(call, tokens)):
            what = "prefill" if step == 0 else f"decode of token {step}"
            observations.append(Observation(what, logits, self.result_types("prefill")[0], True))
        return observations

    @property
    def tokens(self) -> list[int]:
        """The tokens that follow the prompt."""
        if self._tokens is None:
            found: list[int] = []
            for logits in self._logits(self.evaluator(), found):
                found.append(int(np.argmax(logits.reshape(-1))))
            self._tokens = found
        return self._tokens

    @cached_property
    def expected(self) -> list[Expected]:
        """What the logits of each step should be, by the reference."""
        evaluated = super().expected
        if self._reference == "float64":
            return evaluated
        logits = _transformers_logits(self._llm.folder, [*self._prompt, *self.tokens])
        rows = logits[len(self._prompt) - 1 :]
        return [
            Expected(rows[step].reshape(one.value.shape), one.dtype, one.allowed)
            for step, one in enumerate(evaluated)
        ]

    def _logits(self, call: Call, tokens: Sequence[int]) -> Any:
        """Yields the logits of the prompt and after each of `tokens`, which may grow meanwhile."""
        signature = self.signatures["prefill"]
        caches = self._empty_caches(signature)
        ids = np.array([self._prompt], np.int64)
        position = 0
        for step in range(self._count + 1):
            name = "prefill" if step == 0 else "decode"
            arguments = self._arguments(self.signatures[name], ids, position, caches)
            logits, *caches = call(name, arguments)
            yield logits
            position += ids.shape[1]
            if step < self._count:
                ids = np.array([[tokens[step]]], np.int64)

    def _empty_caches(self, signature: FunctionSignature) -> list[Array]:
        sizes = {"batch": 1, "capacity": len(self._prompt) + self._count}
        return [
            np.zeros(
                [
                    sizes[dim] if size is None else size
                    for size, dim in zip(cache.shape, cache.dims, strict=True)
                ],
                cache.dtype.numpy,
            )
            for cache in signature.caches
        ]

    def _arguments(
        self, signature: FunctionSignature, ids: Array, position: int, caches: Sequence[Array]
    ) -> list[Array]:
        left = iter(caches)
        arguments: list[Array] = []
        for argument in signature.arguments:
            if argument.kind == "weight":
                arguments.append(self._weights[argument.name])
            elif argument.kind == "cache":
                arguments.append(next(left))
            elif argument.kind == "positions":
                arguments.append(np.array([position], np.int64))
            else:
                arguments.append(ids)
        return arguments


def _transformers_logits(folder: Path, ids: Sequence[int]) -> Array:
    """Returns the logits `[seq, vocab]` that the model has in transformers, in float64."""
    try:
        import torch
        from transformers import AutoModelForCausalLM
    except ImportError as error:
        raise InputError(
            f"--reference transformers needs the packages torch and transformers: {error}"
        ) from None
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    model.eval()
    with torch.no_grad():
        logits: Array = model(torch.tensor([list(ids)])).logits[0].numpy()
    return logits
