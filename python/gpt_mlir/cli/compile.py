"""`gpt-mlir compile`: fills the object cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gpt_mlir.cli.progress import Progress
from gpt_mlir.cli.units import bytes_text
from gpt_mlir.generation import LLM, default_model

__all__ = ["run"]


def run(model: Path | None, *, use_cache: bool, report: bool, dtype: str, options: Any) -> None:
    """Compiles a model and prints what came of it.

    Args:
        model: The model folder; None for the one that comes with the package.
        use_cache: The form with a KV cache, or that without.
        report: Also print what the schedule did.
        dtype: Element type of activations.
        options: How to compile.
    """
    from gpt_mlir.compiler import ObjectCache

    steps = []
    with Progress() as progress:

        def note(step: str) -> None:
            steps.append(step)
            progress(step)

        folder = model or default_model()
        llm = LLM.from_pretrained(
            folder, options=options, dtype=dtype, use_cache=use_cache, progress=note
        )
        executable = llm.model.executable(use_cache=use_cache)
    compiled = len(steps) > 1  # "loading" always is; the others are not needed for cached code
    path = ObjectCache(options.cache_folder).path(executable.key)
    print(f"model      {folder}")
    print(f"functions  {', '.join(executable)}")
    print(f"key        {executable.key}")
    if path.exists():
        print(f"file       {path} ({bytes_text(path.stat().st_size)})")
    else:
        print("file       none: the cache folder cannot be used")
    source = "compiled" if compiled else "found in the cache"
    print(f"time       {llm.model.compile_seconds:.2f} s ({source})")
    if report:
        from gpt_mlir.compiler import schedule_report

        print(f"\n{schedule_report(llm.model.module(use_cache=use_cache), options)}")
