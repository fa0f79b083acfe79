"""Linear probes on frozen features: the default protocol, and one with fresh augmentations.

`linear_probe` trains BatchNorm -> Linear on one stored feature a video. `logistic_probe` solves the
same question with a convex solver in a fraction of a second; the disentanglement table, which
needs many probes, uses it. Neither ever looks at the test split while training.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sdc_lib.evaluation.classification import Classification, classify
from sdc_lib.evaluation.disjoint import check_disjoint
from sdc_lib.features.store import Features, Floats, Ints, refuse_not_finite
from sdc_lib.support.settings import Count, Range, Seed, check_settings


@dataclass(frozen=True)
class LinearProbeConfig:
    """Offline linear probe; the defaults are those of peers' evaluations of stored features."""

    lr: Annotated[float, Range(0, 1000, above=True)] = 1.0
    """Learning rate of plain SGD."""
    weight_decay: Annotated[float, Range(0, 10)] = 1e-3
    """L2 penalty on all parameters."""
    batch_size: Count = 1024
    """Videos a step."""
    epochs: Annotated[int, Range(1, 100_000)] = 100
    """Passes over the training features."""
    milestones: Annotated[tuple[int, ...], Range(0, 100_000)] = (60, 80)
    """Epochs after which the learning rate drops to a tenth."""
    seed: Seed = 0
    """Of initial weights and the order of videos."""


def linear_probe(
    train: Features,
    test: Features,
    *,
    target: str | None = None,
    stream: str = "video",
    config: LinearProbeConfig | None = None,
) -> Classification:
    """Train BatchNorm -> Linear on the pooled features of the training videos.

    Args:
        train: Training videos; statistics, weights and nothing else come from them.
        test: Videos to report on.
        target: A factor such as ``"motion"``, or None for the data set's own labels.
        stream: Whose pooled features: ``"video"``, ``"static"`` or ``"dynamic"``.
        config: Optimisation.

    Returns:
        See `Classification`.

    Raises:
        ValueError: If the splits share videos or groups, or lack the labels, or features or scores
            are not finite.
    """
    check_disjoint(train, test)
    for part in (train, test):
        refuse_not_finite(part)
    config = config or LinearProbeConfig()
    classes = max(train.num_classes(target), test.num_classes(target))
    head = fit_linear(train.pooled[stream], train.targets(target), classes, config)
    with torch.no_grad():
        logits = head(torch.from_numpy(test.pooled[stream])).numpy()
    notes = {"stream": stream, "optimisation": f"SGD lr {config.lr:g}, {config.epochs} epochs"}
    return classify("linear", logits, test, target, notes)


def fit_linear(
    inputs: Floats, targets: Ints, num_classes: int, config: LinearProbeConfig | None = None
) -> nn.Module:
    """Fit BatchNorm -> Linear to rows ``(N, D)`` and classes ``(N,)``.

    Returns:
        The head in ``eval()``.

    Raises:
        ValueError: If there are fewer than two rows, or a setting makes no sense.
    """
    config = config or LinearProbeConfig()
    check_settings(config)
    if len(inputs) < 2:
        raise ValueError(f"a linear probe needs at least two training videos, got {len(inputs)}")
    generator = torch.Generator().manual_seed(config.seed)
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    linear = nn.Linear(x.shape[1], num_classes)
    nn.init.normal_(linear.weight, std=0.01, generator=generator)
    nn.init.zeros_(linear.bias)
    head = nn.Sequential(nn.BatchNorm1d(x.shape[1]), linear)
    optimizer = torch.optim.SGD(head.parameters(), config.lr, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, list(config.milestones), 0.1)
    for _ in range(config.epochs):
        order = torch.randperm(len(x), generator=generator)
        for rows in order.split(config.batch_size):
            if len(rows) > 1:  # BatchNorm has no variance for a single row
                optimizer.zero_grad()
                F.cross_entropy(head(x[rows]), y[rows]).backward()
                optimizer.step()
        schedule.step()
    return head.eval()


def logistic_probe(
    train: NDArray[np.floating],
    train_targets: Ints,
    test: NDArray[np.floating],
    *,
    penalty: float = 1.0,
) -> Ints:
    """Predict classes with a multinomial logistic regression on standardised columns.

    Mean and deviation come from the training rows, so small numbers such as concept distributions
    count as much as raw scores. Constant columns are left at zero.

    Args:
        train: ``(N, D)``.
        train_targets: Classes, ``(N,)``.
        test: ``(M, D)``.
        penalty: Inverse strength C of the L2 penalty in scikit-learn's sense.

    Returns:
        Predicted classes ``(M,)``.
    """
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=2000))
    probe.fit(train.astype(np.float64), train_targets)
    return np.asarray(probe.predict(test.astype(np.float64)), dtype=np.int64)
