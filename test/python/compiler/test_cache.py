"""The object cache by itself: what is stored comes back, what is damaged does not."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from gpt_mlir.compiler.cache import ObjectCache, default_cache_folder
from gpt_mlir.errors import CacheWarning

KEY = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4
IMAGE = b"\x7fELF" + bytes(range(256)) * 8
MANIFEST = {"key": KEY, "functions": [{"name": "f"}]}


@pytest.fixture
def cache(tmp_path: Path) -> ObjectCache:
    return ObjectCache(tmp_path / "cache")


def test_round_trip(cache: ObjectCache) -> None:
    assert cache.get(KEY) is None
    stored = cache.put(KEY, IMAGE, MANIFEST)
    assert stored is not None
    entry = cache.get(KEY)
    assert entry == stored
    assert (entry.image, entry.manifest) == (IMAGE, MANIFEST)
    # The library comes first, so that the loader can open the entry as it is.
    assert entry.path.read_bytes().startswith(IMAGE)
    assert [path.name for path in cache.folder.iterdir()] == [f"{KEY}.so"]


def test_damage_is_noticed(cache: ObjectCache) -> None:
    entry = cache.put(KEY, IMAGE, MANIFEST)
    assert entry is not None
    good = entry.path.read_bytes()
    sizes = len(good) - 48  # SHA-256 and magic take 40 bytes, the two sizes 16 before them
    for at in (0, 100, len(IMAGE), sizes, len(good) - 30, len(good) - 1):
        entry.path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.warns(CacheWarning, match="is damaged"):
            assert cache.get(KEY) is None
    for size in (0, 1, 40, len(IMAGE), len(good) - 1):
        entry.path.write_bytes(good[:size])
        with pytest.warns(CacheWarning, match=r"is damaged: it is truncated or no cache entry"):
            assert cache.get(KEY) is None
    cache.put(KEY, IMAGE, MANIFEST)
    assert cache.get(KEY) == entry


def test_an_entry_under_another_name_is_refused(cache: ObjectCache) -> None:
    entry = cache.put(KEY, IMAGE, MANIFEST)
    assert entry is not None
    entry.path.rename(cache.path(OTHER))
    with pytest.warns(CacheWarning, match="it belongs to another key"):
        assert cache.get(OTHER) is None


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    cache = ObjectCache(tmp_path / "file" / "cache")
    with pytest.warns(CacheWarning, match=r"cannot write to the object cache .*GPT_MLIR_CACHE"):
        assert cache.put(KEY, IMAGE, MANIFEST) is None
    assert cache.get(KEY) is None


def test_entry_that_cannot_be_read(cache: ObjectCache) -> None:
    cache.path(KEY).mkdir(parents=True)
    with pytest.warns(CacheWarning, match=r"cannot read cached object .* compiling instead"):
        assert cache.get(KEY) is None


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_folder_that_others_can_write_to(cache: ObjectCache, mode: int) -> None:
    assert cache.put(KEY, IMAGE, MANIFEST) is not None
    cache.remember(OTHER, KEY)
    cache.folder.chmod(mode)
    with pytest.warns(
        CacheWarning, match=r"is not used: others can write to it; expected a folder"
    ):
        assert cache.get(KEY) is None
    with pytest.warns(CacheWarning):
        assert cache.recall(OTHER) is None
    with pytest.warns(CacheWarning):
        assert cache.put(KEY, IMAGE, MANIFEST) is None
    cache.folder.chmod(0o755)
    assert cache.get(KEY) is not None
    assert cache.recall(OTHER) == KEY


def test_entries_of_others(cache: ObjectCache) -> None:
    entry = cache.put(KEY, IMAGE, MANIFEST)
    assert entry is not None
    entry.path.chmod(0o666)
    with pytest.warns(CacheWarning, match=r"is not used: others can write to it; compiling"):
        assert cache.get(KEY) is None
    entry.path.chmod(0o600)
    assert cache.get(KEY) == entry
    if os.geteuid() == 0:
        os.chown(entry.path, 4242, 4242)
        with pytest.warns(CacheWarning, match="it belongs to user 4242"):
            assert cache.get(KEY) is None
        os.chown(entry.path, 0, 0)
    target = cache.folder / "elsewhere"
    entry.path.rename(target)
    entry.path.symlink_to(target)
    with pytest.warns(CacheWarning, match="cannot read cached object"):
        assert cache.get(KEY) is None


def test_failed_write_leaves_nothing(cache: ObjectCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(CacheWarning, match="No space left on device"):
        assert cache.put(KEY, IMAGE, MANIFEST) is None
    assert list(cache.folder.iterdir()) == []


def test_read_only_entry_is_used(cache: ObjectCache, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = cache.put(KEY, IMAGE, MANIFEST)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.get(KEY) == entry


def test_least_recently_used_entries_are_deleted(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, limit=3 * len(IMAGE))
    keys = [f"{i:064x}" for i in range(4)]
    for age, key in enumerate(keys[:2]):
        cache.put(key, IMAGE, {"key": key})
        os.utime(cache.path(key), (1000 + age, 1000 + age))
    assert cache.get(keys[0]) is not None  # now keys[1] is the oldest
    for key in keys[2:]:
        cache.put(key, IMAGE, {"key": key})
    kept = {path.stem for path in tmp_path.iterdir()}
    assert keys[1] not in kept
    assert keys[3] in kept


def test_what_a_dead_process_left_is_deleted(cache: ObjectCache) -> None:
    cache.folder.mkdir()
    old, new = cache.folder / ".tmp-old", cache.folder / ".tmp-new"
    for path in (old, new):
        path.write_bytes(b"half an entry")
    os.utime(old, (1000, 1000))
    cache.put(KEY, IMAGE, MANIFEST)
    assert not old.exists()
    assert new.exists()


def test_aliases(cache: ObjectCache) -> None:
    assert cache.recall(OTHER) is None
    cache.remember(OTHER, KEY)
    assert cache.recall(OTHER) == KEY
    cache.path(OTHER).with_suffix(".alias").write_text("nonsense")
    assert cache.recall(OTHER) is None


@pytest.mark.parametrize("key", ["", "../../etc/passwd", KEY[:-1], KEY.upper()])
def test_keys_are_hashes(cache: ObjectCache, key: str) -> None:
    with pytest.raises(ValueError, match="expected a key of 64 hexadecimal digits"):
        cache.get(key)


def test_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GPT_MLIR_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert default_cache_folder() == tmp_path / ".cache" / "gpt-mlir"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_cache_folder() == tmp_path / ".cache" / "gpt-mlir"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_folder() == tmp_path / "xdg" / "gpt-mlir"
    monkeypatch.setenv("GPT_MLIR_CACHE", "~/own")
    assert default_cache_folder() == tmp_path / "own"
