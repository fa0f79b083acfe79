"""Training samples that have been through a frozen backbone already: features instead of pixels.

A backbone that does not change makes the same features of the same clip in every epoch. So each
video is encoded once under a few augmentations, and the heads train on the stored features:
hundreds of epochs in minutes.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from sdc_lib.config import PretrainConfig
from sdc_lib.datasets.clips import PairClips
from sdc_lib.datasets.frames import SampleKey, sample_generator
from sdc_lib.features.cached_views import (
    CachedViews,
    EncodedSamples,
    SampleStore,
    concatenate,
    encode_samples,
)
from sdc_lib.features.parts import PartFolder
from sdc_lib.model import SDC
from sdc_lib.support.tensors import digest

BATCH = 32
"""Samples a forward pass."""
PART = 64
"""Batches a file: less than a minute's work on one core is lost when a run is killed."""


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
    model: SDC,
    pairs: PairClips,
    config: PretrainConfig,
    kept: Path,
    stop: Callable[[], bool],
    *,
    writes: bool = True,
    progress: bool = True,
) -> StoredPairs | None:
    """Encode every video as often as the configuration says, or go on where that was broken off.

    Args:
        model: Its backbone is frozen.
        pairs: The samples; pass p takes those of epoch p.
        config: Of the run.
        kept: Folder for what is encoded; a later call takes it from there.
        stop: Asked after every batch whether to break off.
        writes: Whether this process writes into it.
        progress: Show a bar if it takes more than two seconds.

    Returns:
        The samples, or None if it was broken off.

    Raises:
        OSError: If the folder cannot be written.
        VideoError: If a process that reads videos died.
    """
    passes = config.optim.stored_passes
    made_from = digest(model.backbone.state_dict()) + pairs.videos.fingerprint()
    folder = PartFolder(kept, made_from)
    whole = SampleStore(passes * len(pairs))
    for part in folder.read():
        whole.add(part)
    if whole.done == whole.total:
        return StoredPairs(whole.by_pass(pairs.videos, passes), config.seed)
    batches = encode_samples(
        model,
        pairs,
        passes,
        first=whole.done // BATCH,
        local_grid=config.optim.stored_grid,
        boundary=config.data.boundary,
        batch_size=BATCH,
        workers=config.data.workers,
        autocast=config.optim.precision == "bf16-mixed",
        progress=progress,
    )
    with closing(batches):
        for part in _parts(batches, stop):
            if writes:
                folder.write(whole.done, part)
            whole.add(part)
    if whole.done < whole.total:
        return None
    return StoredPairs(whole.by_pass(pairs.videos, passes), config.seed)


def _parts(batches: Iterator[EncodedSamples], stop: Callable[[], bool]) -> Iterator[EncodedSamples]:
    """`PART` batches as one, and the rest; none after it was to stop."""
    part: list[EncodedSamples] = []
    for batch in batches:
        part.append(batch)
        stopped = stop()
        if stopped or len(part) == PART:
            yield concatenate(part)
            part = []
        if stopped:
            return
    if part:
        yield concatenate(part)
