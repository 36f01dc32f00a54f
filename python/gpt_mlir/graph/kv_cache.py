"""Making prefill and decode functions: the pass `gpt-insert-kv-cache` and its options.

The options are checked before the pass gets them: what LLVM's parser finds wrong it writes to
stderr, without the legal values, and a space or brace in a value changes the pipeline.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

from gpt_mlir import ir
from gpt_mlir.graph.call_site import CallSite, MLIRError, describe
from gpt_mlir.graph.declarations import check_symbol

__all__ = ["CHOICES", "FLAGS", "NAMES", "insert_kv_cache"]

NAMES = ("function", "prefill_name", "decode_name")
"""The options that name a function."""

FLAGS = ("keep_function",)
"""The options that are on or off."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "logits": ("last", "all"),
    "cache_element_type": ("as-activations", "f32", "bf16", "f16"),
}
"""The options with a choice, and their legal values."""


def insert_kv_cache(
    module: ir.Module, function: str, options: Mapping[str, object], site: CallSite
) -> ir.Module:
    """Returns a copy of `module` in which `function` has been given KV caches.

    Raises:
        GraphError: An option is not valid, or the function does not qualify.
    """
    from gpt_mlir.passmanager import PassManager

    text = _pass_options({"function": function, **options}, site)
    buffer = io.BytesIO()
    module.operation.write_bytecode(buffer)
    copy: ir.Module = ir.Module.parse(buffer.getvalue(), module.context)
    pipeline = f"builtin.module(gpt-insert-kv-cache{{{text}}},cse,canonicalize)"
    try:
        PassManager.parse(pipeline, module.context).run(copy.operation)
    except MLIRError as error:
        raise site.error_from(error, f"graph {function!r}") from None
    return copy


def _pass_options(options: Mapping[str, object], site: CallSite) -> str:
    return " ".join(
        f"{name.replace('_', '-')}={_option(name, value, site)}" for name, value in options.items()
    )


def _option(name: str, value: object, site: CallSite) -> str:
    what = f"gpt-insert-kv-cache: expected {name} to be"
    if name in NAMES:
        check_symbol(value, site, name)
        return str(value)
    if name in FLAGS:
        if not isinstance(value, bool):
            raise site.error(f"{what} a bool, found {describe(value)}")
        return str(value).lower()
    if name in CHOICES:
        for choice in CHOICES[name]:
            if isinstance(value, str) and value == choice:
                return choice
        legal = ", ".join(map(repr, CHOICES[name]))
        raise site.error(f"{what} one of {legal}, found {describe(value)}")
    known = ", ".join((*NAMES, *CHOICES, *FLAGS))
    raise site.error(f"gpt-insert-kv-cache: no such option {name!r}; expected one of {known}")
