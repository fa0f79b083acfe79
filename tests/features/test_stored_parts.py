"""Encoding for heads survives a stop, a crash and a damaged file, and leaves nothing behind."""

import json
import os
import signal
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import sdc_lib.features.cached_views as cached_views
import sdc_lib.features.stored as stored
from sdc_lib.augment import ClipAugment
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import PairClips
from sdc_lib.datasets.reading import read_ahead
from sdc_lib.features.cached_views import EncodedSamples
from sdc_lib.features.parts import PartFolder
from sdc_lib.model import build_model
from sdc_lib.pretraining import PretrainResult, pretrain
from sdc_lib.training.counting import stored_bytes
from tests.helpers.small_runs import changed, make_videos, weights

CONFIG = changed(optim={"freeze_backbone": True, "stored_passes": 2, "stored_grid": (1, 2, 2)})
"""24 samples: in batches of 4 six batches, in parts of 2 three files."""


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    return make_videos(tmp_path_factory.mktemp("videos"))


class Encoded:
    """Counts the batches that are encoded, and does something before one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.before: dict[int, Callable[[], Any]] = {}
        self._encode = cached_views._encode
        monkeypatch.setattr(cached_views, "_encode", self)
        monkeypatch.setattr(stored, "BATCH", 4)
        monkeypatch.setattr(stored, "PART", 2)

    def __call__(self, *args: Any) -> Any:
        self.before.pop(self.count, lambda: None)()
        self.count += 1
        return self._encode(*args)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> Encoded:
    return Encoded(monkeypatch)


def run(folder: Path, videos: VideoDataset, **options: Any) -> PretrainResult:
    return pretrain(CONFIG, folder, videos=videos, progress=False, **options)


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left | right)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def crash() -> None:
    raise MemoryError("killed")


def test_a_stop_while_encoding_ends_after_the_batch_and_loses_none(
    videos: VideoDataset, tmp_path: Path, encoded: Encoded
) -> None:
    whole = run(tmp_path / "whole", videos)
    assert encoded.count == 6
    encoded.before = {encoded.count + 2: interrupt}
    first = run(tmp_path / "stopped", videos)
    assert (encoded.count, first.finished, first.step) == (9, False, 0)
    seconds = json.loads((first.folder / "run.json").read_text())["seconds"]
    second = run(tmp_path / "stopped", videos)
    assert encoded.count == 12
    assert same(weights(second), weights(whole))
    assert json.loads((first.folder / "run.json").read_text())["seconds"] >= seconds


def test_what_is_joined_is_not_kept_twice(
    videos: VideoDataset, tmp_path: Path, encoded: Encoded, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[weakref.ref[Tensor]] = []
    add = cached_views.SampleStore.add

    def watch(store: cached_views.SampleStore, part: EncodedSamples) -> None:
        assert all(earlier() is None for earlier in parts)
        parts.append(weakref.ref(part.pooled))
        add(store, part)

    monkeypatch.setattr(cached_views.SampleStore, "add", watch)
    run(tmp_path, videos, max_steps=5)
    assert len(parts) == 3
    run(tmp_path, videos)  # reads the parts again
    assert len(parts) == 6
    cached_views.cache_views(build_model(CONFIG.model), PairClips(videos, 4), 1, batch_size=4)
    assert len(parts) == 9


def test_workers_that_encode_fit_into_shared_memory(
    videos: VideoDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = PairClips(videos, 4, augment=ClipAugment(CONFIG.data.augment))
    room = 2 * 2 * 4 * pairs.sample_bytes()  # half of it for two batches of four
    monkeypatch.setattr("sdc_lib.support.memory.free_shared_memory", lambda: room)
    monkeypatch.setattr("sdc_lib.support.memory.loader_workers", lambda wanted: wanted)
    started: list[int] = []

    def watch(loader: Any, *rest: Any) -> Any:
        started.append(loader.num_workers)
        return read_ahead(loader, *rest)

    monkeypatch.setattr(cached_views, "read_ahead", watch)
    model = build_model(CONFIG.model)
    with pytest.warns(UserWarning, match="--shm-size"):
        found = cached_views.cache_views(model, pairs, 1, batch_size=4, workers=3)
    alone = cached_views.cache_views(model, pairs, 1, batch_size=4)
    assert started == [1, 0]
    assert torch.equal(found.pooled, alone.pooled)


def test_a_crash_while_encoding_loses_one_part_at_most(
    videos: VideoDataset, tmp_path: Path, encoded: Encoded
) -> None:
    whole = run(tmp_path / "whole", videos)
    encoded.before = {encoded.count + 5: crash}
    with pytest.raises(MemoryError):
        run(tmp_path / "crashed", videos)
    before = encoded.count
    assert same(weights(run(tmp_path / "crashed", videos)), weights(whole))
    assert encoded.count - before == 2  # two parts of two batches were whole


def test_what_is_encoded_stays_until_the_whole_schedule_is_done(
    videos: VideoDataset, tmp_path: Path, encoded: Encoded
) -> None:
    folder = run(tmp_path, videos, max_steps=5).folder / "encoded"
    assert len(list(folder.iterdir())) == 3
    run(tmp_path, videos)
    assert encoded.count == 6
    assert not folder.exists()


@pytest.mark.parametrize("harm", ["cut", "missing", "of other weights"])
def test_a_part_that_cannot_be_used_is_encoded_again(
    videos: VideoDataset, tmp_path: Path, encoded: Encoded, harm: str
) -> None:
    whole = run(tmp_path / "whole", videos)
    folder = run(tmp_path / "harmed", videos, max_steps=5).folder / "encoded"
    second = sorted(folder.iterdir())[1]
    if harm == "cut":
        second.write_bytes(second.read_bytes()[:-40])
    elif harm == "missing":
        second.unlink()
    else:
        part = EncodedSamples(torch.zeros(8, 6, 16), None, torch.arange(8))
        PartFolder(folder, "others").write(8, part)
    encoded.count = 0
    assert same(weights(run(tmp_path / "harmed", videos)), weights(whole))
    assert encoded.count == 4  # from the second part on


def test_a_dry_run_counts_the_bytes_of_a_sample(
    videos: VideoDataset, tmp_path: Path, encoded: Encoded
) -> None:
    folder = run(tmp_path, videos, max_steps=5).folder / "encoded"
    bytes_on_disk = sum(path.stat().st_size for path in folder.iterdir())
    assert bytes_on_disk / 24 == pytest.approx(stored_bytes(CONFIG), rel=0.15)
