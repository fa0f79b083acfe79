"""What a number must be compared with: random weights, plain pixels, and full supervision."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from sdc_lib.augment import ClipAugment, normalize
from sdc_lib.backbones import build_backbone
from sdc_lib.config import AugmentConfig, ModelConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import TrainClips
from sdc_lib.evaluation.factors import known_factors
from sdc_lib.evaluation.train_batches import EpochOrder, Replaced, epoch_batches
from sdc_lib.features import ClipSettings, Features, extract_features
from sdc_lib.model import SDC, Encoded, build_model
from sdc_lib.support.generators import seeded
from sdc_lib.support.settings import Count, Range, Seed, Share, Workers, check_settings
from sdc_lib.views import Stream, frame_difference, static_view

_NEVER = -100.0  # a logit that leaves softmax at any temperature unchanged


def is_random(weights: str | Path) -> bool:
    """Whether random weights are meant, ``random:PRESET``."""
    return str(weights).startswith("random:")


def random_model(config: ModelConfig, seed: int = 0) -> SDC:
    """A model with random weights, reproducible and without touching the global generators."""
    with seeded(seed):
        return build_model(config).eval()


class Pixels(nn.Module):
    """Pixels as features: every clip averaged down to a small grid and flattened.

    Args:
        grid: Frames, rows and columns that are left.
    """

    def __init__(self, grid: tuple[int, int, int] = (4, 8, 8)) -> None:
        super().__init__()
        self.grid = grid
        self.register_buffer("unit", torch.ones(()))

    def encode(self, clips: Tensor, stream: Stream = "video") -> Encoded:
        """Encode clips ``(B, C, T, H, W)``; there are no scores, ``(B, 0)``."""
        clips = _as_stream(clips, stream)
        small = F.adaptive_avg_pool3d(clips, self.grid)
        return Encoded(small.flatten(1), small, clips.new_zeros(len(clips), 0))


def pixel_features(
    dataset: VideoDataset, clips: ClipSettings | None = None, **extraction: object
) -> Features:
    """`extract_features` of plain pixels; concept scores are left out."""
    features = extract_features(Pixels(), dataset, clips, device="cpu", **extraction)  # type: ignore[arg-type]
    return replace(features, scores={})


@dataclass(frozen=True)
class SupervisedConfig:
    """Training of the supervised reference."""

    backbone: str = "tiny"
    """As for `ModelConfig`."""
    epochs: Count = 80
    """Passes over the training videos, one random clip each."""
    batch_size: Count = 64
    """Videos a step."""
    lr: Annotated[float, Range(0, 10, above=True)] = 6e-3
    """Peak learning rate of Adam; it rises for 10% of the steps and then falls as a cosine."""
    weight_decay: Annotated[float, Range(0, 10)] = 1e-4
    """L2 penalty."""
    augment: AugmentConfig = field(
        default_factory=lambda: AugmentConfig(
            size=48, crop_scale=(0.5, 1.0), flip=0.0, grayscale=0.2
        )
    )
    """Random augmentation; no flips where directions are labels."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Arithmetic of the network."""
    max_replaced: Share = 0.05
    """Share of an epoch's samples that may be replaced because their file broke before it ends."""
    workers: Workers = 0
    """Processes that decode."""
    seed: Seed = 0
    """Of weights, order, clips and augmentation."""


