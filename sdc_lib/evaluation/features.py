"""Features of whole videos, from a frozen network: what every offline protocol starts from.

A video is cut into clips; each clip is encoded as video, static view and frame difference. Pooled
features are L2-normalised per clip and averaged per video, concept scores are averaged per video.
Nothing here trains and nothing depends on other videos, so neither batch size nor the number of
worker processes nor further test videos change a number.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from sdc_lib.augment import Crops, normalize
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import EvalClips, EvalSample
from sdc_lib.evaluation.feature_store import Features, Floats, load_features, save_features
from sdc_lib.model import Encoded
from sdc_lib.video import VideoError
from sdc_lib.views import STREAMS, Stream


class Encoder(Protocol):
    """What can be evaluated: a module that encodes clips as one of the three streams."""

    def encode(self, clips: Tensor, stream: Stream = "video") -> Encoded:
        """Pooled feature, local map and concept scores of clips ``(B, C, T, H, W)``."""


@dataclass(frozen=True)
class ClipSettings:
    """How a video becomes clips at test time."""

    num_frames: int = 16
    """T, frames in a clip."""
    size: int = 128
    """Side of the square crops, pixels."""
    stride: int = 1
    """Frames of the file from one frame of the clip to the next."""
    clips: Literal["dense", "ten", "centre"] = "dense"
    """Half-overlapping clips over the whole video, ten uniform starts, or one in the middle."""
    crops: Crops = "centre"
    """The centre, or corners and centre, or those and their mirror images."""


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

    The network is put into ``eval()``, runs without gradients and gets its former mode back; its
    parameters and buffers are not changed. A video that cannot be read is left out and listed.

    Args:
        model: An `SDC`, or any module with its ``encode`` method.
        dataset: The videos.
        clips: How videos become clips; 16 frames of 128 pixels by default.
        streams: Which streams to encode.
        batch_size: Clips a forward pass.
        workers: Processes that decode; 0 decodes here.
        device: Where to compute; where the model is by default.
        cache_dir: Keep features there and reuse them for the same weights, videos and clips.
        progress: Show a bar if it takes more than two seconds.

    Returns:
        See `Features`.

    Raises:
        ValueError: If there are no videos, or none of them can be read.
    """
    clips = clips or ClipSettings()
    cached = None
    if cache_dir is not None:
        cached = Path(cache_dir) / f"{feature_key(model, dataset, clips, streams)}.npz"
        if cached.exists():
            return load_features(cached)
    if len(dataset) == 0:
        raise ValueError(f"{dataset.name}/{dataset.split} has no videos to encode")
    source = EvalClips(dataset, **asdict(clips))
    videos = source.videos  # without files known to hold no frames
    loader = DataLoader(
        _Readable(source), batch_size=None, num_workers=workers, persistent_workers=False
    )
    bar = tqdm(loader, desc="features", unit="video", delay=2, leave=False, disable=not progress)
    failures: dict[int, str] = {}
    means = _encode(model, _batches(bar, batch_size, failures), len(videos), streams, device)
    official = len(dataset) + len(dataset.left_out)
    features = _gather(videos, means, failures, official)
    if cached is not None:
        save_features(cached, features)
    return features


def feature_key(
    model: nn.Module, dataset: VideoDataset, clips: ClipSettings, streams: Sequence[Stream]
) -> str:
    """Name under which features are cached: weights, videos, clips and streams.

    Videos count with their labels and with the size and time of change of their files.
    """
    files = [(s.st_size, s.st_mtime_ns) for s in (file.path.stat() for file in dataset)]
    data = [dataset.fingerprint(), files]
    what = [weights_hash(model), data, asdict(clips), list(streams)]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:24]


