"""Accuracy per video: from clip predictions to top-1, top-5, per-class means and confusions."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from sdc_lib.features.means import VideoMeans
from sdc_lib.features.store import Features, Ints
from sdc_lib.support.tables import format_table, percent

Averaging = Literal["softmax", "logits"]


@dataclass(frozen=True)
class Classification:
    """How well the videos of a test split were classified; all accuracies in per cent.

    Attributes:
        protocol: ``"linear"``, ``"linear_online"``, ``"finetune"`` or ``"knn"``.
        target: The labelling that was predicted, ``"label"`` or a factor.
        top1: Share of videos whose best class is right.
        top5: Share whose true class is among the best five, equal scores in the order of classes;
            None with five classes or fewer.
        mean_per_class: Mean over classes that occur of the share of their videos that are right.
        chance: What guessing the most frequent class gives.
        confusion: Videos by true (row) and predicted (column) class, ``(C, C)``.
        names: The videos, N.
        targets: True classes, ``(N,)``.
        predictions: Predicted classes, ``(N,)``.
        scores: Class scores they come from, ``(N, C)``.
        evaluated: N.
        official: Videos that the split lists.
        notes: Facts to be stated beside the number: clips, crops, averaging, data set.
        left_out: Videos that training and test could not use, with the cause.
        replaced: Training samples that stood in for videos that could not be read.
    """

    protocol: str
    target: str
    top1: float
    top5: float | None
    mean_per_class: float
    chance: float
    confusion: Ints
    names: tuple[str, ...]
    targets: Ints
    predictions: Ints
    scores: NDArray[np.floating]
    evaluated: int
    official: int
    notes: dict[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    replaced: int = 0

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Which videos were classified rightly, ``(N,)``."""
        return np.asarray(self.predictions == self.targets)

    def __str__(self) -> str:
        """As a table."""
        title = f"{self.protocol} -> {self.target}, {self.evaluated} of {self.official} videos"
        if self.notes:
            title += "\n" + ", ".join(f"{key}: {value}" for key, value in self.notes.items())
        if self.replaced:
            title += f"\ntraining samples replaced: {self.replaced}, of unreadable videos"
        rows = [
            ["top-1", percent(self.top1)],
            ["mean per class", percent(self.mean_per_class)],
            ["chance", percent(self.chance)],
        ]
        if self.top5 is not None:
            rows.insert(1, ["top-5", percent(self.top5)])
        return format_table(["accuracy", "%"], rows, title)


def classify(
    protocol: str,
    scores: NDArray[np.floating],
    test: Features,
    target: str | None = None,
    notes: dict[str, str] | None = None,
) -> Classification:
    """Summarise class scores of the videos of a split.

    Args:
        protocol: Name to show.
        scores: One row a video, one column a class, ``(N, C)``.
        test: The videos and their labels.
        target: A factor, or None for the data set's own labels.
        notes: Facts to print with the result.

    Raises:
        ValueError: If rows and videos do not match, or a score is not finite.
    """
    return summarise(
        protocol,
        scores,
        test.targets(target),
        test.names,
        target=target or "label",
        official=test.official,
        notes=notes,
    )


def summarise(
    protocol: str,
    scores: NDArray[np.floating],
    targets: Ints,
    names: Sequence[str],
    *,
    target: str = "label",
    official: int | None = None,
    notes: dict[str, str] | None = None,
) -> Classification:
    """As `classify`, from plain arrays.

    Raises:
        ValueError: If scores, targets and names differ in length, there is no video, a class is
            beyond the columns, or a score is not finite.
    """
    if not len(scores) == len(targets) == len(names) or len(targets) == 0:
        raise ValueError(
            f"one row of scores, target and name a video are needed, got {len(scores)}, "
            f"{len(targets)} and {len(names)}"
        )
    classes = scores.shape[1]
    if targets.max() >= classes:
        raise ValueError(f"class {targets.max()} is beyond the {classes} columns of the scores")
    if broken := int((~np.isfinite(scores)).any(axis=1).sum()):
        raise ValueError(
            f"{protocol} of {target}: the scores of {broken} of {len(scores)} videos are not "
            "finite: training diverged; use a smaller learning rate"
        )
    predictions = scores.argmax(axis=1).astype(np.int64)
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (targets, predictions), 1)
    support = confusion.sum(axis=1)
    recalls = np.diag(confusion)[support > 0] / support[support > 0]
    own = scores[np.arange(len(targets)), targets]
    tied_before = (scores == own[:, None]) & (np.arange(classes) < targets[:, None])
    rank = ((scores > own[:, None]) | tied_before).sum(axis=1)  # argmax, too, takes the first
    return Classification(
        protocol=protocol,
        target=target,
        top1=100 * float((predictions == targets).mean()),
        top5=100 * float((rank < 5).mean()) if classes > 5 else None,
        mean_per_class=100 * float(recalls.mean()),
        chance=100 * float(support.max() / support.sum()),
        confusion=confusion,
        names=tuple(names),
        targets=targets,
        predictions=predictions,
        scores=scores,
        evaluated=len(targets),
        official=len(targets) if official is None else official,
        notes=notes or {},
    )


def merge_folds(parts: Sequence[Classification], official: int) -> Classification:
    """One result over the test videos of all folds.

    Args:
        parts: Of one protocol and target, a fold each.
        official: Videos that the data set lists.
    """
    first = parts[0]
    merged = summarise(
        first.protocol,
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.targets for part in parts]),
        [name for part in parts for name in part.names],
        target=first.target,
        official=official,
        notes={**first.notes, "folds": str(len(parts))},
    )
    return replace(
        merged,
        left_out=tuple(dict.fromkeys(line for part in parts for line in part.left_out)),
        replaced=sum(part.replaced for part in parts),
    )


def average_clips(
    logits: NDArray[np.floating],
    videos: Ints,
    num_videos: int,
    averaging: Averaging = "softmax",
) -> NDArray[np.float64]:
    """Class scores per video from logits per clip.

    Args:
        logits: One row a clip, ``(M, C)``.
        videos: Which video each clip comes from, ``(M,)``.
        num_videos: N.
        averaging: Average probabilities, or logits.

    Returns:
        ``(N, C)``.

    Raises:
        ValueError: If a video has no clip, or the averaging is unknown.
    """
    if averaging not in ("softmax", "logits"):
        raise ValueError(f"averaging must be 'softmax' or 'logits', got {averaging!r}")
    values = logits.astype(np.float64)
    if averaging == "softmax":
        values = softmax(values, axis=1)
    empty = np.setdiff1d(np.arange(num_videos), videos)[:5].tolist()
    if empty or videos.max() >= num_videos:
        raise ValueError(f"every one of {num_videos} videos needs a clip; none for {empty}")
    means = VideoMeans(num_videos).add(torch.from_numpy(values), torch.from_numpy(videos))
    return np.asarray(means.result())
