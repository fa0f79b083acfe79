"""Batches of training with labels."""

from __future__ import annotations

import pytest

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import TrainClips
from sdc_lib.evaluation.train_batches import EpochOrder, Replaced, TrainAugment, epoch_batches
from sdc_lib.support import memory

World = tuple[VideoDataset, VideoDataset]


def test_fewer_workers_than_asked_where_shared_memory_is_small(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = TrainClips(world[0], 4, TrainAugment(16), factor="motion")
    batch_bytes = 4 * 3 * 4 * 16 * 16
    monkeypatch.setattr(memory, "loader_workers", lambda wanted: wanted)
    monkeypatch.setattr(memory, "free_shared_memory", lambda: 2 * 2 * batch_bytes)
    order = EpochOrder(len(samples), 4, seed=0, epoch=0)
    with pytest.warns(UserWarning, match="3 workers that read 2 times .* 1 are started"):
        batches = list(epoch_batches(samples, order, 3, Replaced(allowed=0.0)))
    alone = list(epoch_batches(samples, order, 0, Replaced(allowed=0.0)))
    assert len(batches) == len(order)
    for batch, same in zip(batches, alone, strict=True):
        assert batch.clip.equal(same.clip)
