"""The model that tests of the program share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from checkpoints import folder_of, save_tokenizer


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "bytes"
    shutil.copytree(folder_of("text"), path)
    save_tokenizer(path)
    return path
