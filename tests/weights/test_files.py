"""Weights to share survive the round trip, are found by name, others are refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from sdc_lib.config import ModelConfig, PretrainConfig
from sdc_lib.model import SDC, build_model
from sdc_lib.weights import available, export_model, load, load_config, read_about, resolve
from tests.helpers.small_runs import CONFIG, changed

SHIPPED = ("motion_factors_small", "motion_factors_small_decorrelated")


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


def test_a_run_that_has_not_ended_is_no_unknown_name(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run" / "checkpoints" / "step_00000007.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"PK")
    with pytest.raises(ValueError, match="run has not ended, and has no weights yet: start its"):
        load(tmp_path / "run")
    with pytest.raises(ValueError, match=r"is a checkpoint.* its weights are the file .*run.model"):
        load(checkpoint)


def test_by_default_names_mean_files_of_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SDC_WEIGHTS", raising=False)
    monkeypatch.delenv("SDC_CHECKPOINTS", raising=False)
    found = Path(load("motion_factors_small").provenance["source"])
    assert found.parts[-3:] == ("data", "weights", "motion_factors_small.safetensors")


def test_the_older_folder_still_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SDC_WEIGHTS", raising=False)
    monkeypatch.delenv("SDC_CHECKPOINTS", raising=False)
    monkeypatch.setattr("sdc_lib.weights.files._DATA", tmp_path)
    export_model(make_model(), CONFIG, tmp_path / "checkpoints" / "old.safetensors", {})
    new = export_model(make_model(), CONFIG, tmp_path / "weights" / "new.safetensors", {})
    assert available() == ["new", "old"]
    assert load("old").provenance["source"].endswith("old.safetensors")
    assert resolve(tmp_path / "checkpoints" / "new.safetensors") == new


def test_shipped_weights_of_earlier_versions_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SDC_WEIGHTS", raising=False)
    monkeypatch.delenv("SDC_CHECKPOINTS", raising=False)
    assert set(SHIPPED) <= set(available())
    for name in SHIPPED:
        assert load_config(name).data.fold == 1
        assert load(name).provenance["config"] == load_config(name).name


def test_foreign_files_are_refused_with_the_way_out(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"no sdc_lib configuration.*load_released_weights"):
        load(tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("not weights")
    with pytest.raises(
        ValueError, match=r"text\.safetensors is a text file, not a safetensors file$"
    ):
        load(tmp_path / "text.safetensors")
    torch.save({"step": 1}, tmp_path / "mine.pt")
    with pytest.raises(
        ValueError, match=r"mine\.pt is a file of torch\.save, .*model\.safetensors"
    ):
        load(tmp_path / "mine.pt")


def test_weights_that_do_not_fit_their_configuration_are_refused(tmp_path: Path) -> None:
    path = export_model(make_model(), CONFIG, tmp_path / "m.safetensors", {})
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["sdc"])
    about["config"]["model"]["num_concepts"] = 11
    save_file(load_file(path), path, {"sdc": json.dumps(about)})
    with pytest.raises(ValueError, match="does not fit its own configuration"):
        load(path)


@pytest.mark.parametrize("section", [{"projection_dim": 16}, {"split_video_projection": True}])
def test_what_could_not_be_loaded_is_not_written(tmp_path: Path, section: dict[str, int]) -> None:
    other = changed(model=section)
    with pytest.raises(ValueError, match=r"not written.*configuration 'test' it is") as refused:
        export_model(make_model(), other, tmp_path / "m.safetensors", {})
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_metadata_is_one_entry_of_json(tmp_path: Path) -> None:
    path = export_model(make_model(), CONFIG, tmp_path / "m.safetensors", {"b": "1", "a": "2"})
    config, about = read_about(path)
    assert config.model == ModelConfig("tiny", 10, 8)
    assert about == {"b": "1", "a": "2"}
    header = path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")]
    assert list(json.loads(header)["__metadata__"]) == ["sdc"]
