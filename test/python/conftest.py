"""What all Python tests share: a cache of compiled code of their own.

Tests never touch the user's cache. All workers of one run share a folder, so that a module that two
of them need is compiled once; nothing is kept from one run to the next, so that what a run tests is
what was built. Temporary files of the tests and of the processes they start lie in pytest's own
folder, which it clears.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the tests of a file on one worker, which compiles what they share; not spread ones."""
    for item in items:
        if item.get_closest_marker("spread") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.name))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base  # under pytest-xdist
    folder = shared / "object-cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPT_MLIR_CACHE", str(folder))
        patch.setenv("TMPDIR", str(base))
        patch.setattr(tempfile, "tempdir", str(base))
        yield
