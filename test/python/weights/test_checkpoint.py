"""Model folders: single files, shards with their index, and the match of names to a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gpt_mlir.errors import CheckpointError
from gpt_mlir.weights import Checkpoint, WeightNaming, match_weights

NAMING = WeightNaming(
    prefix="model.",
    aliases={"out.weight": "head.weight"},
    ignored=(r"layers\.\d+\.mask",),
    tied={"spare.weight": "embed.weight"},
)
SHAPES = {"model.embed.weight": (4, 2), "model.layers.0.w": (2,), "head.weight": (4, 2)}


def tensors(**changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """The tensors of `SHAPES`, with some replaced, added or (None) taken away."""
    stored = {name: torch.ones(shape) for name, shape in SHAPES.items()} | changes
    return {name: tensor for name, tensor in stored.items() if tensor is not None}


def folder_with(path: Path, stored: dict[str, torch.Tensor]) -> Checkpoint:
    save_file(stored, path / "model.safetensors")
    return Checkpoint.open(path)


def write_shards(path: Path) -> dict[str, str]:
    """Writes two shards and their index; returns the index's weight map."""
    weight_map = {}
    for number, names in enumerate((["a", "b"], ["c"]), 1):
        shard = f"model-0000{number}-of-00002.safetensors"
        save_file({name: torch.full((2,), ord(name)) for name in names}, path / shard)
        weight_map |= dict.fromkeys(names, shard)
    write_index(path, {"metadata": {"total_size": 48}, "weight_map": weight_map})
    return weight_map


def write_index(path: Path, index: object) -> None:
    text = index if isinstance(index, str) else json.dumps(index)
    (path / "model.safetensors.index.json").write_text(text)


def test_single_file(tmp_path: Path) -> None:
    checkpoint = folder_with(tmp_path, tensors())
    assert set(checkpoint.tensors) == set(SHAPES)
    assert checkpoint.nbytes == 4 * (8 + 2 + 8)
    np.testing.assert_array_equal(checkpoint.array("head.weight"), np.ones((4, 2)))


def test_shards(tmp_path: Path) -> None:
    write_shards(tmp_path)
    checkpoint = Checkpoint.open(tmp_path)
    assert {name: checkpoint.array(name)[0] for name in checkpoint.tensors} == {
        "a": ord("a"),
        "b": ord("b"),
        "c": ord("c"),
    }


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="gone: no such folder"):
        Checkpoint.open(tmp_path / "gone")


def test_no_weights(tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"expected model.safetensors or model.safetensors.index.json$"
    ):
        Checkpoint.open(tmp_path)


def test_other_format(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(CheckpointError, match=r"found pytorch_model.bin, which must be converted"):
        Checkpoint.open(tmp_path)


def test_missing_shard(tmp_path: Path) -> None:
    write_shards(tmp_path)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(
        CheckpointError, match=r"shards are missing: model-00002-of-00002.safetensors"
    ):
        Checkpoint.open(tmp_path)


def test_names_of_shards_that_no_file_can_have(tmp_path: Path) -> None:
    write_index(tmp_path, {"weight_map": {"a": "a" * 300}})
    with pytest.raises(CheckpointError, match="shards are missing: aaa"):
        Checkpoint.open(tmp_path)


def test_index_names_what_the_shard_lacks(tmp_path: Path) -> None:
    weight_map = write_shards(tmp_path)
    write_index(tmp_path, {"weight_map": weight_map | {"d": weight_map["a"]}})
    with pytest.raises(
        CheckpointError, match=r"not in the shard named: 'd' \(model-00001-of-00002.safetensors\)"
    ):
        Checkpoint.open(tmp_path)


def test_shard_holds_what_the_index_does_not_name(tmp_path: Path) -> None:
    weight_map = write_shards(tmp_path)
    del weight_map["b"]
    write_index(tmp_path, {"weight_map": weight_map})
    with pytest.raises(CheckpointError, match=r"not listed: 'b' \(model-00001-of-00002"):
        Checkpoint.open(tmp_path)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ([], "expected an object 'weight_map'"),
        ({}, "expected an object 'weight_map'"),
        ({"weight_map": {}}, "expected an object 'weight_map'"),
        ({"weight_map": {"a": 3}}, "tensor 'a' expected the name of a file in the same folder, f"),
        ({"weight_map": {"a": "../a.safetensors"}}, "found '../a.safetensors'"),
        ({"weight_map": {"a": "/etc/passwd"}}, "found '/etc/passwd'"),
        ({"weight_map": {"a": ".."}}, "found '..'"),
    ],
)
def test_malformed_index(tmp_path: Path, index: object, message: str) -> None:
    write_index(tmp_path, index)
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.open(tmp_path)


def test_match_in_the_order_of_the_model(tmp_path: Path) -> None:
    found = match_weights(folder_with(tmp_path, tensors()), SHAPES, NAMING)
    assert list(found) == list(SHAPES)
    assert all(info.name == name for name, info in found.items())


def test_match_of_other_spellings(tmp_path: Path) -> None:
    stored = {
        "embed.weight": torch.ones(4, 2),
        "layers.0.w": torch.ones(2),
        "out.weight": torch.ones(4, 2),
        "layers.0.mask": torch.ones(1, 1, dtype=torch.uint8),
        "model.spare.weight": torch.ones(4, 2),
    }
    found = match_weights(folder_with(tmp_path, stored), SHAPES, NAMING)
    assert {name: info.name for name, info in found.items()} == {
        "model.embed.weight": "embed.weight",
        "model.layers.0.w": "layers.0.w",
        "head.weight": "out.weight",
    }


@pytest.mark.parametrize(
    "spare", [torch.zeros(4, 2), torch.ones(9), torch.ones(4, 2, dtype=torch.bfloat16)]
)
def test_tied_tensors_are_equal(tmp_path: Path, spare: torch.Tensor) -> None:
    stored = tensors(**{"spare.weight": spare})
    with pytest.raises(
        CheckpointError, match=r"'spare.weight' expected to equal 'model.embed.weight', as tie_"
    ):
        match_weights(folder_with(tmp_path, stored), SHAPES, NAMING)


def test_every_misfit_is_named(tmp_path: Path) -> None:
    stored = tensors(
        **{
            "head.weight": None,
            "model.embed.weight": torch.ones(4, 3),
            "model.layers.0.w": torch.ones(2, dtype=torch.float64),
            "model.layers.1.w": torch.ones(2),
        }
    )
    with pytest.raises(CheckpointError) as caught:
        match_weights(folder_with(tmp_path, stored), SHAPES, NAMING)
    assert str(caught.value).splitlines() == [
        f"{tmp_path}: does not fit the model:",
        "  missing tensors: 'head.weight' [4, 2]",
        "  tensors of wrong shape: 'model.embed.weight' expected [4, 2], found [4, 3]",
        "  tensors of wrong dtype: 'model.layers.0.w' expected one of F32, BF16, F16, found F64",
        "  unknown tensors: 'model.layers.1.w'",
    ]


def test_same_tensor_under_two_names(tmp_path: Path) -> None:
    stored = tensors(**{"embed.weight": torch.ones(4, 2)})
    with pytest.raises(CheckpointError, match=r"unknown tensors: '(model.)?embed.weight'$"):
        match_weights(folder_with(tmp_path, stored), SHAPES, NAMING)


def test_long_lists_are_cut(tmp_path: Path) -> None:
    stored = tensors(**{f"extra.{i}": torch.ones(1) for i in range(25)})
    with pytest.raises(CheckpointError, match=r"'extra.0', .* and 15 more$"):
        match_weights(folder_with(tmp_path, stored), SHAPES, NAMING)
