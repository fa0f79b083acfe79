"""Which videos come when: exact over ranks, resumable, independent of workers."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from sdc_lib.datasets.clips import PairSample
from sdc_lib.datasets.frames import SampleKey
from sdc_lib.support.processes import available_cores, loader_workers
from sdc_lib.training.batches import (
    BatchPlan,
    PixelBatch,
    collate,
    make_loader,
    make_pairs,
    to_device,
)
from tests.helpers.small_runs import CONFIG, changed, make_videos


def plan(samples: int = 20, batch: int = 4, **options: int) -> BatchPlan:
    return BatchPlan(samples, batch, **{"seed": 3, "epochs": 2, **options})


def test_an_epoch_visits_videos_at_most_once_and_drops_the_incomplete_step() -> None:
    batches = list(plan(samples=22))
    first = [key.index for batch in batches[:5] for key in batch]
    assert len(batches) == len(plan(samples=22)) == 10
    assert len(set(first)) == 20
    assert {key.epoch for batch in batches[5:] for key in batch} == {1}
    assert first != [key.index for batch in batches[5:] for key in batch]


@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 5), st.integers(27, 40)
)
def test_ranks_share_each_batch_of_a_single_process(
    world: int, batch: int, accumulate: int, step: int, samples: int
) -> None:
    alone = plan(samples, batch * world, accumulate=accumulate)
    ranks = [
        plan(samples, batch, accumulate=accumulate, rank=rank, world_size=world)
        for rank in range(world)
    ]
    for part in range(accumulate):
        together = [key for rank in ranks for key in rank.keys(step, part)]
        assert together == alone.keys(step, part)


def test_a_resumed_plan_goes_on_where_it_stopped() -> None:
    whole, resumed = plan(accumulate=2), plan(accumulate=2)
    resumed.first_step = 3
    assert list(resumed) == list(whole)[6:]
    assert len(resumed) == len(whole) - 6


def test_order_depends_on_seed_and_epoch_only() -> None:
    assert np.array_equal(plan().order(1), plan(batch=2).order(1))
    assert not np.array_equal(plan().order(1), plan().order(0))
    assert not np.array_equal(plan().order(1), plan(seed=4).order(1))


def test_too_few_videos_are_an_error_that_names_the_sizes() -> None:
    with pytest.raises(ValueError, match=r"7 videos .* 4 \(batch size\) x 2 .* x 1"):
        plan(samples=7, accumulate=2)


def test_collate_stacks_samples() -> None:
    def sample(index: int) -> PairSample:
        clips = torch.full((2, 3, 4, 5, 5), index, dtype=torch.uint8)
        return PairSample(clips, clips[:, :, :1], index, index == 7)

    batch = collate([sample(2), sample(7)])
    assert isinstance(batch, PixelBatch)
    assert batch.clips.shape == (2, 2, 3, 4, 5, 5)
    assert batch.stills.shape == (2, 2, 3, 1, 5, 5)
    assert batch.indices.tolist() == [2, 7]
    assert batch.replaced.tolist() == [False, True]
    assert batch.clips.dtype == torch.uint8


def test_batches_do_not_depend_on_workers(tmp_path: Path) -> None:
    pairs = make_pairs(CONFIG, make_videos(tmp_path))

    def batches(workers: int) -> list[PixelBatch]:
        return list(make_loader(pairs, plan(samples=12, epochs=1), workers))

    alone, helped = batches(0), batches(1)
    assert len(alone) == len(helped) == 3
    for ours, theirs in zip(alone, helped, strict=True):
        assert_close(tuple(ours), tuple(theirs), rtol=0, atol=0)


def test_workers_never_exceed_the_cores(tmp_path: Path) -> None:
    pairs = make_pairs(CONFIG, make_videos(tmp_path))
    assert make_loader(pairs, plan(samples=12), 10_000).num_workers == available_cores()


def test_augmenting_on_the_device_gives_what_a_worker_gives(tmp_path: Path) -> None:
    videos = make_videos(tmp_path, 4)
    batches = []
    for place in ("worker", "device"):
        pairs = make_pairs(changed(data={"augment_on": place}), videos)
        batch = collate([pairs[SampleKey(1, i)] for i in range(4)])
        assert isinstance(batch, PixelBatch)
        assert bool(batch.draws.numel()) == (place == "device")
        batches.append(to_device(batch, torch.device("cpu")))
    for of_worker, of_device in zip(batches[0][:2], batches[1][:2], strict=True):
        assert (of_worker.int() - of_device.int()).abs().max() <= 4
        assert (of_worker != of_device).float().mean() < 0.01


@pytest.mark.parametrize(("batches", "workers"), [(0, 0), (1, 1), (5, 2), (100, 3)])
def test_workers_fit_into_shared_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batches: int, workers: int
) -> None:
    pairs = make_pairs(CONFIG, make_videos(tmp_path, 4))
    batch = 4 * 2 * 3 * 5 * 16 * 16  # videos, clips, channels, frames and a still, pixels
    assert 4 * pairs.sample_bytes() == batch
    monkeypatch.setattr("sdc_lib.support.memory.free_shared_memory", lambda: 2 * batches * batch)
    monkeypatch.setattr("sdc_lib.support.memory.loader_workers", lambda wanted: wanted)
    expected = pytest.warns(UserWarning, match="--shm-size") if batches < 100 else nullcontext()
    with expected:
        loader = make_loader(pairs, plan(samples=4, batch=4), 3)
    assert loader.num_workers == workers


def test_workers_are_the_cores_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdc_lib.support.processes.available_cores", lambda: 16)
    assert [loader_workers(wanted) for wanted in (-1, 0, 3, 99)] == [15, 0, 3, 16]
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert loader_workers(-1) == 1
