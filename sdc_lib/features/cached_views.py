"""Features of training views by a frozen backbone, kept in memory: what heads are trained on."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from sdc_lib.augment import finish_pairs, normalize
from sdc_lib.backbones import BackboneOutput
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import PairClips, PairSample
from sdc_lib.datasets.frames import SampleKey
from sdc_lib.datasets.reading import read_ahead
from sdc_lib.model import SDC
from sdc_lib.support.memory import fitting_workers
from sdc_lib.support.modes import evaluating
from sdc_lib.support.tuning import keep_freed_memory
from sdc_lib.support.workers import start_worker
from sdc_lib.views import Boundary, moving_views


@dataclass(frozen=True)
class CachedViews:
    """Backbone features of the six views of n videos, each under several augmentations.

    Attributes:
        pooled: float32, ``(n, passes, 6, D)``.
        local: float16, ``(n, passes, 6, D, T', H', W')``, or None if they were not kept.
        indices: The video that each sample really shows, ``(n, passes)``.
        labels: Class indices of these videos by labelling, ``(n, passes)``.
    """

    pooled: Tensor
    local: Tensor | None
    indices: Tensor
    labels: Mapping[str, Tensor]

    def __len__(self) -> int:
        """Number of videos n."""
        return len(self.pooled)

    def draw(self, rows: Tensor, passes: Tensor) -> tuple[Tensor, Tensor]:
        """Some videos, each in one of its passes.

        Args:
            rows: Which videos, ``(B,)``.
            passes: Which pass of each, ``(B,)``.

        Returns:
            Pooled features ``(B, 6, D)`` and local ones ``(B, 6, D, T', H', W')``; without stored
            ones, the pooled feature stands in as the only position.
        """
        pooled = self.pooled[rows, passes]
        if self.local is None:
            return pooled, pooled[..., None, None, None]
        return pooled, self.local[rows, passes].float()


class EncodedSamples(NamedTuple):
    """Backbone features of the six views of some samples, in the order of `encode_samples`."""

    pooled: Tensor
    """float32, ``(n, 6, D)``."""
    local: Tensor | None
    """float16, ``(n, 6, D, T', H', W')``, or None if they were not kept."""
    indices: Tensor
    """The video that each sample really shows, ``(n,)``."""


def cache_views(
    model: SDC,
    clips: PairClips,
    passes: int = 4,
    *,
    local_grid: tuple[int, int, int] | None = None,
    batch_size: int = 32,
    workers: int = 0,
    progress: bool = True,
) -> CachedViews:
    """Encode the six views of every video, several times under fresh augmentation.

    Args:
        model: Its backbone runs in ``eval()`` and does not change; frame differences begin as the
            model's ``boundary`` says.
        clips: Pairs of clips; pass p takes the samples of epoch p.
        passes: How many augmentations of each video to keep.
        local_grid: Also keep local maps, averaged down to this ``(T', H', W')``; they cost time
            and memory in proportion to their positions. None keeps none.
        batch_size: Videos a forward pass.
        workers: Processes that decode.
        progress: Show a bar if it takes more than two seconds.

    Returns:
        See `CachedViews`.

    Raises:
        ValueError: If there is no pass.
    """
    samples = encode_samples(
        model,
        clips,
        passes,
        local_grid=local_grid,
        boundary=model.boundary,
        batch_size=batch_size,
        workers=workers,
        progress=progress,
    )
    whole = SampleStore(passes * len(clips))
    for part in samples:
        whole.add(part)
    return whole.by_pass(clips.videos, passes)


def encode_samples(
    model: SDC,
    clips: PairClips,
    passes: int,
    *,
    first: int = 0,
    local_grid: tuple[int, int, int] | None = None,
    boundary: Boundary = "wrap",
    batch_size: int = 32,
    workers: int = 0,
    autocast: bool = False,
    progress: bool = True,
) -> Generator[EncodedSamples, None, None]:
    """What `cache_views` keeps, batch after batch; the passes of a video follow each other.

    Args:
        model: See `cache_views`.
        clips: See there.
        passes: How many augmentations of each video.
        first: Batches to leave out at the beginning, because they were encoded before.
        local_grid: What local maps are averaged down to; None keeps none.
        boundary: First frame of a frame difference.
        batch_size: Samples a batch.
        workers: Processes that decode.
        autocast: Run the backbone in bfloat16 where that is safe.
        progress: Show a bar if it takes more than two seconds.

    Yields:
        See `EncodedSamples`.

    Raises:
        ValueError: If there is no pass.
    """
    if passes < 1:
        raise ValueError(f"passes is {passes}; it must be at least 1")
    keep_freed_memory()
    with evaluating(model):
        for sample in _samples(clips, passes, first, batch_size, workers, progress):
            out = _encode(model, sample, boundary, autocast)
            local = None
            if local_grid is not None:
                local = F.adaptive_avg_pool3d(out.local.float(), local_grid)
                local = local.half().cpu().unflatten(0, (-1, 6))
            pooled = out.pooled.float().cpu().unflatten(0, (-1, 6))
            yield EncodedSamples(pooled, local, sample.index)


def concatenate(parts: Sequence[EncodedSamples]) -> EncodedSamples:
    """Samples one after another as one value; all have local maps, or none."""
    maps = [part.local for part in parts if part.local is not None]
    return EncodedSamples(
        torch.cat([part.pooled for part in parts]),
        torch.cat(maps) if maps else None,
        torch.cat([part.indices for part in parts]),
    )


class SampleStore:
    """All samples of a data set, filled part by part into memory that is taken once.

    Args:
        total: Samples that there will be.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        """Samples that are there, the first ones."""
        self._whole: EncodedSamples | None = None

    def add(self, part: EncodedSamples) -> None:
        """Copy the samples that come next; all parts have local maps, or none."""
        if self._whole is None:
            self._whole = EncodedSamples(
                self._room(part.pooled),
                None if part.local is None else self._room(part.local),
                self._room(part.indices),
            )
        end = self.done + len(part.indices)
        for whole, rows in zip(self._whole, part, strict=True):
            if whole is not None and rows is not None:
                whole[self.done : end] = rows
        self.done = end

    def _room(self, rows: Tensor) -> Tensor:
        return rows.new_empty(self.total, *rows.shape[1:])

    def by_pass(self, videos: VideoDataset, passes: int) -> CachedViews:
        """The samples by video and pass, in the same memory; all must be there."""
        assert self._whole is not None
        assert self.done == self.total
        pooled, local, indices = self._whole
        shown = indices.unflatten(0, (-1, passes))
        return CachedViews(
            pooled.unflatten(0, (-1, passes)),
            None if local is None else local.unflatten(0, (-1, passes)),
            shown,
            _labels_of(videos, shown),
        )


def _samples(
    clips: PairClips, passes: int, first: int, batch_size: int, workers: int, progress: bool
) -> Iterator[Any]:
    """Batches, each a `PairSample` of stacked fields; the passes of a video stand side by side."""
    every = [SampleKey(p, i) for i in range(len(clips)) for p in range(passes)]
    keys = every[first * batch_size :]
    workers, prefetch = fitting_workers(workers, batch_size * clips.sample_bytes())
    loader: DataLoader[Any] = DataLoader(
        clips,
        batch_size=batch_size,
        sampler=keys,
        num_workers=workers,
        worker_init_fn=start_worker,
        prefetch_factor=prefetch if workers else None,
    )

    def videos_of(number: int) -> list[int]:
        return [key.index for key in keys[number * batch_size : (number + 1) * batch_size]]

    look: dict[str, Any] = {"unit": "batch", "delay": 2, "leave": False, "disable": not progress}
    total, what = first + len(loader), f"encoding {len(clips)} videos, {passes} times each"
    with closing(read_ahead(loader, clips.videos, videos_of)) as samples:
        yield from tqdm(samples, desc=what, initial=first, total=total, **look)


def _labels_of(videos: VideoDataset, shown: Tensor) -> dict[str, Tensor]:
    """Class indices of the videos shown, by labelling, in the shape of `shown`."""
    return {name: torch.from_numpy(videos.targets(name))[shown] for name in videos.factor_names}


@torch.no_grad()
def _encode(model: SDC, sample: PairSample, boundary: Boundary, autocast: bool) -> BackboneOutput:
    """What the backbone says of the six views of B videos, views of a video side by side."""
    weight = next(model.parameters())
    pixels = [part.to(weight.device) for part in sample[:2]]
    if sample.draws.numel():  # their augmentation is to be finished where the network runs
        draws = sample.draws.unbind(dim=1)
        pixels = [finish_pairs(*pair) for pair in zip(pixels, draws, strict=True)]
    clips, stills = map(normalize, pixels)
    moving = moving_views(clips, boundary).to(weight.dtype)  # (B, 4, C, T, H, W)
    with torch.autocast(weight.device.type, torch.bfloat16, enabled=autocast):
        pooled, local = model.encode_views(moving, stills.to(weight.dtype))
    return BackboneOutput(pooled.flatten(0, 1), local.flatten(0, 1))
