"""Features of evaluation clips by a frozen backbone, kept in memory: any heads can score them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.features.clips import ClipSettings, ClipSource
from sdc_lib.features.extract import encode_clips
from sdc_lib.features.means import VideoMeans
from sdc_lib.features.store import Features, Floats
from sdc_lib.model import SDC, ConceptHeads
from sdc_lib.support.modes import evaluating
from sdc_lib.views import STREAMS, Stream


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

    Args:
        model: Its backbone runs in ``eval()`` and does not change.
        dataset: The split.
        clips: How videos become clips, the defaults of `ClipSettings` if None.
        batch_size: Clips a forward pass.
        workers: Processes that decode.
        progress: Show a bar if it takes more than two seconds.

    Returns:
        See `CachedClips`.

    Raises:
        ValueError: If a setting is out of its range, or no video can be read.
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
    """The features that `extract_features` would give for this backbone with these heads.

    Args:
        heads: They run in ``eval()``; the mode is restored afterwards.
        cached: From `cache_clips`.
    """
    weight = next(heads.parameters())
    scores: dict[str, Floats] = {}
    with evaluating(heads):
        for stream, rows in cached.pooled.items():
            of_clips = heads.score(rows.to(weight), stream).cpu()
            scores[stream] = _mean(of_clips, cached.videos, len(cached.features))
    return replace(cached.features, scores=scores)


def _mean(rows: Tensor, videos: Tensor, num_videos: int) -> Floats:
    mean: Floats = VideoMeans(num_videos).add(rows, videos).result().float().numpy()
    return mean
