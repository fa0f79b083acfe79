"""Protocols that look at videos again in every epoch: the online linear probe and fine-tuning.

Both draw one random, freshly augmented clip a video and epoch, and predict a test video by
averaging over its clips. The epoch is the last one, or the best one on validation videos that were
carved from the training set by group; the test split plays no part in it.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from sdc_lib.augment import normalize
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.clips import TrainClips
from sdc_lib.datasets.reading import FrameCache
from sdc_lib.evaluation.classification import (
    Averaging,
    Classification,
    average_clips,
    classify,
)
from sdc_lib.evaluation.disjoint import check_disjoint
from sdc_lib.evaluation.splits import carve_validation
from sdc_lib.evaluation.train_batches import EpochOrder, Replaced, TrainAugment, epoch_batches
from sdc_lib.features import ClipSettings, ClipSource
from sdc_lib.model import SDC
from sdc_lib.support.generators import seeded
from sdc_lib.support.settings import Count, Range, Seed, Share, Workers, check_settings


@dataclass(frozen=True)
class OnlineConfig:
    """Training with fresh clips; the defaults are those of the online linear probe."""

    lr: Annotated[float, Range(0, 1000, above=True)] = 0.1
    """Learning rate of the head."""
    backbone_lr: Annotated[float, Range(0, 1000)] = 0.0
    """Learning rate of the backbone when fine-tuning."""
    weight_decay: Annotated[float, Range(0, 10)] = 1e-3
    """L2 penalty."""
    batch_size: Count = 64
    """Videos a step."""
    epochs: Annotated[int, Range(1, 100_000)] = 100
    """Passes over the training videos."""
    milestones: Annotated[tuple[int, ...], Range(0, 100_000)] = (60, 80)
    """Epochs after which learning rates drop to a tenth."""
    dropout: Annotated[float, Range(0, 0.99)] = 0.0
    """Dropout before the classifier when fine-tuning."""
    flip: Share = 0.5
    """Probability of a left-right flip; 0 where the direction of motion is a label."""
    validation: Annotated[float, Range(0, 0.9)] = 0.0
    """Share of training videos, whole groups, by which the epoch is chosen; 0: the last epoch."""
    averaging: Averaging = "softmax"
    """A video's prediction is the mean over clips of probabilities or of logits."""
    workers: Workers = 0
    """Processes that decode."""
    max_replaced: Share = 0.05
    """Share of an epoch's samples that may be replaced because their file broke before it ends."""
    cache_mb: Annotated[int, Range(0, 1_000_000)] = 0
    """Megabytes of decoded training videos to keep, where `workers` is 0."""
    seed: Seed = 0
    """Of initial weights, order, clips and augmentation."""


FINETUNE = OnlineConfig(lr=1e-3, backbone_lr=1e-4, dropout=0.5, milestones=(80, 90))
"""Defaults of fine-tuning."""


