"""From tokens to text: nothing breaks a character, and stop strings end the text before them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from gpt_mlir.errors import InputError, TokenizerError
from gpt_mlir.generation import IncrementalDecoder, Tokenizer
from gpt_mlir.generation.stopping import StopText

TEXTS = [
    "plain words, and more of them",
    "naïve café — “quotes” … 日本語のテキスト",
    "emoji 👩‍👩‍👧‍👦 🏳️‍🌈 and flags 🇫🇷🇯🇵",
    "  leading, trailing and\n\n\tother  space  ",
    "replacement \ufffd character \ufffd\ufffd",
    "नमस्ते दुनिया, مرحبا",
]


def byte_level() -> Tokenizer:
    """A byte-level tokenizer that has merged little: most characters are several tokens."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS[:1] * 4 + TEXTS[1:2], trainer)
    return Tokenizer(tokenizer)


def byte_fallback() -> Tokenizer:
    """A tokenizer as LLaMA's first two: words, single bytes for the rest, `▁` for a space."""
    vocab = {"<s>": 0, "<unk>": 1} | {f"<0x{byte:02X}>": byte + 2 for byte in range(256)}
    for piece in ("▁", "a", "b", "▁a", "ab"):
        vocab[piece] = len(vocab)
    merges = [("▁", "a"), ("a", "b")]
    tokenizer = tokenizers.Tokenizer(
        models.BPE(vocab, merges, byte_fallback=True, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens(["<s>"])
    return Tokenizer(tokenizer)


TOKENIZERS = {"byte level": byte_level(), "byte fallback": byte_fallback()}


def pieces_of(tokenizer: Tokenizer, prompt: list[int], ids: list[int]) -> list[str]:
    decoder = IncrementalDecoder(tokenizer, prompt)
    return [*map(decoder.step, ids), decoder.finish()]


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("text", TEXTS)
def test_pieces_make_the_text(kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode(text)
    pieces = pieces_of(tokenizer, [], ids)
    assert "".join(pieces) == tokenizer.decode(ids)
    if "\ufffd" not in text:
        assert all("\ufffd" not in piece for piece in pieces)


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("text", TEXTS)
def test_continuation_at_every_place(kind: str, text: str) -> None:
    """A prompt may end within a character, which then belongs to what follows."""
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer.encode(text)
    whole = tokenizer.decode(ids)
    for cut in range(1, len(ids)):
        continuation = "".join(pieces_of(tokenizer, ids[:cut], ids[cut:]))
        assert whole.endswith(continuation)
        prompt = tokenizer.decode(ids[:cut]).rstrip("\ufffd")
        assert prompt + continuation == whole or "\ufffd" in whole


def test_any_bytes_at_all() -> None:
    tokenizer = TOKENIZERS["byte level"]
    generator = random.Random(0)
    for _ in range(300):
        ids = [generator.randrange(1, tokenizer.vocab_size) for _ in range(20)]
        assert "".join(pieces_of(tokenizer, [], ids)) == tokenizer.decode(ids)


def test_special_tokens_have_no_text() -> None:
    tokenizer = TOKENIZERS["byte level"]
    ids = tokenizer.encode("ab")
    assert "".join(pieces_of(tokenizer, ids, [0, *ids, 0])) == "ab"


def test_incomplete_character_at_the_end() -> None:
    tokenizer = TOKENIZERS["byte level"]
    ids = tokenizer.encode("é")[:-1] or tokenizer.encode("日")[:-1]
    pieces = pieces_of(tokenizer, [], ids)
    assert pieces[-1] == "\ufffd"
    assert not any(pieces[:-1])


def test_settings_of_training_are_not_applied(tmp_path: Path) -> None:
    raw = tokenizers.Tokenizer.from_str(TOKENIZERS["byte level"]._tokenizer.to_str())
    raw.enable_truncation(3)
    raw.enable_padding(length=50)
    raw.save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer.open(tmp_path)
    assert tokenizer.decode(tokenizer.encode("abcdefgh")) == "abcdefgh"


def test_missing_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"tokenizer.json: no such file; without it"):
        Tokenizer.open(tmp_path)


# The library panics: the prefix is longer than what it is cut off from.
PANIC = json.dumps(
    {
        "model": {
            "type": "BPE",
            "vocab": {"a": 0, "b": 1, "ab": 2},
            "merges": [["a", "b"]],
            "continuing_subword_prefix": "xxxxx",
        }
    }
)


@pytest.mark.parametrize("text", ["", "{}", "{", '{"model": {"type": "Nonsense"}}', PANIC])
def test_malformed_tokenizer(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(TokenizerError, match=r"tokenizer.json: not a valid tokenizer: "):
        Tokenizer.open(tmp_path)


# Stop strings.


def stopped(pieces: list[str], *stops: str) -> tuple[str, bool]:
    """Feeds pieces; checks that nothing is shown that would have to be taken back."""
    stop = StopText(stops)
    shown = ""
    whole = "".join(pieces)
    ends = [(i + len(s), i) for s in stops if (i := whole.find(s)) >= 0]
    first = min(ends)[1] if ends else len(whole)
    for piece in pieces:
        shown += stop.push(piece)
        assert whole[:first].startswith(shown)
    return shown + stop.finish(), stop.found


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        ("to be or not", ("or",), "to be "),
        ("to be or not", ("not", "be"), "to "),
        ("to be or not", ("nothing", "beer"), None),
        ("aaab", ("aab",), "a"),
        ("ababac", ("abac",), "ab"),
        ("x", ("x",), ""),
        ("\n\nROMEO:\nxyz", ("\n\nROMEO:",), ""),
        ("A\nA", ("\n", "A\nA"), "A"),
        ("xyz", ("yz", "xyz"), ""),
    ],
)
def test_stop(text: str, stops: tuple[str, ...], expected: str | None, size: int) -> None:
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert stopped(pieces, *stops) == ((text, False) if expected is None else (expected, True))


def test_nothing_is_held_back_without_need() -> None:
    stop = StopText(["stop"])
    assert stop.push("go st") == "go "
    assert stop.push("and") == "stand"
    assert stop.push("sto") == ""
    assert stop.finish() == "sto"


def test_no_text_behind_a_stop() -> None:
    stop = StopText(["."])
    assert stop.push("one. two") == "one"
    assert stop.push("three") == ""
    assert stop.finish() == ""


@pytest.mark.parametrize("bad", ["", None, 3])
def test_illegal_stop(bad: object) -> None:
    with pytest.raises(InputError, match="stop expected strings that are not empty"):
        StopText([bad])  # type: ignore[list-item]
