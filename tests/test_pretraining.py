"""A run in a folder: what it writes, how it goes on, and that each setting does its part."""

import dataclasses
import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from sdc_lib import pretraining
from sdc_lib.config import PretrainConfig, from_dict
from sdc_lib.model import build_model
from sdc_lib.terms import TERMS
from sdc_lib.training.alarms import CollapseAlarm, CollapseWarning
from sdc_lib.training.checkpoints import list_checkpoints, read_checkpoint, save_checkpoint
from sdc_lib.training.log import COLUMNS, TIMINGS, Row
from sdc_lib.training.step import Losses, compute_losses
from sdc_lib.weights import load
from tests.helpers.small_runs import CONFIG, Train, changed, make_videos, read_log, weights


def test_a_run_leaves_what_was_promised(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Row] = []
    result = train(max_steps=7, save_every=2, on_step=seen.append)
    folder = result.folder
    assert result.finished
    assert (result.step, result.steps_per_epoch) == (7, 3)
    assert from_dict(PretrainConfig, json.loads((folder / "config.json").read_text())) == CONFIG
    assert [path.name[:13] for path in sorted((folder / "checkpoints").iterdir())] == [
        "step_00000006",
        "step_00000007",
    ]
    log = read_log(folder / "log.csv")
    assert log["step"] == [1, 2, 3, 4, 5, 6, 7]
    assert log["epoch"] == [0, 0, 0, 1, 1, 1, 2]
    assert log["local_video"][:6] == [0] * 6
    assert log["local_video"][6] > 0
    assert [row["total"] for row in seen] == pytest.approx(log["total"], rel=1e-9)
    assert {"threads", "torch", "seconds"} <= set(json.loads((folder / "run.json").read_text()))
    about = load(folder).provenance
    assert (about["steps"], about["videos"]) == ("7", "12")
    assert about["dataset"] == "noise (train)"


def test_the_logged_total_is_the_weighted_sum(train: Train) -> None:
    log = read_log(train(max_steps=7).folder / "log.csv")
    for row in range(7):
        terms = {term.name: log[term.name][row] for term in TERMS}
        expected = sum(v * (0.1 if k.startswith("diversity") else 1) for k, v in terms.items())
        assert log["total"][row] == pytest.approx(expected, rel=1e-5)


def test_codebooks_rest_in_the_first_epoch_and_then_move(train: Train) -> None:
    torch.manual_seed(0)
    first = build_model(CONFIG.model).state_dict()
    resting, moving = weights(train(max_steps=3)), weights(train(max_steps=4))
    for name in (n for n in first if n.startswith("heads.codebooks")):
        assert_close(resting[name], first[name], rtol=0, atol=1e-6)  # only renormalised
        assert not torch.allclose(moving[name], first[name], atol=1e-5)
    name = "heads.projections.video.0.weight"
    assert not torch.allclose(resting[name], first[name], atol=1e-5)


def test_attention_is_left_alone_until_local_terms_count(train: Train) -> None:
    torch.manual_seed(0)
    first = build_model(CONFIG.model).state_dict()["heads.attention.project_q.weight"]
    name = "heads.attention.project_q.weight"
    assert_close(weights(train(max_steps=6))[name], first, rtol=0, atol=0)
    assert not torch.allclose(weights(train(max_steps=7))[name], first, rtol=0, atol=1e-7)


def test_heads_without_a_term_are_left_alone(train: Train) -> None:
    off = {"align": 0.0, "diversity": 0.0, "fidelity": 0.0, "local": 0.0}
    config = changed(weights=off, optim={"weight_decay": 0.1})
    torch.manual_seed(config.seed)
    before = build_model(config.model).heads.state_dict()
    after = weights(train(config))
    names = [n for n in before if n.startswith(("concept_projections", "decoders", "attention"))]
    trained = [n for n in names if n.endswith(("weight", "bias"))]
    assert len(trained) > 20
    assert all(torch.equal(before[name], after[f"heads.{name}"]) for name in trained)
    projection = next(name for name in before if name.startswith("projections"))
    assert not torch.equal(before[projection], after[f"heads.{projection}"])


