"""A run in a folder: what it writes, what it refuses, and that each setting does its part."""

import dataclasses
import json
import multiprocessing
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file
from torch import Tensor
from torch.testing import assert_close

from sdc_lib.backbones import recompute_activations
from sdc_lib.codebook import ScoreQueue
from sdc_lib.config import PretrainConfig, from_dict, to_json
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import PairClips
from sdc_lib.model import build_model
from sdc_lib.objective import SDCObjective
from sdc_lib.pretraining import PretrainResult, pretrain
from sdc_lib.terms import TERMS
from sdc_lib.training.alarms import TrainingError
from sdc_lib.training.batches import PixelBatch
from sdc_lib.training.log import COLUMNS, TIMINGS, Row
from sdc_lib.training.networks import SixViews
from sdc_lib.training.run_folder import RunFolder
from sdc_lib.training.schedule import Phase
from sdc_lib.training.step import LOGGED, compute_losses
from sdc_lib.weights import load
from tests.helpers.small_runs import CONFIG, changed, make_videos, read_log

Train = Callable[..., PretrainResult]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    return make_videos(tmp_path_factory.mktemp("videos"))


@pytest.fixture
def train(videos: VideoDataset, tmp_path: Path) -> Train:
    """Pretrain in a fresh folder without a bar."""

    def run(config: PretrainConfig = CONFIG, name: str = "run", **options: Any) -> PretrainResult:
        return pretrain(config, tmp_path / name, **{"videos": videos, "progress": False, **options})

    return run


def weights(result: PretrainResult) -> dict[str, Tensor]:
    assert result.weights is not None
    return load_file(result.weights)


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


