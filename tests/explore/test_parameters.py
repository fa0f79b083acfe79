"""A wrong parameter of a notebook is one line."""

import re
from pathlib import Path

import pytest

from sdc_lib.explore.parameters import ParameterError, check_parameters, choose_preset
from tests.datasets import trees


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"profile": "fast"}, "PROFILE is 'fast'; it must be one of cpu, gpu, rehearsal"),
        ({"device": "tpu"}, "DEVICE: the device is 'tpu'; it must be auto"),
        ({"data_dir": "nowhere"}, "DATA_DIR is 'nowhere', but there is no such folder"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, str], said: str, tmp_path: Path) -> None:
    values = {"profile": "cpu", "device": "cpu", "data_dir": str(tmp_path), **wrong}
    with pytest.raises(ParameterError) as raised:
        check_parameters(**values)
    assert str(raised.value).startswith(said)
    assert raised.value._render_traceback_() == [f"ParameterError: {raised.value}"]


def test_a_gpu_profile_needs_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sdc_lib.explore.parameters.pick_device", lambda name: "cpu")
    with pytest.raises(ParameterError, match="torch finds no GPU here; use PROFILE='rehearsal'"):
        check_parameters("gpu", "auto", str(tmp_path))
    assert check_parameters("gpu", "cpu", str(tmp_path)) == "cpu"


def test_right_values_give_the_device(tmp_path: Path) -> None:
    assert check_parameters("cpu", "cpu", str(tmp_path)) == "cpu"


def test_the_preset_follows_the_data(tmp_path: Path) -> None:
    assert choose_preset("", str(tmp_path)) == "motion_factors"
    assert choose_preset("", str(tmp_path), "motion_factors_tiny") == "motion_factors_tiny"
    trees.ucf101(tmp_path / "ucf101")
    assert choose_preset("", str(tmp_path)) == "ucf101"
    assert choose_preset("motion_factors_small", str(tmp_path)) == "motion_factors_small"


def test_a_data_set_that_is_not_whole_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="the official lists of UCF-101 not found"):
        choose_preset("ucf101", str(tmp_path))
    (tmp_path / "ucf101" / "UCF-101").mkdir(parents=True)
    expected = re.escape(str(tmp_path / "ucf101" / "ucfTrainTestlist"))
    with pytest.raises(ParameterError, match=rf"DATA_DIR is .* expected {expected}$"):
        choose_preset("", str(tmp_path))


def test_an_unknown_preset_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="PRESET is 'big'; it must be one of motion_factors"):
        choose_preset("big", str(tmp_path))
