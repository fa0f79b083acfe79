"""A question to an evaluation, the conditions of its answer, and the videos that it is about."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from sdc_lib.config import DataConfig
from sdc_lib.datasets.names import open_dataset
from sdc_lib.evaluation.opening import config_of, part_names
from sdc_lib.evaluation.protocols import ClipChoice, Protocol


class Question(NamedTuple):
    """One evaluation that is to be made."""

    who: str
    """What the weights are called in the table."""
    weights: str
    """As for `evaluate`."""
    dataset: str
    fold: int
    protocol: Protocol


@dataclass(frozen=True)
class Conditions:
    """What all answers have in common."""

    data_dir: str | Path = "data"
    size: Literal["toy", "tiny", "small", "standard"] | None = None
    """Which MotionFactors; by default the one that the weights were trained on."""
    videos: int | None = None
    """At most so many of each split, evenly spaced; for rehearsals."""
    epochs: int | None = None
    """Epochs of the protocols that train; each protocol's own number when None."""
    flip: bool | None = None
    """Whether those that train on videos mirror half of the clips; as for `evaluate`."""
    workers: int = 2
    device: str = "cpu"
    seed: int = 0
    clips: ClipChoice = "own"
    stride: int | None = None
    """Frames of the file from one frame of a clip to the next; that of the clips if None."""
    split: Literal["val", "test"] = "test"
    target: str | None = None
    """A labelling to predict; by default all, or motion where a network is trained for each."""
    factors: tuple[str, ...] | None = None
    folds: str | None = None
    batch_size: int = 64


def data_of(question: Question, conditions: Conditions) -> DataConfig:
    """What names the data set of a question."""
    size = conditions.size or config_of(question.weights).data.size
    return DataConfig(dataset=question.dataset, fold=question.fold, size=size)


class Videos:
    """What the videos of a question are, each data set looked at once."""

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self._known: dict[DataConfig, str] = {}

    def fingerprint(self, question: Question) -> str:
        """Hash of lists, labels and sizes of files, all parts of them; opens no video.

        Raises:
            ValueError: If the data are not there.
        """
        asked, data = self.conditions, data_of(question, self.conditions)
        if data not in self._known:
            parts = [
                open_dataset(data, asked.data_dir, name, checked=False)
                for name in part_names(asked.split, asked.folds)
            ]
            sizes = [[_size(file.path) for file in part] for part in parts]
            what = [[part.fingerprint() for part in parts], sizes]
            self._known[data] = hashlib.sha256(str(what).encode()).hexdigest()
        return self._known[data]


def _size(path: Path) -> int:
    """Bytes; 0 for what is listed and cannot be reached, such as a link in a circle."""
    return path.stat().st_size if os.path.isfile(path) else 0
