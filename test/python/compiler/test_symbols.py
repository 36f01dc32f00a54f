"""What compiled models call of the C library, and above the plain levels nothing of libm."""

from __future__ import annotations

import re

import pytest
from checkpoints import llm_of

from gpt_mlir.compiler import CompileOptions, emit

# Of the C library; whatever else is called is defined in the object, or passed to it.
# `abort` and `puts` are for an assertion that fails where there is no runtime.
ALLOWED = {"abort", "aligned_alloc", "free", "memcpy", "memmove", "memset", "puts"}


def external_symbols(case: str, options: CompileOptions) -> set[str]:
    asm = emit(llm_of(case).model.module(), "asm", options).decode()
    used = set(re.findall(r"\b(\w+)@(?:PLT|GOTPCREL)", asm))
    return used - set(re.findall(r"^(\w+):", asm, re.MULTILINE))


@pytest.mark.parametrize("level", [2, 3])
@pytest.mark.parametrize("cpu", ["x86-64-v3", "znver4"])
@pytest.mark.parametrize("case", ["gpt2", "llama-gqa", "neox-sequential"])
def test_models_call_no_function_of_libm(case: str, cpu: str, level: int) -> None:
    options = CompileOptions(
        opt_level=level,
        llvm_opt_level=0,
        target_cpu=cpu,
        target_triple="x86_64-unknown-linux-gnu",
    )
    assert external_symbols(case, options) <= ALLOWED


def test_plain_loops_call_libm() -> None:
    """What the other test looks for is there to be seen."""
    options = CompileOptions(opt_level=0, target_triple="x86_64-unknown-linux-gnu")
    assert external_symbols("llama-gqa", options) >= {"expf", "sincosf"}
