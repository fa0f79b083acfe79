"""Features of a frozen backbone, kept in memory: of training views and of evaluation clips.

`sdc_lib.training.heads` trains heads on the former; `rescore` gives the latter's concepts under
any heads without touching a video again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from sdc_lib.augment import finish_pairs, normalize
from sdc_lib.backbones import BackboneOutput
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import PairClips, PairSample, SampleKey
from sdc_lib.datasets.reading import read_ahead
from sdc_lib.features.clips import ClipSettings, ClipSource
from sdc_lib.features.extract import encode_clips
from sdc_lib.features.store import Features, Floats
from sdc_lib.model import SDC, ConceptHeads
from sdc_lib.support.modes import evaluating
from sdc_lib.support.tuning import keep_freed_memory
from sdc_lib.support.workers import start_worker
from sdc_lib.views import STREAMS, Boundary, Stream, moving_views


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


@dataclass(frozen=True)
class CachedClips:
    """Backbone features of the evaluation clips of a split, to be scored by any heads.

    Attributes:
        features: Names, labels and per-video pooled features.
        pooled: Per stream, features of every clip, ``(M, D)``.
        videos: Position of each clip's video in `features`, ``(M,)``.
    """

    features: Features
    pooled: Mapping[Stream, Tensor]
    videos: Tensor


def cache_views(
    model: SDC,
    clips: PairClips,
    passes: int = 4,
    *,
    local_grid: tuple[int, int, int] | None = None,
    boundary: Boundary = "wrap",
    batch_size: int = 32,
    workers: int = 0,
    autocast: bool = False,
    progress: bool = True,
) -> CachedViews:
    """Encode the six views of every video, several times under fresh augmentation.

    Args:
        model: Its backbone runs in ``eval()`` and does not change.
        clips: Pairs of clips; pass p takes the samples of epoch p.
        passes: How many augmentations of each video to keep.
        local_grid: Also keep local maps, averaged down to this ``(T', H', W')``; they cost time
            and memory in proportion to their positions. None keeps none.
        boundary: First frame of a frame difference.
        batch_size: Videos a forward pass.
        workers: Processes that decode.
        autocast: Run the backbone in bfloat16 where that is safe.
        progress: Show a bar if it takes more than two seconds.

    Returns:
        See `CachedViews`.

    Raises:
        ValueError: If there is no pass.
    """
    if passes < 1:
        raise ValueError(f"passes is {passes}; it must be at least 1")
    keep_freed_memory()
    pooled, maps, indices = [], [], []
    with evaluating(model):
        for sample in _samples(clips, passes, batch_size, workers, progress):
            out = _encode(model, sample, boundary, autocast)
            pooled.append(out.pooled.float().cpu())
            if local_grid is not None:
                small = F.adaptive_avg_pool3d(out.local.float(), local_grid)
                maps.append(small.half().cpu())
            indices.append(sample.index)
    shown = torch.cat(indices).unflatten(0, (-1, passes))
    return CachedViews(
        torch.cat(pooled).unflatten(0, (-1, passes, 6)),
        torch.cat(maps).unflatten(0, (-1, passes, 6)) if maps else None,
        shown,
        _labels_of(clips.videos, shown),
    )


def _samples(
    clips: PairClips, passes: int, batch_size: int, workers: int, progress: bool
) -> Iterator[Any]:
    """Batches, each a `PairSample` of stacked fields; the passes of a video stand side by side."""
    keys = [SampleKey(p, i) for i in range(len(clips)) for p in range(passes)]
    loader: DataLoader[Any] = DataLoader(
        clips,
        batch_size=batch_size,
        sampler=keys,
        num_workers=workers,
        worker_init_fn=start_worker,
    )

    def videos_of(number: int) -> list[int]:
        return [key.index for key in keys[number * batch_size : (number + 1) * batch_size]]

    samples = read_ahead(loader, clips.videos, videos_of)
    look: dict[str, Any] = {"unit": "batch", "delay": 2, "leave": False, "disable": not progress}
    yield from tqdm(samples, desc="caching views", total=len(loader), **look)


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


def cache_clips(
    model: SDC,
    dataset: VideoDataset,
    clips: ClipSettings | None = None,
    *,
    batch_size: int = 64,
    workers: int = 0,
    progress: bool = True,
) -> CachedClips:
    """Encode the evaluation clips of a split once, for `rescore`.

    Returns:
        See `CachedClips`.

    Raises:
        ValueError: If no video can be read.
    """
    source = ClipSource(dataset, clips or ClipSettings(), batch_size, workers, progress)
    pooled: dict[Stream, list[Tensor]] = {stream: [] for stream in STREAMS}
    owners: list[Tensor] = []
    for videos, stream, encoded in encode_clips(model, source):
        pooled[stream].append(encoded.pooled.float().cpu())
        if stream == STREAMS[0]:
            owners.append(videos)
    features = source.describe({})
    positions = source.rows(torch.cat(owners))
    clip_features = {stream: torch.cat(rows) for stream, rows in pooled.items()}
    means: dict[str, Floats] = {
        stream: _mean(F.normalize(rows, dim=-1), positions, len(features))
        for stream, rows in clip_features.items()
    }
    return CachedClips(replace(features, pooled=means), clip_features, positions)


@torch.no_grad()
def rescore(heads: ConceptHeads, cached: CachedClips) -> Features:
    """The features that `extract_features` would give for this backbone with these heads."""
    device = next(heads.parameters()).device
    scores: dict[str, Floats] = {}
    with evaluating(heads):
        for stream, rows in cached.pooled.items():
            of_clips = heads.score(rows.to(device), stream).cpu()
            scores[stream] = _mean(of_clips, cached.videos, len(cached.features))
    return replace(cached.features, scores=scores)


def _mean(rows: Tensor, videos: Tensor, num_videos: int) -> Floats:
    sums = torch.zeros(num_videos, rows.shape[1], dtype=torch.float64)
    sums.index_add_(0, videos, rows.double())
    counts = torch.bincount(videos, minlength=num_videos).clamp(min=1)
    mean: Floats = (sums / counts[:, None]).float().numpy()
    return mean
