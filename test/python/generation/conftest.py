"""The model that tests of `LLM` share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from checkpoints import folder_of, save_tokenizer

from gpt_mlir import LLM


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of bytes, so that whatever it generates is text (mostly broken UTF-8)."""
    path = tmp_path_factory.mktemp("model") / "bytes"
    shutil.copytree(folder_of("text"), path)
    save_tokenizer(path)
    return path


@pytest.fixture(scope="session")
def llm(folder: Path) -> LLM:
    return LLM.from_pretrained(folder)