def weights_hash(model: nn.Module) -> str:
    """Sixteen hex digits of all parameters and buffers, their names included."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        data = value.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(data.numpy().tobytes())
    return digest.hexdigest()[:16]


class _Readable(Dataset[Any]):
    """Clips of a video, or why it could not be read, instead of an exception from a worker."""

    def __init__(self, clips: EvalClips) -> None:
        self.clips = clips

    def __len__(self) -> int:
        """How many there are."""
        return len(self.clips)

    def __getitem__(self, index: int) -> EvalSample | tuple[int, str]:
        try:
            return self.clips[index]
        except VideoError as error:
            return index, str(error)


def _batches(
    samples: Iterable[EvalSample | tuple[int, str]], batch_size: int, failures: dict[int, str]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Clips ``(B, C, T, H, W)`` and the videos ``(B,)`` they belong to, across videos."""
    waiting: list[Tensor] = []
    owners: list[Tensor] = []
    for sample in samples:
        if not isinstance(sample, EvalSample):
            failures[sample[0]] = sample[1]
            continue
        waiting.append(sample.clips)
        owners.append(torch.full((len(sample.clips),), int(sample.index)))
        if sum(map(len, waiting)) >= batch_size:
            clips, videos = torch.cat(waiting), torch.cat(owners)
            full = len(clips) // batch_size * batch_size
            yield from zip(
                clips[:full].split(batch_size), videos[:full].split(batch_size), strict=True
            )
            waiting, owners = [clips[full:]], [videos[full:]]
    if sum(map(len, waiting)):
        yield torch.cat(waiting), torch.cat(owners)


@torch.no_grad()
def _encode(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    num_videos: int,
    streams: Sequence[Stream],
    device: str | torch.device | None,
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Per-video means, ``(N, D)`` for ("pooled", stream) and ``(N, 2K)`` for ("scores", stream)."""
    if device is None:
        device = next(model.parameters()).device
    encoder = cast(Encoder, model.to(device))
    was_training = model.training
    model.eval()
    counts = torch.zeros(num_videos, 1, dtype=torch.float64)
    sums: dict[tuple[str, str], Tensor] = {}
    try:
        for clips, videos in batches:
            inputs = normalize(clips.to(device))
            counts.index_add_(0, videos, torch.ones(len(videos), 1, dtype=torch.float64))
            for stream in streams:
                pooled, _, scores = encoder.encode(inputs, stream)
                for kind, rows in (("pooled", F.normalize(pooled, dim=-1)), ("scores", scores)):
                    new = sums.setdefault(
                        (kind, stream), torch.zeros(num_videos, rows.shape[1], dtype=torch.float64)
                    )
                    new.index_add_(0, videos, rows.double().cpu())
    finally:
        model.train(was_training)
    return {key: (total / counts.clamp(min=1)).numpy() for key, total in sums.items()}


def _gather(
    dataset: VideoDataset,
    means: Mapping[tuple[str, str], NDArray[np.float64]],
    failures: Mapping[int, str],
    official: int,
) -> Features:
    rows = [i for i in range(len(dataset)) if i not in failures]
    if not rows:
        raise ValueError(
            f"no video of {dataset.name}/{dataset.split} could be read; the first said: "
            f"{next(iter(failures.values()))}"
        )
    files = [dataset[i] for i in rows]
    labels = {name: dataset.targets(name)[rows] for name in dataset.factor_names}
    if all(file.label is not None for file in files):
        labels = {"label": dataset.targets()[rows], **labels}
    by_kind: dict[str, dict[str, Floats]] = {"pooled": {}, "scores": {}}
    for (kind, stream), values in means.items():
        by_kind[kind][stream] = values[rows].astype(np.float32)
    return Features(
        dataset=dataset.name,
        split=dataset.split,
        names=tuple(file.name for file in files),
        pooled=by_kind["pooled"],
        scores=by_kind["scores"],
        labels=labels,
        classes={"label": tuple(dataset.class_names), **dataset.factor_names},
        groups=tuple(dataset.groups[i] for i in rows),
        official=official,
        left_out=(*(f"{o.name}: {o.cause}" for o in dataset.left_out), *failures.values()),
    )
