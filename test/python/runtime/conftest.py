"""Fixtures of the runtime tests: compiled functions, made once."""

from __future__ import annotations

import pytest
from runtime_modules import AFFINE, Compile, parse

from gpt_mlir import CompileOptions, Executable, compile_module


@pytest.fixture(scope="session")
def compiled() -> Compile:
    made: dict[str, Executable] = {}

    def compile_text(text: str) -> Executable:
        if text not in made:
            made[text] = compile_module(parse(text), CompileOptions(cache=False))
        return made[text]

    return compile_text


@pytest.fixture
def affine(compiled: Compile) -> Executable:
    """`affine(x, y: f32[batch, seq, 4])`: x * scale.weight + scale.bias + y."""
    return compiled(AFFINE)
