"""Fixtures of the compiler tests: a small module and a cache folder per test."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiler_modules import DOUBLE, parse

from gpt_mlir import CompileOptions, ir


@pytest.fixture
def double() -> ir.Module:
    """`double(x: f32[batch, 4]) -> y`."""
    return parse(DOUBLE)


@pytest.fixture
def options(tmp_path: Path) -> CompileOptions:
    return CompileOptions(cache_folder=tmp_path / "cache")
