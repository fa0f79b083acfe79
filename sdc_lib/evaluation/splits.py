"""A validation set out of the training videos, without dividing a group."""

import numpy as np

from sdc_lib.datasets.base import VideoDataset


def carve_validation(
    train: VideoDataset, share: float = 0.1, seed: int = 0
) -> tuple[VideoDataset, VideoDataset]:
    """Set whole groups of training videos aside.

    Args:
        train: Training videos; a video without a group is a group of its own.
        share: Share of the videos to set aside, between 0 and 1; groups are added in random order
            until it is reached.
        seed: Of the order.

    Returns:
        What is left to train on, and the validation set.

    Raises:
        ValueError: If the share is out of range or leaves one of the two sets empty.
    """
    if not 0 < share < 1:
        raise ValueError(f"share is {share}; it must lie between 0 and 1")
    groups = np.array(train.groups)
    order = np.random.default_rng(seed).permutation(np.unique(groups))
    chosen: list[str] = []
    count = 0
    for group in order:
        if count >= share * len(train):
            break
        chosen.append(group)
        count += int((groups == group).sum())
    aside = np.isin(groups, chosen)
    if aside.all():
        raise ValueError(
            f"{train.name} has {len(order)} groups for {len(train)} videos: "
            f"too few to set {share:.0%} aside"
        )
    return (
        train.subset(np.flatnonzero(~aside).tolist()),
        train.subset(np.flatnonzero(aside).tolist()),
    )