class Supervised(nn.Module):
    """One backbone with a linear classifier for each factor.

    Its "concepts" are the logits of two of them, of the static and of the dynamic factor: halves
    where the truth is given, the upper end of what disentanglement can reach. As halves must be of
    one size, the smaller one is filled up with logits that never win.

    Args:
        backbone: Gives pooled features of width `dim`.
        dim: Width D.
        classes: Number of classes of each factor.
        halves: The static and the dynamic factor.
    """

    def __init__(
        self, backbone: nn.Module, dim: int, classes: dict[str, int], halves: Sequence[str]
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifiers = nn.ModuleDict({f: nn.Linear(dim, n) for f, n in classes.items()})
        self.halves = tuple(halves)
        self.half_size = max(classes[factor] for factor in halves)

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """Logits ``(B, classes)`` of each factor for normalised clips ``(B, C, T, H, W)``."""
        pooled = self.backbone(clips).pooled
        return {factor: classifier(pooled) for factor, classifier in self.classifiers.items()}

    def encode(self, clips: Tensor, stream: Stream = "video") -> Encoded:
        """Encode clips as one stream; scores are the logits of both halves side by side."""
        pooled, local = self.backbone(_as_stream(clips, stream))
        logits = [self.classifiers[factor](pooled) for factor in self.halves]
        full = [F.pad(x, (0, self.half_size - x.shape[1]), value=_NEVER) for x in logits]
        return Encoded(pooled, local, torch.cat(full, dim=1))


def train_supervised(
    train: VideoDataset,
    num_frames: int = 8,
    stride: int = 2,
    config: SupervisedConfig | None = None,
    *,
    device: str = "cpu",
    progress: bool = True,
) -> Supervised:
    """Train a network on all factors of a data set at once.

    Args:
        train: Videos with factors, such as MotionFactors.
        num_frames: T, frames in a clip.
        stride: Frames of the file from one frame of the clip to the next.
        config: Network and optimisation.
        device: Where to train, as torch names it.
        progress: Show a bar.

    Returns:
        The network in ``eval()``, on that device.

    Raises:
        ValueError: If the data set has no factors, or a setting makes no sense.
        TrainingError: If too many videos cannot be read; of a few, a warning tells.
    """
    config = config or SupervisedConfig()
    check_settings(config)
    if not train.factor_names:
        raise ValueError(f"{train.name} has no factors to learn")
    network = _new_network(train, config).to(device)
    augment, some = ClipAugment(config.augment), next(iter(train.factor_names))
    samples = TrainClips(train, num_frames, augment, stride, config.seed, some)
    labels = {f: torch.from_numpy(samples.videos.targets(f)).to(device) for f in train.factor_names}
    orders = [
        EpochOrder(len(samples), config.batch_size, config.seed, e) for e in range(config.epochs)
    ]
    optimizer = torch.optim.Adam(network.parameters(), weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.lr, total_steps=sum(map(len, orders)), pct_start=0.1
    )
    replaced = Replaced(config.max_replaced)
    network.train()
    for order in tqdm(orders, desc="supervised", unit="epoch", delay=2, disable=not progress):
        for sample in epoch_batches(samples, order, config.workers, replaced):
            targets = {factor: values[sample.index] for factor, values in labels.items()}
            with torch.autocast(
                torch.device(device).type, torch.bfloat16, enabled=config.precision == "bf16-mixed"
            ):
                logits = network(normalize(sample.clip.to(device)))
            losses = [F.cross_entropy(logits[f].float(), targets[f]) for f in targets]
            optimizer.zero_grad()
            torch.stack(losses).sum().backward()
            optimizer.step()
            schedule.step()
    if replaced.count:
        first = next(iter(replaced.names))
        warnings.warn(f"samples replaced: {replaced.count}, of {first} first", stacklevel=2)
    return network.eval()


def _new_network(train: VideoDataset, config: SupervisedConfig) -> Supervised:
    """Random weights of the seed, a classifier for each factor."""
    classes = {factor: len(names) for factor, names in train.factor_names.items()}
    halves = (known_factors(classes) or tuple(classes))[:2]
    if len(halves) < 2:
        raise ValueError(
            f"{train.name} has one factor, {halves[0]}: a static and a dynamic one are needed"
        )
    with seeded(config.seed):
        backbone = build_backbone(config.backbone)
        return Supervised(backbone, int(backbone.dim), classes, halves)  # type: ignore[arg-type]


def _as_stream(clips: Tensor, stream: Stream) -> Tensor:
    if stream == "static":
        return static_view(clips, clips.shape[2] // 2)
    return frame_difference(clips) if stream == "dynamic" else clips
