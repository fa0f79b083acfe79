"""Training samples that have been through a frozen backbone already: features instead of pixels.

A backbone that does not change makes the same features of the same clip in every epoch. So each
video is encoded once under a few augmentations, and the heads train on the stored features:
hundreds of epochs in minutes.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.clips import PairClips, SampleKey
from sdc_lib.datasets.frames import sample_generator
from sdc_lib.features.cache import CachedViews, cache_views
from sdc_lib.model import SDC
from sdc_lib.support.processes import loader_workers


class FeatureSample(NamedTuple):
    """Backbone features of the six views of one video."""

    pooled: Tensor
    """``(6, D)``."""
    local: Tensor
    """``(6, D, T', H', W')``."""
    index: int  # type: ignore[assignment]  # hides tuple.index
    """The video that was really read."""
    replaced: bool
    """Whether it stands in for one that could not be read."""


class StoredPairs(Dataset[FeatureSample]):
    """`PairClips` behind a frozen backbone.

    Which of the stored augmentations an epoch sees is drawn per sample, from (seed, epoch, index).

    Args:
        cached: Features of every video under several augmentations.
        seed: Of the choice.
    """

    def __init__(self, cached: CachedViews, seed: int = 0) -> None:
        self.cached = cached
        self.seed = seed

    def __len__(self) -> int:
        """Number of videos, one sample each."""
        return len(self.cached)

    def sample_bytes(self) -> int:
        """Bytes of the features of one sample."""
        return sum(part.nbytes for part in self[0] if isinstance(part, Tensor))

    def __getitem__(self, key: SampleKey | int) -> FeatureSample:
        """One video in one of its stored augmentations; an ``int`` is a sample of epoch 0."""
        rng, sample = sample_generator(self.seed, key, len(self))
        row = torch.tensor([sample.index])
        chosen = torch.from_numpy(rng.integers(self.cached.indices.shape[1], size=1))
        pooled, local = self.cached.draw(row, chosen)
        index = int(self.cached.indices[row, chosen])
        return FeatureSample(pooled[0], local[0], index, index != sample.index)


def store_pairs(
    model: SDC, pairs: PairClips, config: PretrainConfig, progress: bool = True
) -> StoredPairs:
    """Encode every video as often as the configuration says.

    Args:
        model: Its backbone is frozen.
        pairs: The samples; pass p takes those of epoch p.
        config: Of the run.
        progress: Show a bar if it takes more than two seconds.
    """
    cached = cache_views(
        model,
        pairs,
        config.optim.stored_passes,
        local_grid=config.optim.stored_grid,
        boundary=config.data.boundary,
        workers=loader_workers(config.data.workers),
        autocast=config.optim.precision == "bf16-mixed",
        progress=progress,
    )
    return StoredPairs(cached, config.seed)
