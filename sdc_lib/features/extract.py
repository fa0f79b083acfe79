"""Features of whole videos, from a frozen network: what every offline protocol starts from.

A video is cut into clips; each clip is encoded as video, static view and frame difference. Pooled
features are L2-normalised per clip and averaged per video, concept scores are averaged per video.
Nothing here trains and nothing depends on other videos, so neither batch size nor the number of
worker processes nor further test videos change a number.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sdc_lib.augment import normalize
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.features.clips import ClipSettings, ClipSource
from sdc_lib.features.means import VideoMeans
from sdc_lib.features.store import Features, load_features, refuse_not_finite, save_features
from sdc_lib.model import Encoded
from sdc_lib.support.files import check_writable
from sdc_lib.support.modes import evaluating
from sdc_lib.support.tensors import digest
from sdc_lib.support.tuning import keep_freed_memory
from sdc_lib.views import STREAMS, Stream


class Encoder(Protocol):
    """What can be evaluated: a module that encodes clips as one of the three streams."""

    def encode(self, clips: Tensor, stream: Stream = "video") -> Encoded:
        """Pooled feature, local map and concept scores of clips ``(B, C, T, H, W)``."""


def extract_features(
    model: nn.Module,
    dataset: VideoDataset,
    clips: ClipSettings | None = None,
    *,
    streams: Sequence[Stream] = STREAMS,
    batch_size: int = 64,
    workers: int = 0,
    device: str | torch.device | None = None,
    cache_dir: str | Path | None = None,
    progress: bool = True,
) -> Features:
    """Encode all videos of a data set with a frozen network.

    The network is put into ``eval()``, runs without gradients and gets its former mode back. The
    values of its parameters and buffers stay as they are; it is left on `device`. A video that
    cannot be read is left out and listed.

    Args:
        model: An `SDC`, or any module with its ``encode`` method.
        dataset: The videos.
        clips: How videos become clips; 16 frames of 128 pixels by default.
        streams: Which streams to encode.
        batch_size: Clips a forward pass.
        workers: Processes that decode; 0 decodes here.
        device: Where to compute; where the model is by default.
        cache_dir: Keep features there and reuse them for the same weights, videos and clips. They
            are not kept where a video could not be read: the next time it may.
        progress: Show a bar if it takes more than two seconds.

    Returns:
        See `Features`.

    Raises:
        ValueError: If there are no videos, none of them can be read, or features are not finite.
    """
    clips = clips or ClipSettings()
    cached = None
    if cache_dir is not None:
        cached = Path(cache_dir) / f"{feature_key(model, dataset, clips, streams)}.npz"
        if cached.exists():
            return load_features(cached)
        check_writable(cached)
    source = ClipSource(dataset, clips, batch_size, workers, progress)
    features = encode_videos(model, source, streams=streams, device=device)
    if cached is not None and not source.failures:
        save_features(cached, features)
    return features


def encode_videos(
    model: nn.Module,
    source: ClipSource,
    batches: Iterable[tuple[Tensor, Tensor]] | None = None,
    *,
    streams: Sequence[Stream] = STREAMS,
    device: str | torch.device | None = None,
) -> Features:
    """Encode the clips of a source, as `extract_features` does.

    Args:
        model: As there.
        source: The clips and the videos that they are of.
        batches: What the source gave, where several networks see clips that are decoded once.
        streams: Which streams to encode.
        device: Where to compute; where the model is by default.

    Raises:
        ValueError: If no video can be read, or features are not finite.
    """
    encoded = encode_clips(model, source if batches is None else batches, streams, device)
    features = source.describe(_average(encoded, len(source.videos)))
    refuse_not_finite(features)
    return features


def feature_key(
    model: nn.Module, dataset: VideoDataset, clips: ClipSettings, streams: Sequence[Stream]
) -> str:
    """Name under which features are cached: weights, videos, clips, streams and boundary.

    Videos count with their labels and with the size and time of change of their files, and what
    is kept of the split with its official number.
    """
    split = [dataset.official, dataset.divides_groups]
    data = [dataset.fingerprint(), split, [_state(file.path) for file in dataset]]
    boundary = getattr(model, "boundary", None)
    what = [weights_hash(model), data, asdict(clips), list(streams), boundary]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:24]


def _state(path: Path) -> tuple[int, int]:
    """Size and time of change; zeros for a file that cannot be reached."""
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def weights_hash(model: nn.Module) -> str:
    """Sixteen hex digits of all parameters and buffers, their names included."""
    return digest(model.state_dict())[:16]


def encode_clips(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    streams: Sequence[Stream] = STREAMS,
    device: str | torch.device | None = None,
) -> Iterator[tuple[Tensor, Stream, Encoded]]:
    """Encode batches of clips in ``eval()``, without gradients, and restore the mode afterwards.

    Args:
        model: An `SDC`, or what encodes clips as it does.
        batches: Clips, uint8 ``(B, C, T, H, W)``, and the positions ``(B,)`` of their videos.
        streams: As which each batch is encoded, one after another.
        device: Where to compute; where the model is by default.

    Yields:
        Positions ``(B,)`` of the videos, the stream, and what the network says of it.
    """
    if device is None:
        device = next(model.parameters()).device
    keep_freed_memory()
    encoder = cast(Encoder, model.to(device))
    with evaluating(model):
        for clips, videos in batches:
            inputs = normalize(clips.to(device))
            for stream in streams:
                with torch.no_grad():
                    encoded = encoder.encode(inputs, stream)
                yield videos, stream, encoded


def _average(
    encoded: Iterable[tuple[Tensor, Stream, Encoded]], num_videos: int
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Per-video means of unit pooled features ``(N, D)`` and of scores ``(N, 2K)``."""
    means: dict[tuple[str, str], VideoMeans] = {}
    for videos, stream, (pooled, _, scores) in encoded:
        for kind, rows in (("pooled", F.normalize(pooled, dim=-1)), ("scores", scores)):
            means.setdefault((kind, stream), VideoMeans(num_videos)).add(rows, videos)
    return {key: mean.result().numpy() for key, mean in means.items()}
