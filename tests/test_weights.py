"""Weights to share survive the round trip; snapshots survive crashes, damage and full disks."""

import errno
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

import sdc_lib.weights
from sdc_lib.config import ModelConfig, PretrainConfig
from sdc_lib.model import SDC, build_model
from sdc_lib.training.checkpoints import (
    CheckpointError,
    CheckpointWarning,
    clean,
    list_checkpoints,
    load_newest,
    random_states,
    restore_random_states,
    save_checkpoint,
)
from sdc_lib.weights import available, export_model, load, load_config, read_about
from tests.small_runs import CONFIG, changed


def make_model(config: PretrainConfig = CONFIG, seed: int = 0) -> SDC:
    torch.manual_seed(seed)
    return build_model(config.model)


@pytest.mark.parametrize("shared", [False, True])
def test_exported_weights_come_back(tmp_path: Path, shared: bool) -> None:
    config = changed(model={"shared_codebooks": shared, "split_video_projection": shared})
    model = make_model(config)
    path = export_model(model, config, tmp_path / "m.safetensors", {"steps": "12"})
    state = torch.get_rng_state()
    again = load(path)
    assert torch.equal(torch.get_rng_state(), state)
    assert not again.training
    for name, tensor in model.state_dict().items():
        assert_close(again.state_dict()[name], tensor, rtol=0, atol=0)
    assert again.provenance["steps"] == "12"
    assert again.provenance["config"] == "test"
    assert again.provenance["source"] == str(path)
    assert len(again.provenance["sha256"]) == 64
    assert load_config(path) == config


