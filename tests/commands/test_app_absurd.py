"""Absurd values: every number of every setting and every flag is right, or refused in one line."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from sdc_lib.commands.app import main
from sdc_lib.commands.atlas import Atlas
from sdc_lib.commands.data import CheckData, MakeMotionFactors, PrepareData
from sdc_lib.commands.evaluation import Evaluate
from sdc_lib.commands.pretrain import Pretrain
from sdc_lib.commands.search import Embed, Search
from sdc_lib.config import DataConfig, PretrainConfig, check_config
from sdc_lib.evaluation.baselines import SupervisedConfig
from sdc_lib.evaluation.protocols import EvalSettings
from sdc_lib.support.settings import check_settings

SETTINGS = (
    PretrainConfig(),
    EvalSettings(),  # clips, the linear probe and online training are inside
    SupervisedConfig(),
)
COMMANDS = (
    Evaluate("weights"),
    Embed("weights", Path("videos"), Path("out.npz")),
    Search(Path("out.npz"), Path("query.mp4")),
    Atlas("weights"),
    Pretrain(),
    MakeMotionFactors(),
    CheckData(Path("root"), "folder"),
    PrepareData(Path("from"), Path("to")),
)
ZERO_IS_RIGHT = {
    *("data.workers", "workers", "data.cache_mb", "cache_mb", "seed", "augment.seed"),
    *("data.augment.flip", "data.augment.grayscale", "data.augment.hue", "data.max_replaced"),
    *("data.augment.brightness", "data.augment.contrast", "data.augment.saturation"),
    *("weights.contrast", "weights.align", "weights.diversity", "weights.fidelity"),
    *("weights.local", "objective.filter_top_k"),
    *("optim.weight_decay", "optim.warmup_epochs", "optim.stored_passes", "optim.milestones"),
    *("curriculum.queue_size", "curriculum.queue_from_epoch", "curriculum.local_from_epoch"),
    *("curriculum.codebooks_from_epoch", "curriculum.decorrelation"),
    *("curriculum.decorrelation_from_epoch", "curriculum.decorrelation_ramp_epochs"),
    *("weight_decay", "milestones", "backbone_lr", "dropout", "flip", "validation"),
    "max_replaced",
    *("augment.flip", "augment.grayscale", "augment.hue"),
    *("augment.brightness", "augment.contrast", "augment.saturation"),
}
"""Settings for which 0 has a meaning; the others refuse it."""


def numbers(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name and value of every field that takes numbers, by its type, not by its range."""
    hints = get_type_hints(type(settings))
    for field in dataclasses.fields(settings):
        value, hint = getattr(settings, field.name), hints[field.name]
        if dataclasses.is_dataclass(value):
            # the flags of the configuration have no prefix
            inner = prefix if field.name == "config" else f"{prefix}{field.name}."
            yield from numbers(value, inner)
        elif {int, float} & {hint, *get_args(hint)}:
            yield prefix + field.name, value


def changed(settings: Any, name: str, value: Any) -> Any:
    """The same settings with another value in one place."""
    first, _, rest = name.partition(".")
    if not hasattr(settings, first):  # a field of the configuration inside a command
        return replace(settings, config=changed(settings.config, name, value))
    if rest:
        return replace(settings, **{first: changed(getattr(settings, first), rest, value)})
    kind = get_type_hints(type(settings))[first]
    if get_origin(kind) is tuple and not isinstance(value, tuple):
        value = (value,) * len(getattr(settings, first))
    return replace(settings, **{first: value})


IN_CONFIG = {name for name, _ in numbers(PretrainConfig())}
FIELDS = [
    pytest.param(settings, name, id=f"{type(settings).__name__}-{name}")
    for settings in (*SETTINGS, *COMMANDS)
    for name, _ in numbers(settings)
    if not (isinstance(settings, Pretrain) and name in IN_CONFIG)  # tried already
]


def test_the_walk_sees_all_kinds_of_fields() -> None:
    names = [str(field.values[1]) for field in FIELDS]
    assert {"optim.lr", "data.augment.crop_scale", "optim.stored_grid", "max_steps"} <= set(names)
    assert {"clips.num_frames", "linear.weight_decay", "finetune.backbone_lr"} <= set(names)
    assert len(names) > 100
    assert {name for name, _ in numbers(Pretrain())} > IN_CONFIG


@pytest.mark.parametrize(("settings", "name"), FIELDS)
def test_no_number_is_without_limits(settings: Any, name: str) -> None:
    check_settings(settings)
    too_low = -2 if name == "data.workers" else -1  # -1 is one for each core that is left
    for value in (too_low, math.nan, math.inf, 10**30, 1e30):
        with pytest.raises(ValueError) as error:  # noqa: PT011  # compared below
            check_settings(changed(settings, name, value))
        line = str(error.value)
        assert line.startswith(f"{name} is ")
        assert "it must be" in line
        assert "\n" not in line


