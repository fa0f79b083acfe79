"""What is learned from and what is tested have nothing in common but what official lists divide."""

from sdc_lib.datasets.base import VideoDataset
from sdc_lib.features.store import Features

Part = Features | VideoDataset


def check_disjoint(train: Part, test: Part) -> None:
    """Refuse parts that share videos, or groups that no official split divides.

    Parts of two data sets share nothing, whatever their videos are called.

    Args:
        train: What is learned from.
        test: What is tested.

    Raises:
        ValueError: If a name or a group is in both. Groups may be where the official lists of the
            data set have them on both sides: without them no number could be compared.
    """
    if _dataset(train) != _dataset(test):
        return
    shared = {"videos": set(train.names) & set(test.names)}
    if not (train.divides_groups and test.divides_groups):
        shared["groups"] = set(train.groups) & set(test.groups)
    for what, both in shared.items():
        if both:
            raise ValueError(
                f"train and test of {_dataset(test)} share {len(both)} {what}, "
                f"{', '.join(sorted(both)[:3])} first; they must be disjoint"
            )


def note_of_divided_groups(train: Part, test: Part) -> str:
    """What is to be said of groups that an official split divides; empty where there are none."""
    if not (train.divides_groups and test.divides_groups):
        return ""
    both = set(train.groups) & set(test.groups)
    return f"{len(both)} groups are in train and in test, as in the official lists" if both else ""


def _dataset(part: Part) -> str:
    return part.name if isinstance(part, VideoDataset) else part.dataset
