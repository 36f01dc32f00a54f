"""Typed reading of a Hugging Face `config.json`.

Each value is checked where it is read, and an error names the file, the key, what was expected and
what was found: a model folder is the most common input a user gets wrong.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from gpt_mlir.errors import ConfigError

__all__ = ["ConfigReader"]

_REQUIRED: Any = object()
# Sizes are multiplied and become extents: a bound keeps nonsense from becoming overflow.
_LARGEST = 2**31 - 1


class ConfigReader:
    """The keys of one JSON object, read with checks.

    A key may have several spellings, which must not contradict each other. JSON's `null` means the
    same as an absent key, as it does for `transformers`.
    """

    def __init__(self, values: Mapping[str, Any], source: str) -> None:
        """Wraps an object.

        Args:
            values: The object.
            source: What messages begin with: a file, or a file and a key.
        """
        self.values = values
        self.source = source

    @classmethod
    def open(cls, path: Path) -> ConfigReader:
        """Reads the JSON object in file `path`.

        Raises:
            ConfigError: The file is missing, is not JSON or holds no object.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"{path}: no such file") from None
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path}: not valid JSON: {error}") from error
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: expected a JSON object, found {_describe(values)}")
        return cls(values, str(path))

    def fail(self, key: str, expected: str, found: object) -> NoReturn:
        """Raises the error of a key with an illegal value."""
        raise ConfigError(
            f"{self.source}: key '{key}' expected {expected}, found {_describe(found)}"
        )

    def _lookup(self, keys: tuple[str, ...], default: Any, expected: str) -> tuple[str, Any]:
        given = [key for key in keys if self.values.get(key) is not None]
        for key in given[1:]:
            if self.values[key] != self.values[given[0]]:
                first = f"the value of '{given[0]}' ({_describe(self.values[given[0]])})"
                self.fail(key, first, self.values[key])
        if given:
            return given[0], self.values[given[0]]
        if default is _REQUIRED:
            self.fail(keys[0], expected, None)
        return keys[0], default

    def has(self, *keys: str) -> bool:
        """Whether a value is given for one of the spellings."""
        return any(self.values.get(key) is not None for key in keys)

    def integer(
        self, *keys: str, default: Any = _REQUIRED, minimum: int = 1, maximum: int = _LARGEST
    ) -> Any:
        """Returns an integer in the range, or the default as it is."""
        expected = "a positive integer" if minimum == 1 else f"an integer, {minimum} or more"
        if maximum < _LARGEST:
            expected = f"an integer from {minimum} to {maximum}"
        key, value = self._lookup(keys, default, expected)
        if value is default:
            return value
        if isinstance(value, int) and value > maximum:
            expected = f"an integer from {minimum} to {maximum}"
        legal = isinstance(value, int) and minimum <= value <= maximum
        if isinstance(value, bool) or not legal:
            self.fail(key, expected, value)
        return value

    def number(self, *keys: str, default: Any = _REQUIRED, positive: bool = True) -> Any:
        """Returns a finite number (positive unless told otherwise), or the default as it is."""
        expected = "a positive number" if positive else "a number, 0 or more"
        key, value = self._lookup(keys, default, expected)
        if value is default:
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(key, expected, value)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or number < 0 or (positive and number == 0):
            self.fail(key, expected, value)
        return number

    def boolean(self, *keys: str, default: bool) -> bool:
        """Returns a truth value."""
        key, value = self._lookup(keys, default, "true or false")
        if not isinstance(value, bool):
            self.fail(key, "true or false", value)
        return value

    def choice(self, *keys: str, known: Iterable[str], default: str) -> str:
        """Returns a string that is one of `known`; the error lists them."""
        legal = sorted(known)
        expected = f"one of {', '.join(legal)}"
        key, value = self._lookup(keys, default, expected)
        if not isinstance(value, str) or value not in legal:
            self.fail(key, expected, value)
        return value

    def object(self, *keys: str) -> ConfigReader | None:
        """Returns a reader of a nested object, or None where it is absent."""
        key, value = self._lookup(keys, None, "an object")
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fail(key, "an object", value)
        return ConfigReader(value, f"{self.source}: {key}")

    def token_ids(self, key: str, *, limit: int) -> tuple[int, ...]:
        """Returns the token ids under `key`, which holds one, a list of them or nothing.

        An id that is not in `[0, limit)` is left out: configurations of cut-down vocabularies keep
        the ids of the full one, and such a token never comes up.
        """
        value = self.values.get(key)
        ids = value if isinstance(value, list) else [] if value is None else [value]
        if any(isinstance(item, bool) or not isinstance(item, int) for item in ids):
            self.fail(key, "a token id or a list of them", value)
        return tuple(item for item in ids if 0 <= item < limit)


def _describe(value: object) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value) if isinstance(value, str | int | float | list | dict) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