class Classifier(nn.Module):
    """A backbone and a linear head.

    Args:
        backbone: Gives pooled features of width `dim`.
        dim: Width D.
        num_classes: Outputs.
        kind: ``"linear_online"``: L2, BatchNorm, Linear; ``"finetune"``: Dropout, Linear.
        dropout: Of the latter.
    """

    def __init__(
        self,
        backbone: nn.Module,
        dim: int,
        num_classes: int,
        kind: Literal["linear_online", "finetune"],
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.frozen = kind == "linear_online"
        self.backbone = backbone.requires_grad_(not self.frozen)
        classifier = nn.Linear(dim, num_classes)
        nn.init.normal_(classifier.weight, std=0.01)
        nn.init.zeros_(classifier.bias)
        first = nn.BatchNorm1d(dim) if self.frozen else nn.Dropout(dropout)
        self.head = nn.Sequential(first, classifier)

    def train(self, mode: bool = True) -> "Classifier":
        """Set the mode; a frozen backbone stays in ``eval()``."""
        super().train(mode)
        self.backbone.train(mode and not self.frozen)
        return self

    def forward(self, clips: Tensor) -> Tensor:
        """Logits ``(B, classes)`` of normalised clips ``(B, C, T, H, W)``."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            pooled = self.backbone(clips).pooled
        logits: Tensor = self.head(F.normalize(pooled, dim=-1) if self.frozen else pooled)
        return logits


def linear_online(
    model: SDC,
    train: VideoDataset,
    test: VideoDataset,
    clips: ClipSettings | None = None,
    config: OnlineConfig | None = None,
    *,
    target: str | None = None,
    batch_size: int | None = None,
    progress: bool = True,
) -> Classification:
    """Train L2 -> BatchNorm -> Linear on a frozen backbone with augmented clips.

    Args:
        model: Its backbone stays in ``eval()`` and does not change.
        train: Training videos.
        test: Videos to report on.
        clips: Length, size and stride of clips, and how test videos are cut.
        config: Optimisation.
        target: A factor, or None for the data set's own labels.
        batch_size: Clips a forward pass of prediction, which changes no number; as many as videos a
            step of training by default.
        progress: Show bars.

    Returns:
        See `Classification`.

    Raises:
        ValueError: If the splits share videos or groups or lack the labels, a step has one video,
            or training diverges.
        TrainingError: If too many training videos cannot be read.
    """
    config = config or OnlineConfig()
    return _run("linear_online", model, train, test, clips, config, target, batch_size, progress)


def finetune(
    model: SDC,
    train: VideoDataset,
    test: VideoDataset,
    clips: ClipSettings | None = None,
    config: OnlineConfig | None = None,
    *,
    target: str | None = None,
    batch_size: int | None = None,
    progress: bool = True,
) -> Classification:
    """Train a copy of the backbone and a new classifier together; arguments as `linear_online`."""
    config = config or FINETUNE
    return _run("finetune", model, train, test, clips, config, target, batch_size, progress)


def _run(
    kind: Literal["linear_online", "finetune"],
    model: SDC,
    train: VideoDataset,
    test: VideoDataset,
    clips: ClipSettings | None,
    config: OnlineConfig,
    target: str | None,
    batch_size: int | None,
    progress: bool,
) -> Classification:
    clips = clips or ClipSettings()
    check_settings(clips)
    check_settings(config)
    check_disjoint(train, test)
    classes = int(max(train.targets(target).max(), test.targets(target).max())) + 1
    names = train.class_names if target is None else train.factor_names[target]
    with seeded(config.seed, next(model.backbone.parameters()).device):
        dim = int(model.backbone.dim)  # type: ignore[arg-type]
        backbone = copy.deepcopy(model.backbone)
        network = Classifier(backbone, dim, max(classes, len(names)), kind, config.dropout)
        network.to(next(backbone.parameters()).device)
        fitted = _fit(network, train, clips, config, target, batch_size, progress)
    source = ClipSource(test, clips, batch_size or config.batch_size, config.workers, progress)
    scores = predict_videos(network, source, config.averaging)
    notes = {
        "clips": f"{clips.clips}, {clips.num_frames} frames at {clips.size}, {clips.crops} crop",
        "averaging": config.averaging,
        "flips": f"{config.flip:g}",
        "epoch": fitted.epoch,
    }
    found = source.describe({})
    left_out = tuple(dict.fromkeys((*fitted.left_out, *found.left_out)))
    result = classify(kind, scores, found, target, notes)
    return replace(result, left_out=left_out, replaced=fitted.replaced)


class _Fitted(NamedTuple):
    """What is to be said of a training."""

    epoch: str
    """Which one was kept and why."""
    left_out: Sequence[str]
    """Videos that could not be used, with the cause."""
    replaced: int
    """Samples that stood in for some of them."""


def _fit(
    network: Classifier,
    train: VideoDataset,
    clips: ClipSettings,
    config: OnlineConfig,
    target: str | None,
    batch_size: int | None,
    progress: bool,
) -> _Fitted:
    """Train in place."""
    validation = None
    if config.validation:
        train, validation = carve_validation(train, config.validation, config.seed)
    augment = TrainAugment(clips.size, config.flip)
    read = FrameCache(config.cache_mb)
    samples = TrainClips(train, clips.num_frames, augment, clips.stride, config.seed, target, read)
    if network.frozen and min(len(samples), config.batch_size) < 2:  # BatchNorm needs a variance
        raise ValueError(
            f"linear_online needs at least two training videos a step: there are {len(samples)}, "
            f"batches have {config.batch_size}"
        )
    device = next(network.parameters()).device
    optimizer = _optimizer(network, config)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, list(config.milestones), 0.1)
    replaced = Replaced(config.max_replaced)
    left_out = {f"{out.name}: {out.cause}": None for out in samples.videos.left_out}
    best, kept, chosen = -1.0, network.state_dict(), f"last of {config.epochs}"
    bar = tqdm(range(config.epochs), desc="training", unit="epoch", delay=2, disable=not progress)
    for epoch in bar:
        order = EpochOrder(len(samples), config.batch_size, config.seed, epoch)
        network.train()
        for sample in epoch_batches(samples, order, config.workers, replaced):
            logits = network(normalize(sample.clip.to(device)))
            loss = F.cross_entropy(logits, sample.label.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        if validation is not None:
            size = batch_size or config.batch_size
            source = ClipSource(validation, clips, size, config.workers, False)
            scores = predict_videos(network, source, config.averaging)
            found = source.describe({})
            left_out |= dict.fromkeys(found.left_out)
            top1 = classify("validation", scores, found, target).top1
            if top1 > best:
                best, kept = top1, copy.deepcopy(network.state_dict())
                chosen = f"{epoch + 1}, best on {len(validation)} validation videos"
    if validation is not None:
        network.load_state_dict(kept)
    left_out |= {f"{name}: it could not be read while training": None for name in replaced.names}
    return _Fitted(chosen, tuple(left_out), replaced.count)


def _optimizer(network: Classifier, config: OnlineConfig) -> torch.optim.Optimizer:
    if network.frozen:
        return torch.optim.SGD(
            network.head.parameters(), config.lr, momentum=0.9, weight_decay=config.weight_decay
        )
    groups = [
        {"params": network.head.parameters(), "lr": config.lr},
        {"params": network.backbone.parameters(), "lr": config.backbone_lr},
    ]
    return torch.optim.Adam(groups, weight_decay=config.weight_decay)


@torch.no_grad()
def predict_videos(
    network: nn.Module, source: ClipSource, averaging: Averaging = "softmax"
) -> NDArray[np.float64]:
    """Class scores ``(N, C)`` of all readable videos, averaged over their clips."""
    network.eval()
    device = next(network.parameters()).device
    logits, owners = [], []
    for clips, positions in source:
        logits.append(network(normalize(clips.to(device))).float().cpu())
        owners.append(positions)
    videos = len(source.describe({}))
    rows = source.rows(torch.cat(owners))
    return average_clips(torch.cat(logits).numpy(), rows.numpy(), videos, averaging)
