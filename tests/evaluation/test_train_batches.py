"""Batches of training with labels."""

from __future__ import annotations

import pytest
import torch

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


def test_every_epoch_shows_every_video_once_in_a_new_order() -> None:
    batches = list(EpochOrder(9, 4, seed=0, epoch=3))
    assert [len(batch) for batch in batches] == [4, 5]  # a single last video joins the batch before
    assert sorted(key.index for batch in batches for key in batch) == list(range(9))
    assert {key.epoch for batch in batches for key in batch} == {3}
    other = list(EpochOrder(9, 4, seed=0, epoch=4))
    assert [k.index for b in other for k in b] != [k.index for b in batches for k in b]


def test_the_augmentation_treats_all_frames_alike() -> None:
    clip = torch.randint(0, 255, (3, 1, 20, 24), dtype=torch.uint8).expand(3, 5, 20, 24)
    torch.manual_seed(0)
    out = TrainAugment(16)(clip)
    assert out.shape == (3, 5, 16, 16)
    assert torch.equal(out[:, :1].expand_as(out), out)


def test_flips_are_as_frequent_as_asked() -> None:
    clip = torch.randint(0, 255, (3, 2, 20, 24), dtype=torch.uint8)

    def augmented(flip: float, seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return TrainAugment(16, flip)(clip)

    mirrored = 0
    for seed in range(40):
        plain = augmented(0.0, seed)
        assert torch.equal(augmented(1.0, seed), plain.flip(-1))
        mirrored += int(torch.equal(augmented(0.5, seed), plain.flip(-1)))
    assert 10 < mirrored < 30


def test_three_clips_in_ten_change_colour() -> None:
    clip = torch.full((3, 1, 8, 8), 100, dtype=torch.uint8)
    clip[0] = 200  # of one colour, which no crop changes
    augment = TrainAugment(8)
    torch.manual_seed(0)
    changed = sum(not torch.equal(augment(clip), clip) for _ in range(200))
    assert 40 < changed < 80
