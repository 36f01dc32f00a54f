"""A generation in progress, as an iterator over the pieces of its text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpt_mlir.generation.compiled_model import CompiledModel
from gpt_mlir.generation.decoding import Continuation, Stopwatch, decode, decode_uncached
from gpt_mlir.generation.result import (
    GenerationInterrupted,
    GenerationResult,
    TextPiece,
    Timing,
)

__all__ = ["TextStream"]


class TextStream(Iterator[TextPiece]):
    """The pieces of text of a generation in progress.

    Attributes:
        is_batch: Whether the prompt was a batch.
    """

    def __init__(
        self,
        model: CompiledModel,
        sequences: Sequence[Continuation],
        *,
        is_batch: bool,
        use_cache: bool,
        prefill_chunk: int | None,
        load_seconds: float,
    ) -> None:
        self.is_batch = is_batch
        self._model = model
        self._load_seconds = load_seconds
        self._sequences = sequences
        self._watch = Stopwatch()
        model.executable(use_cache=use_cache)  # so that its time is not that of the prefill
        self._pieces = (
            decode(model, sequences, self._watch, prefill_chunk=prefill_chunk)
            if use_cache
            else decode_uncached(model, sequences, self._watch)
        )

    def __next__(self) -> TextPiece:
        """Returns the next piece.

        Raises:
            GenerationInterrupted: Ctrl-C; it carries what was generated.
            CheckpointError: The weights were cut or written to meanwhile.
        """
        try:
            return next(self._pieces)
        except StopIteration:
            # Weights that became others meanwhile: not every such change is noticed by a call.
            self._model.check_unchanged()
            raise
        except KeyboardInterrupt:
            raise GenerationInterrupted(self.interrupt()) from None

    def interrupt(self) -> tuple[GenerationResult, ...]:
        """Ends what still runs, and returns the results; there are no more pieces then.

        To be called by the thread that asks for pieces, between two of them.
        """
        self._pieces.close()
        for sequence in self._sequences:
            sequence.interrupt()
        return self.results

    @property
    def results(self) -> tuple[GenerationResult, ...]:
        """What has been generated, in the order of the prompts."""
        new_tokens = sum(len(sequence.tokens) for sequence in self._sequences)
        started = sum(bool(sequence.tokens) for sequence in self._sequences)
        timing = Timing(
            load=self._load_seconds,
            compile=self._model.compile_seconds,
            prefill=self._watch.prefill,
            decode=self._watch.decode,
            prompt_tokens=sum(len(s.prompt) for s in self._sequences if s.tokens),
            new_tokens=new_tokens,
            decode_tokens=new_tokens - started,
        )
        return tuple(
            GenerationResult(
                text=sequence.text,
                token_ids=tuple(sequence.tokens),
                finish_reason=sequence.finish_reason,
                prompt_tokens=len(sequence.prompt),
                timing=timing,
            )
            for sequence in self._sequences
        )
