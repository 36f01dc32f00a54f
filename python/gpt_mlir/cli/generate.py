"""`gpt-mlir generate`: streams a continuation to stdout."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer

from gpt_mlir.cli.progress import Progress
from gpt_mlir.generation import LLM, GenerationResult, SamplingOptions, default_model
from gpt_mlir.generation.stopping import StopText

__all__ = ["run"]


def run(
    prompt: str | None,
    model: Path | None,
    *,
    quiet: bool,
    echo: bool,
    dtype: str,
    options: Any,
    use_cache: bool,
    num_threads: int | None,
    **sampling: Any,
) -> None:
    """Loads a model, compiles it and generates.

    Args:
        prompt: The text; None or `-` reads it from stdin.
        model: The model folder; None for the one that comes with the package.
        quiet: Whether to print no timing.
        echo: Whether to print the prompt too.
        dtype: Element type of activations.
        options: How to compile.
        use_cache: Whether to use a KV cache.
        num_threads: Threads to use; None for the default.
        **sampling: As for `LLM.stream`.
    """
    _check(sampling)
    text = _read_prompt(prompt)
    with Progress() as progress:
        llm = LLM.from_pretrained(
            model or default_model(),
            options=options,
            dtype=dtype,
            use_cache=use_cache,
            num_threads=num_threads,
            progress=progress,
        )
    pieces = llm.stream(text, use_cache=use_cache, **sampling)
    try:
        if echo:
            _write(text)
        for piece in pieces:
            _write(piece)
    except KeyboardInterrupt:
        _finish(pieces.interrupt()[0], quiet=quiet)
        raise
    _finish(pieces.results[0], quiet=quiet)


def _check(sampling: dict[str, Any]) -> None:
    """Finds what is wrong for any model, before one is loaded.

    Raises:
        InputError: A value is out of its range.
    """
    given = {field.name: sampling[field.name] for field in fields(SamplingOptions)}
    SamplingOptions(**{name: value for name, value in given.items() if value is not None})
    StopText(sampling["stop"] or ())


def _read_prompt(prompt: str | None) -> str:
    if prompt is not None and prompt != "-":
        return prompt
    if prompt is None and sys.stdin.isatty():
        raise typer.BadParameter("expected PROMPT, or a text on stdin")
    data = sys.stdin.buffer.read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"stdin is not UTF-8 at byte {error.start}") from None
    # The line end of a file or of `echo` is not meant as part of the prompt.
    return text.removesuffix("\n")


def _write(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()


def _finish(result: GenerationResult, *, quiet: bool) -> None:
    _write("\n")
    if quiet:
        return
    timing = result.timing
    print(
        f"[load {timing.load:.2f} s | compile {timing.compile:.2f} s | "
        f"prefill {timing.prompt_tokens} tokens {timing.prefill:.2f} s "
        f"({timing.prefill_rate:.1f}/s) | "
        f"decode {timing.decode_tokens} tokens {timing.decode:.2f} s "
        f"({timing.decode_rate:.1f}/s) | {result.finish_reason}]",
        file=sys.stderr,
    )