def test_the_seed_decides_everything(train: Train) -> None:
    one, same = weights(train(max_steps=2)), weights(train(name="same", max_steps=2))
    other = weights(train(dataclasses.replace(CONFIG, seed=1), "other", max_steps=2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["backbone.stem.0.weight"], other["backbone.stem.0.weight"])


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


@pytest.mark.parametrize(
    "changes",
    [
        {"optim": {"batch_size": -1}},
        {"optim": {"batch_size": 1}},
        {"optim": {"batch_size": 500}},
        {"optim": {"epochs": 0}},
        {"model": {"backbone": "resnet"}},
        {"data": {"dataset": "imagenet"}},
    ],
)
def test_a_rejected_setting_claims_no_folder(
    train: Train, tmp_path: Path, changes: dict[str, dict[str, Any]]
) -> None:
    options = {"videos": None} if "data" in changes else {}
    with pytest.raises(
        ValueError,
        match=r"batch_size is -1|is 1; a single video|batch size|epochs is 0|unknown",
    ) as error:
        train(changed(CONFIG, **changes), data_dir=tmp_path, **options)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_weights_that_are_not_finite_end_a_run_in_one_line(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdc_lib.weights.files.not_finite", lambda tensors: list(tensors)[:1])
    with pytest.raises(ValueError, match=r"weights are not finite.*is not written"):
        train(max_steps=1)
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_other_settings_in_the_same_folder_are_refused(train: Train) -> None:
    train(max_steps=1)
    with pytest.raises(ValueError, match=r"optim.lr was 0.001 and is now 0.5.*another folder"):
        train(changed(optim={"lr": 0.5}))
    assert train(changed(data={"workers": 1}), max_steps=2).step == 2


def test_a_run_folder_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    values = json.loads(to_json(CONFIG))
    values["data"]["split"] = values["data"].pop("fold")
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert RunFolder(tmp_path).recorded(CONFIG) == CONFIG


def test_a_changed_data_set_is_noticed(train: Train, videos: VideoDataset) -> None:
    train(max_steps=1)
    with pytest.warns(UserWarning, match="data set has changed"):
        train(max_steps=2, videos=videos.subset(range(11, -1, -1)))


@pytest.mark.parametrize("options", [{"max_steps": 0}, {"save_every": 0}, {"max_minutes": 0.0}])
def test_impossible_options_are_refused(train: Train, options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="it must be"):
        train(**options)


def test_a_loss_that_is_not_finite_stops_the_run(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdc_lib.training.options.check_config", lambda _: None)  # lets 1e30 pass
    config = changed(optim={"lr": 1e30, "warmup_epochs": 0.0})
    with pytest.raises(TrainingError, match=r"step \d+: total.*not finite.*\.mp4.*checkpoint") as e:
        train(config, save_every=1)
    folder = Path(str(e.value).split("all in ")[1].split("failed_batch")[0])
    assert len((folder / "failed_batch.txt").read_text().split()) == 4
    good = torch.load(next((folder / "checkpoints").iterdir()), weights_only=True)
    assert all(tensor.isfinite().all() for tensor in good["model"].values())


def test_too_many_broken_videos_stop_the_run(train: Train, tmp_path: Path) -> None:
    broken = make_videos(tmp_path / "broken")
    broken[3].path.write_bytes(b"not a video")
    with pytest.raises(TrainingError, match=r"1 videos of this epoch.*8.3%.*max_replaced"):
        train(videos=broken)
    forgiving = train(changed(data={"max_replaced": 0.1}), "forgiving", videos=broken, max_steps=3)
    assert read_log(forgiving.folder / "log.csv")["replaced"][-1] == 1


def step_gradients(config: PretrainConfig, phase: Phase, *, recompute: bool = False) -> Any:
    """Gradients, running statistics and logged values of one step on fixed bytes."""
    torch.manual_seed(0)
    model = build_model(config.model).double()
    if recompute:
        recompute_activations(model.backbone)
    clips = torch.randint(0, 255, (4, 2, 3, 4, 16, 16), dtype=torch.uint8)
    queue = ScoreQueue(6, config.model.num_concepts).double()
    nobody = torch.zeros(4, dtype=torch.bool)
    batch = PixelBatch(clips, clips[:, :, :, :1].flip(0), torch.arange(4), nobody)
    total, logged, _ = compute_losses(
        SixViews(model, "wrap"),
        batch,
        SDCObjective(config.objective),
        queue,
        phase,
        config.weights,
        detach_backbone=config.curriculum.decorrelation_detach_backbone,
    )
    total.backward()
    grads = {name: p.grad for name, p in model.named_parameters()}
    return grads, dict(model.named_buffers()), dict(zip(LOGGED, logged.tolist(), strict=True))


def test_recomputed_activations_change_nothing() -> None:
    phase = Phase(queue=True, codebooks=True, local=True, decorrelation=0.0)
    grads, buffers, logged = step_gradients(CONFIG, phase)
    again = step_gradients(CONFIG, phase, recompute=True)
    assert_close(again[0], grads, rtol=0, atol=0)
    assert_close(again[1], buffers, rtol=0, atol=0)
    assert again[2] == logged


def test_decorrelation_can_be_kept_out_of_the_backbone() -> None:
    off, on = (Phase(True, True, False, weight) for weight in (0.0, 5.0))
    detached = changed(curriculum={"decorrelation": 5.0, "decorrelation_detach_backbone": True})
    joint = changed(curriculum={"decorrelation": 5.0})
    plain, plain_buffers, _ = step_gradients(CONFIG, off)
    kept, buffers, logged = step_gradients(detached, on)
    mixed, _, joint_logged = step_gradients(joint, on)
    stem, head = "backbone.stem.0.weight", "heads.concept_projections.video.0.weight"
    assert_close(kept[stem], plain[stem], rtol=1e-12, atol=1e-15)
    assert not torch.allclose(mixed[stem], plain[stem], rtol=1e-6)
    assert_close(kept[head], mixed[head], rtol=1e-9, atol=1e-15)  # the heads get all of it
    assert not torch.allclose(kept[head], plain[head], rtol=1e-6)
    assert_close(buffers, plain_buffers, rtol=0, atol=0)  # statistics updated once
    assert logged["decorrelation"] == pytest.approx(joint_logged["decorrelation"], rel=1e-12)
    assert logged["total"] == pytest.approx(joint_logged["total"], rel=1e-12)


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


def test_a_folder_belongs_to_one_run_at_a_time(train: Train, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with (
        FileLock(tmp_path / "run" / ".lock"),
        pytest.raises(ValueError, match="another process is working in"),
    ):
        train(max_steps=1)
    assert train(max_steps=1).finished


def test_compiling_without_a_compiler_is_refused_at_once(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(ValueError, match=r"no C compiler.*--optim\.no-compile"):
        train(changed(optim={"compile": True}))
    assert not (tmp_path / "run").exists()


def test_a_rejected_setting_claims_nothing(train: Train, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="do not fill one step"):
        train(changed(optim={"batch_size": 400}))
    assert not (tmp_path / "run").exists()
    assert train(max_steps=1).finished


def test_an_error_in_a_worker_ends_with_no_process_left(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug in a worker")

    monkeypatch.setattr(PairClips, "__getitem__", fail)
    with pytest.raises(RuntimeError, match="a bug in a worker"):
        train(changed(data={"workers": 2}), max_steps=2)
    assert multiprocessing.active_children() == []


def test_a_run_that_augments_on_the_device_resumes_exactly(train: Train) -> None:
    config = changed(data={"augment_on": "device"})
    whole = train(config, "whole", max_steps=4)
    train(config, max_steps=2)
    assert_close(weights(train(config, max_steps=4)), weights(whole), rtol=0, atol=0)
    plain = weights(train(name="plain", max_steps=4))
    difference = weights(whole)["backbone.stem.0.weight"] - plain["backbone.stem.0.weight"]
    assert difference.abs().max() < 1e-3  # a level or two of some pixels
