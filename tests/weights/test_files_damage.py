"""Nothing that is damaged, not finite or untrained is written or loaded without a word."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import pytest
import torch

from sdc_lib.model import SDC, build_model
from sdc_lib.weights import export_model, is_written, load
from tests.helpers.small_runs import CONFIG

ABOUT = {"steps": "12"}


@pytest.fixture
def model() -> SDC:
    torch.manual_seed(0)
    return build_model(CONFIG.model)


@pytest.fixture
def path(model: SDC, tmp_path: Path) -> Path:
    return export_model(model, CONFIG, tmp_path / "run" / "model.safetensors", ABOUT)


@pytest.mark.parametrize("damage", ["cut", "empty", "header", "flipped"])
@pytest.mark.parametrize("checkpoints", [True, False])
def test_a_damaged_file_is_noticed_with_the_way_to_have_it_again(
    damage: str, checkpoints: bool, path: Path
) -> None:
    assert is_written(path, ABOUT)
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[-5] ^= 1  # the header and all lengths stay right
    path.write_bytes(
        bytes({"cut": data[:-100], "empty": b"", "header": b"\xff" * 64, "flipped": data}[damage])
    )
    if checkpoints:
        (path.parent / "checkpoints").mkdir()
    again = r"start the `sdc pretrain` command" if checkpoints else "copy it again"
    with pytest.raises(ValueError, match=rf"model\.safetensors is .*damaged.*; {again}") as error:
        load(path)
    assert "\n" not in str(error.value)
    assert not is_written(path, ABOUT)


def test_only_whole_files_of_the_same_run_count_as_written(path: Path) -> None:
    assert not is_written(path, {"steps": "13"})
    assert not is_written(path.with_name("other.safetensors"), ABOUT)


def test_files_without_a_digest_still_load(path: Path) -> None:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    about = json.loads(header["__metadata__"]["sdc"])
    del about["tensors"]
    header["__metadata__"]["sdc"] = json.dumps(about)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    assert load(path).provenance["steps"] == "12"
    assert is_written(path, ABOUT)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_not_written(
    value: float, model: SDC, tmp_path: Path
) -> None:
    with torch.no_grad():
        next(model.heads.parameters()).flatten()[0] = value
    with pytest.raises(ValueError, match=r"1 of \d+ weights are not finite, heads\..*not written"):
        export_model(model, CONFIG, tmp_path / "m.safetensors", ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_finite_are_not_loaded(
    model: SDC, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.no_grad():
        next(model.heads.parameters()).flatten()[0] = math.nan
    with monkeypatch.context() as patch:  # as an earlier version would have written them
        patch.setattr("sdc_lib.weights.files.not_finite", lambda _: [])
        path = export_model(model, CONFIG, tmp_path / "m.safetensors", ABOUT)
    with pytest.raises(ValueError, match=r"m\.safetensors holds weights that are not finite, 1 of"):
        load(path)


def test_untrained_weights_are_named(model: SDC, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"m\.safetensors: these weights are untrained, 0 st"):
            export_model(model, CONFIG, path, {"steps": "0"})
    with pytest.warns(UserWarning, match="untrained"):
        load(path)


def test_a_header_of_another_version_is_one_line(path: Path) -> None:
    data = path.read_bytes().replace(b'\\"seed\\"', b'\\"sede\\"')
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"no configuration of this version: unknown setting: se"):
        load(path)
