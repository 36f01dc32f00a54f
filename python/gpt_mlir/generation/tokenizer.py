"""The tokenizer of a model folder, and the incremental way back from tokens to text.

Tokens of a byte-level vocabulary are pieces of UTF-8: one character may take several tokens, so the
text of a growing sequence cannot be had token by token. `IncrementalDecoder` decodes a small window
and hands out text only up to the last complete character.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_mlir.errors import InputError, TokenizerError

if TYPE_CHECKING:
    import tokenizers

__all__ = ["IncrementalDecoder", "Tokenizer"]

TOKENIZER_FILE = "tokenizer.json"
_REPLACEMENT = "\ufffd"
_REMEMBERED = 4096


class Tokenizer:
    """Text to token ids and back, through the library `tokenizers`. Usable from many threads."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        # A training set-up may have left these in the file; they would cut and pad prompts.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._texts: dict[int, str] = {}

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Tokenizer:
        """Reads the `tokenizer.json` of a model folder.

        Raises:
            TokenizerError: It is missing or malformed.
        """
        import tokenizers

        path = Path(folder) / TOKENIZER_FILE
        if not path.is_file():
            raise TokenizerError(f"{path}: no such file; without it, prompts must be token ids")
        try:
            return cls(tokenizers.Tokenizer.from_file(str(path)))
        except (KeyboardInterrupt, SystemExit):
            raise
        # The library raises plain `Exception`; where its Rust code panics, a `BaseException`.
        except BaseException as error:
            raise TokenizerError(f"{path}: not a valid tokenizer: {error}") from error

    @property
    def vocab_size(self) -> int:
        """Number of tokens, added ones included."""
        size: int = self._tokenizer.get_vocab_size(with_added_tokens=True)
        return size

    def encode(self, text: str) -> list[int]:
        """Returns the token ids of `text`, with the special tokens the tokenizer puts around it.

        Raises:
            InputError: `text` holds half of a surrogate pair, so it is no text.
        """
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"the prompt is not valid Unicode: {error}") from None
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of token ids, without special tokens."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return text

    def decode_context(self, ids: Sequence[int]) -> str:
        """Does as `decode`; remembers the text of single tokens."""
        if len(ids) != 1:
            return self.decode(ids)
        text = self._texts.get(ids[0])
        if text is None:
            if len(self._texts) >= _REMEMBERED:
                self._texts.clear()
            text = self._texts[ids[0]] = self.decode(ids)
        return text


class IncrementalDecoder:
    """The text of one continuation, as its tokens arrive.

    The pieces, put together, are what decoding all tokens at once gives, and none ends within a
    character.
    """

    def __init__(self, tokenizer: Tokenizer, prompt: Sequence[int] = ()) -> None:
        """Begins a continuation of `prompt`.

        What follows depends on what was before: whether a space leads, which character the prompt
        leaves incomplete.
        """
        self._tokenizer = tokenizer
        self._window = list(prompt)
        # The first `_done` tokens of the window are context: their text has been handed out.
        self._done = len(self._window)

    def step(self, token: int) -> str:
        """Takes the next token; returns the text that is complete with it, often none."""
        self._window.append(token)
        text, clean = self._pending()
        if not text or text.endswith(_REPLACEMENT):
            return ""
        if clean:  # else a character lies across the end of the prompt, and both parts are needed
            self._window = self._window[self._done :]
        self._done = len(self._window)
        return text

    def finish(self) -> str:
        """Returns what is left at the end, an incomplete character as U+FFFD."""
        text, _ = self._pending()
        self._done = len(self._window)
        return text

    def _pending(self) -> tuple[str, bool]:
        """Returns the text behind the context, and whether the context ends with a character."""
        context = self._tokenizer.decode_context(self._window[: self._done])
        # A character that the context begins and a new token completes is new text.
        complete = context.rstrip(_REPLACEMENT)
        return self._tokenizer.decode(self._window)[len(complete) :], complete == context