def test_same_model_same_bytes(tmp_path: Path) -> None:
    about = {"steps": "1", "epochs": "2", "dataset": "x", "videos": "3"}
    paths = [
        export_model(make_model(), CONFIG, tmp_path / f"{i}.safetensors", about) for i in range(2)
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_memory_format_does_not_change_the_bytes(tmp_path: Path) -> None:
    model = make_model()
    plain = export_model(model, CONFIG, tmp_path / "plain.safetensors", {})
    model.backbone.to(memory_format=torch.channels_last_3d)
    assert export_model(model, CONFIG, tmp_path / "c.safetensors", {}).read_bytes() == (
        plain.read_bytes()
    )


@pytest.mark.parametrize("variable", ["SDC_WEIGHTS", "SDC_CHECKPOINTS"])
def test_models_are_found_by_name_and_by_run_folder(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    export_model(make_model(), CONFIG, tmp_path / "mine.safetensors", {})
    export_model(make_model(), CONFIG, tmp_path / "run" / "model.safetensors", {})
    assert available() == ["mine"]
    assert load("mine").provenance["source"].endswith("mine.safetensors")
    assert load(tmp_path / "run").provenance["source"].endswith("model.safetensors")
    with pytest.raises(ValueError, match=r"yours.*models in .*: mine"):
        load("yours")


def test_by_default_names_mean_files_of_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SDC_WEIGHTS", raising=False)
    monkeypatch.delenv("SDC_CHECKPOINTS", raising=False)
    found = Path(load("motion_factors_tiny").provenance["source"])
    assert found.parts[-3:] == ("data", "weights", "motion_factors_tiny.safetensors")


def test_the_older_folder_still_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SDC_WEIGHTS", raising=False)
    monkeypatch.delenv("SDC_CHECKPOINTS", raising=False)
    monkeypatch.setattr("sdc_lib.weights.files._DATA", tmp_path)
    export_model(make_model(), CONFIG, tmp_path / "checkpoints" / "old.safetensors", {})
    new = export_model(make_model(), CONFIG, tmp_path / "weights" / "new.safetensors", {})
    assert available() == ["new", "old"]
    assert load("old").provenance["source"].endswith("old.safetensors")
    assert sdc_lib.weights.resolve(tmp_path / "checkpoints" / "new.safetensors") == new


def test_shipped_weights_of_earlier_versions_load() -> None:
    assert [load_config(name).data.fold for name in available()] == [1] * len(available())


def test_foreign_files_are_refused_with_the_way_out(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"no sdc_lib configuration.*load_released_weights"):
        load(tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("not weights")
    with pytest.raises(ValueError, match=r"text.safetensors is not a safetensors file, or damaged"):
        load(tmp_path / "text.safetensors")


def test_weights_that_do_not_fit_their_configuration_are_refused(tmp_path: Path) -> None:
    config = changed(model={"num_concepts": 11})
    path = export_model(make_model(), config, tmp_path / "m.safetensors", {})
    with pytest.raises(ValueError, match="does not fit its own configuration"):
        load(path)


def test_metadata_is_one_entry_of_json(tmp_path: Path) -> None:
    path = export_model(make_model(), CONFIG, tmp_path / "m.safetensors", {"b": "1", "a": "2"})
    config, about = read_about(path)
    assert config.model == ModelConfig("tiny", 10, 8)
    assert about == {"b": "1", "a": "2"}
    header = path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")]
    assert list(json.loads(header)["__metadata__"]) == ["sdc"]


def test_the_newest_two_snapshots_are_kept(tmp_path: Path) -> None:
    for step in (2, 4, 10):
        save_checkpoint(tmp_path, step, {"step": step, "w": torch.full((3,), float(step))})
    assert [path.name[:13] for path in list_checkpoints(tmp_path)] == [
        "step_00000010",
        "step_00000004",
    ]
    newest = load_newest(tmp_path)
    assert newest is not None
    assert newest.state["step"] == 10
    assert_close(newest.state["w"], torch.full((3,), 10.0))


def test_no_snapshots_is_not_an_error(tmp_path: Path) -> None:
    assert load_newest(tmp_path) is None
    assert load_newest(tmp_path / "missing") is None


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_snapshot_falls_back_with_a_warning(tmp_path: Path, damage: str) -> None:
    save_checkpoint(tmp_path, 2, {"step": 2})
    path = save_checkpoint(tmp_path, 4, {"step": 4, "w": torch.zeros(100)})
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes({"cut": bytes(data[:-100]), "flip": bytes(data), "empty": b""}[damage])
    with pytest.warns(CheckpointWarning, match=r"step_00000004.* is damaged"):
        found = load_newest(tmp_path)
    assert found is not None
    assert found.state["step"] == 2
    assert list_checkpoints(tmp_path) == [found.path]  # the damaged one no longer counts


def test_only_damaged_snapshots_are_an_error_every_time(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 2, {"step": 2}).write_bytes(b"x")
    for _ in range(2):
        with (
            pytest.warns(CheckpointWarning),
            pytest.raises(CheckpointError, match="all 1 checkpoints"),
        ):
            load_newest(tmp_path)


def test_a_full_disk_leaves_the_old_snapshot_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = save_checkpoint(tmp_path, 2, {"step": 2})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sdc_lib.support.files.os.fsync", full)
    with pytest.raises(CheckpointError, match=r"No space left.*MB are free.*step_00000002") as info:
        save_checkpoint(tmp_path, 4, {"step": 4})
    assert "Free space" in str(info.value)
    assert list(tmp_path.iterdir()) == [old]


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"cannot write checkpoint .*there is no older one"):
        save_checkpoint(tmp_path / "file" / "checkpoints", 4, {"step": 4})


def test_what_an_interrupted_save_left_is_removed(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 2, {"step": 2})
    (tmp_path / ".step_00000004.0123456789abcdef.77.part.pt").write_bytes(b"half")
    clean(tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".pt"]
    clean(tmp_path / "missing")


def test_random_states_go_through_a_snapshot(tmp_path: Path) -> None:
    def draw() -> tuple[float, float, float]:
        return float(torch.rand(())), float(np.random.rand()), random.random()  # noqa: NPY002

    save_checkpoint(tmp_path, 1, random_states())
    expected = draw()
    assert draw() != expected
    found = load_newest(tmp_path)
    assert found is not None
    restore_random_states(found.state)
    assert draw() == expected