@pytest.mark.parametrize(("settings", "name"), FIELDS)
def test_zero_is_right_only_where_it_means_something(settings: Any, name: str) -> None:
    known = name.split(".", 1)[1] if name.startswith(("linear.", "online.", "finetune.")) else name
    zero = changed(settings, name, 0)
    if known in ZERO_IS_RIGHT:
        check_settings(zero)
    else:
        with pytest.raises(ValueError, match=r" is .*0.*; it must be "):
            check_settings(zero)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("data.augment.crop_scale", (0.9, 0.1), "the smaller share must come first"),
        ("optim.milestones", (5, 3), "every one must be above the last"),
        ("objective.filter_top_k", 101, "must be at most model.num_concepts, 100"),
        ("objective.filter_top_k", 1, "no concept is above the strongest"),
        ("optim.stored_passes", 2, "set optim.freeze_backbone"),
        ("data.own_strides", True, "not both"),
    ],
)
def test_settings_that_do_not_go_together(name: str, value: Any, line: str) -> None:
    with pytest.raises(ValueError, match=line) as error:
        check_config(changed(PretrainConfig(data=DataConfig(same_frames=True)), name, value))
    assert str(error.value).startswith(name)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            "pretrain ucf101 --out RUN --optim.batch-size -1",
            "--optim.batch-size is -1",
        ),
        ("pretrain ucf101 --out RUN --optim.lr nan", "--optim.lr is nan"),
        ("pretrain ucf101 --out RUN --optim.epochs 0", "--optim.epochs is 0"),
        ("pretrain ucf101 --out RUN --max-steps 0", "--max-steps is 0"),
        ("evaluate random:ucf101 --batch-size 0 --results-dir RUN", "--batch-size is 0"),
        ("evaluate random:ucf101 --fold 0 --cache-dir RUN", "--fold is 0"),
        ("embed weights videos --out RUN --workers -1", "--workers is -1"),
        ("search file query --top 0", "--top is 0"),
        ("atlas weights --out RUN --top -3", "--top is -3"),
        ("atlas weights --out RUN --top 1000000", "--top is 1000000"),
    ],
)
def test_the_command_line_refuses_before_anything_is_written(
    words: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "run") if word == "RUN" else word for word in words.split()]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"sdc: {line}; it must be ")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("embed weights videos --out RUN --batch-size 1.5", "--batch-size is '1.5'; W a whole N"),
        ("search file query --top nan", "--top is 'nan'; W a whole N"),
        ("data make motion-factors --root RUN --seed 1e9", "--seed is '1e9'; W a whole N"),
        ("data check RUN --dataset folder --timeout soon", "--timeout is 'soon'; W a N"),
        ("data prepare from RUN --quality=best", "--quality is 'best'; W a whole N"),
        ("evaluate weights --epochs few --cache-dir RUN", "--epochs is 'few'; W a whole N"),
        ("pretrain ucf101 --out RUN --optim.lr fast", "--optim.lr is 'fast'; W a N"),
        ("atlas weights --out RUN --split rest", "--split is 'rest'; W one of train, val, test"),
        (
            "data check RUN --dataset kinetics",
            "--dataset is 'kinetics'; W one of motion-factors, ucf101, hmdb51, diving48, "
            "kinetics400, folder, csv",
        ),
    ],
)
def test_what_is_no_number_or_no_choice_is_told_in_the_same_words(
    words: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path / "run") if word == "RUN" else word for word in words.split()])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    right = line.replace(" W ", " it must be ").replace(" N", " number")
    assert error.startswith(f"sdc: {right}")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("data make motion-factors --root ?", "--root"),
        ("data make motion-factors --root=", "--root"),
        ("data prepare ? there", "an argument"),
        ("embed weights ? --out file", "an argument"),
        ("atlas weights --data-dir ?", "--data-dir"),
        ("pretrain ucf101 --out ?", "--out"),
    ],
)
def test_an_empty_word_is_not_the_current_folder(
    words: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["" if word == "?" else word for word in words.split()]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"sdc: {name} is ''; it must not be empty")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


LONG = "n" * 300


@pytest.mark.parametrize(
    "words",
    [
        f"embed {LONG} videos --out file",
        f"embed weights videos --out {LONG}",
        f"search {LONG} query",
        f"data make motion-factors --root {LONG}",
        f"data check {LONG} --dataset folder",
        f"data prepare {LONG} there",
        f"evaluate {LONG}",
        f"evaluate random:ucf101 --results-dir there --name {LONG}",
        f"evaluate random:ucf101 --cache-dir {LONG}",
        f"atlas {LONG}",
        f"atlas weights --out {LONG}",
        f"pretrain ucf101 --out {LONG}",
    ],
)
def test_a_name_that_is_too_long_is_one_line(
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == 1
    error = capsys.readouterr().err
    assert LONG in error
    assert "name too long" in error.lower()
    assert "Errno" not in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