def test_the_seed_decides_everything(train: Train) -> None:
    one, same = weights(train(max_steps=2)), weights(train(name="same", max_steps=2))
    other = weights(train(dataclasses.replace(CONFIG, seed=1), "other", max_steps=2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["backbone.stem.0.weight"], other["backbone.stem.0.weight"])


def test_exported_concepts_have_unit_length_and_checkpoints_their_own(train: Train) -> None:
    result = train(max_steps=4)
    newest = sorted((result.folder / "checkpoints").iterdir())[-1]
    saved = torch.load(newest, weights_only=True)["model"]
    exported = weights(result)
    for name in (n for n in exported if n.startswith("heads.codebooks")):
        lengths = exported[name].norm(dim=1)
        assert_close(lengths, torch.ones_like(lengths), rtol=0, atol=1e-6)
        assert (saved[name].norm(dim=1) - 1).abs().max() > 1e-6
        assert_close(exported[name], saved[name], rtol=0.05, atol=1e-3)


def test_cutting_a_run_short_does_not_change_its_schedule(train: Train) -> None:
    short, long = train(name="a", max_steps=2), train(name="b", max_steps=4)
    columns = [name for name in COLUMNS if name not in TIMINGS]
    a, b = (read_log(result.folder / "log.csv") for result in (short, long))
    assert all(a[name] == b[name][:2] for name in columns)


def test_a_finished_run_says_so(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    before = train(max_steps=2)
    stamp = before.folder.joinpath("model.safetensors").stat().st_mtime_ns
    again = train(max_steps=2)
    assert again == before
    assert "nothing left to do" in capsys.readouterr().out
    assert before.folder.joinpath("model.safetensors").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff"])
def test_damaged_facts_and_log_do_not_cost_the_run(train: Train, text: bytes) -> None:
    folder = train(max_steps=1).folder
    (folder / "run.json").write_bytes(text)
    (folder / "log.csv").write_bytes(text)
    with pytest.warns(UserWarning, match=r"run\.json (is not JSON|holds a list).*begun again"):
        assert train(max_steps=2).finished
    assert json.loads((folder / "run.json").read_text())["steps"] == 2
    assert read_log(folder / "log.csv")["step"] == [2]


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_weights_of_a_finished_run_are_written_again(train: Train, damage: str) -> None:
    path = train(max_steps=1).weights
    assert path is not None
    data = path.read_bytes()
    broken = data[:-9] if damage == "cut" else data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
    path.write_bytes(broken)
    with pytest.raises(ValueError, match=r"damaged.*start the `sdc pretrain` command"):
        load(path)
    train(max_steps=1)
    assert path.read_bytes() == data


def test_a_call_without_a_step_leaves_weights_and_what_they_say_of_their_videos(
    train: Train, tmp_path: Path
) -> None:
    first = train(max_steps=2)
    assert first.weights is not None
    before = first.weights.read_bytes()
    with pytest.warns(UserWarning, match="data set"):
        again = train(max_steps=2, videos=make_videos(tmp_path / "others", count=8))
    assert again.finished
    assert first.weights.read_bytes() == before
    assert load(first.folder).provenance["videos"] == "12"


@pytest.mark.parametrize("older", [False, True])
def test_the_alarm_remembers_what_it_saw_before_a_stop(
    train: Train, older: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lasting = {"features": (True, "features hardly differ", 5)}
    monkeypatch.setattr(CollapseAlarm, "_signs", lambda self, row: lasting)
    checkpoints = train(max_steps=3).folder / "checkpoints"
    if older:  # as it was written before alarms were kept
        (path,) = list_checkpoints(checkpoints)
        state = read_checkpoint(path)
        del state["alarm"]
        path.unlink()
        save_checkpoint(checkpoints, 3, state)
    with pytest.warns(CollapseWarning) as seen:
        train(max_steps=9)
    steps = [str(w.message).split(":")[0] for w in seen if w.category is CollapseWarning]
    assert steps == ["step 8" if older else "step 5"]


def test_weights_say_which_backbone_they_began_with(train: Train) -> None:
    first = train(max_steps=3)
    start = str(first.weights)
    config = dataclasses.replace(CONFIG, init_backbone=start)
    begun = train(config, "second", max_steps=3)
    sha256 = load(start).provenance["sha256"]
    assert load(str(begun.weights)).provenance["init_backbone_sha256"] == sha256
    assert "init_backbone_sha256" not in load(start).provenance
    (path, *_) = list_checkpoints(begun.folder / "checkpoints")
    state = read_checkpoint(path)
    assert state.pop("provenance") == {"init_backbone_sha256": sha256}
    path.unlink()
    save_checkpoint(path.parent, 3, state)  # as earlier versions wrote it
    again = train(config, "second", max_steps=4)
    assert load(str(again.weights)).provenance["init_backbone_sha256"] == sha256


def test_accumulated_batches_count_as_one_step(train: Train) -> None:
    config = changed(optim={"batch_size": 2, "accumulate": 2})
    result = train(config, max_steps=3)
    assert result.steps_per_epoch == 3
    assert load(result.folder).provenance["global_batch"] == "4"


def test_a_time_limit_stops_in_order_and_the_same_call_goes_on(
    train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    first = train(max_steps=2, max_minutes=1e-6)
    assert (first.step, first.finished, first.weights) == (1, False, None)
    assert "start the same command again" in capsys.readouterr().out
    whole = train(name="whole", max_steps=2)
    assert_close(weights(train(max_steps=2)), weights(whole), rtol=0, atol=0)


def test_stop_saves_like_the_clusters_signal(train: Train) -> None:
    def press_stop(row: Row) -> None:
        if row["step"] == 2:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    stopped = train(max_steps=4, on_step=press_stop)
    assert (stopped.step, stopped.finished) == (2, False)
    assert signal.getsignal(signal.SIGINT) is before
    assert_close(
        weights(train(max_steps=4)), weights(train(name="whole", max_steps=4)), rtol=0, atol=0
    )


def test_one_process_stops_at_once_though_numbers_are_rarely_fetched(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0

    def compute(*args: Any, **options: Any) -> Losses:
        nonlocal steps
        steps += 1
        if steps == 2:
            signal.raise_signal(signal.SIGTERM)
        return compute_losses(*args, **options)

    monkeypatch.setattr(pretraining, "compute_losses", compute)
    monkeypatch.setitem(pretraining.FETCH_INTERVAL, "cpu", 10)
    stopped = train(changed(optim={"batch_size": 2}))  # six steps an epoch
    assert (stopped.step, stopped.finished) == (2, False)
    assert read_log(stopped.folder / "log.csv")["step"] == [1, 2]
    assert [path.name[:13] for path in list_checkpoints(stopped.folder / "checkpoints")] == [
        "step_00000002"
    ]


def test_a_run_that_augments_on_the_device_resumes_exactly(train: Train) -> None:
    config = changed(data={"augment_on": "device"})
    whole = train(config, "whole", max_steps=4)
    train(config, max_steps=2)
    assert_close(weights(train(config, max_steps=4)), weights(whole), rtol=0, atol=0)
    plain = train(name="plain", max_steps=4)
    on_device, in_workers = (read_log(r.folder / "log.csv")["total"] for r in (whole, plain))
    assert on_device[0] == pytest.approx(in_workers[0], rel=1e-3)  # a level of some pixels
    assert on_device == pytest.approx(in_workers, rel=0.02)  # which Adam amplifies
