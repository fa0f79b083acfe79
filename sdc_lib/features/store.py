"""The features of a split's videos as one value: looked at, cut, saved and loaded."""

import io
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from sdc_lib.support.files import first_line, write_atomically
from sdc_lib.support.tables import format_table

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_ARRAYS = ("pooled", "scores", "labels")


@dataclass(frozen=True)
class Features:
    """Features of the N readable videos of one split, in the order of the data set.

    Attributes:
        dataset: Name of the data set.
        split: Name of the split.
        names: Names of the videos, N.
        pooled: Per stream, mean over clips of L2-normalised pooled features, ``(N, D)``.
        scores: Per stream, mean over clips of concept scores, ``(N, 2K)``, static half first.
        labels: Per labelling, class indices ``(N,)``; ``"label"`` is the data set's own.
        classes: Per labelling, the names of its classes.
        groups: What must not be divided between train and test, N; empty if unknown.
        official: Videos that the split lists, readable or not.
        left_out: Those that are not here, with the cause.
        divides_groups: The official train and test lists share groups, and are kept as they are.
    """

    dataset: str
    split: str
    names: tuple[str, ...]
    pooled: Mapping[str, Floats]
    scores: Mapping[str, Floats]
    labels: Mapping[str, Ints]
    classes: Mapping[str, tuple[str, ...]]
    groups: tuple[str, ...] = ()
    official: int = 0
    left_out: tuple[str, ...] = ()
    divides_groups: bool = False

    def __len__(self) -> int:
        """How many there are."""
        return len(self.names)

    def targets(self, factor: str | None = None) -> Ints:
        """Class indices ``(N,)`` of the data set's own labels, or of a factor.

        Raises:
            ValueError: If there is no such labelling.
        """
        key = factor or "label"
        if key not in self.labels:
            known = ", ".join(self.labels) or "none"
            raise ValueError(f"{self.dataset}/{self.split} has no labels {key!r}; it has: {known}")
        return self.labels[key]

    def num_classes(self, factor: str | None = None) -> int:
        """How many classes a labelling has, whether or not all occur here."""
        found = int(self.targets(factor).max(initial=-1)) + 1
        return max(found, len(self.classes.get(factor or "label", ())))

    def subset(self, indices: Sequence[int] | Ints) -> "Features":
        """The features of some videos, in the given order."""
        rows = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            names=tuple(self.names[i] for i in rows),
            pooled={stream: values[rows] for stream, values in self.pooled.items()},
            scores={stream: values[rows] for stream, values in self.scores.items()},
            labels={name: values[rows] for name, values in self.labels.items()},
            groups=tuple(self.groups[i] for i in rows) if self.groups else (),
            official=len(rows),
            left_out=(),
        )

    def __str__(self) -> str:
        """As a table."""
        rows = [
            [stream, str(self.pooled[stream].shape[1]), str(self.scores[stream].shape[1])]
            for stream in self.pooled
        ]
        title = f"{self.dataset}/{self.split}: {len(self)} of {self.official} videos"
        labels = [f"{name} ({self.num_classes(name)} classes)" for name in self.labels]
        return format_table(["stream", "feature", "scores"], rows, title) + (
            f"\nlabels: {', '.join(labels) or 'none'}"
        )


def refuse_not_finite(features: Features) -> None:
    """Refuse features from which no number can be had.

    Raises:
        ValueError: If a value of a video is NaN or infinite.
    """
    for rows in (*features.pooled.values(), *features.scores.values()):
        for i in np.flatnonzero(~np.isfinite(rows).all(axis=1))[:1]:
            raise ValueError(
                f"the features of {features.names[i]} are not finite; these weights do not fit it"
            )


def save_features(path: str | Path, features: Features) -> None:
    """Write features to one ``.npz`` file."""
    facts = {
        "dataset": features.dataset,
        "split": features.split,
        "names": features.names,
        "classes": dict(features.classes),
        "groups": features.groups,
        "official": features.official,
        "left_out": features.left_out,
        "divides_groups": features.divides_groups,
    }
    save_arrays(path, facts, {kind: getattr(features, kind) for kind in _ARRAYS})


def load_features(path: str | Path) -> Features:
    """Read what `save_features` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another kind of file.
    """
    try:
        facts, groups = load_arrays(path)
        return Features(
            dataset=facts["dataset"],
            split=facts["split"],
            names=tuple(facts["names"]),
            classes={name: tuple(names) for name, names in facts["classes"].items()},
            groups=tuple(facts["groups"]),
            official=facts["official"],
            left_out=tuple(facts["left_out"]),
            divides_groups=facts.get("divides_groups", False),
            **{kind: groups.get(kind, {}) for kind in _ARRAYS},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} holds no features ({error}); delete it to make them again"
        ) from error


Groups = Mapping[str, Mapping[str, NDArray[Any]]]
"""Arrays by kind and name."""


def save_arrays(path: str | Path, facts: Mapping[str, Any], groups: Groups) -> None:
    """Write arrays and what is to be known of them to one ``.npz`` file, whole or not at all.

    Args:
        path: The file.
        facts: JSON values.
        groups: Arrays by kind and name, neither with a slash.

    Raises:
        OSError: If it cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {
        f"{kind}/{name}": values for kind, named in groups.items() for name, values in named.items()
    }
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(Path(path), buffer.getbuffer())


def load_arrays(path: str | Path) -> tuple[dict[str, Any], dict[str, dict[str, NDArray[Any]]]]:
    """Read facts and arrays that `save_arrays` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another kind of file.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        facts: dict[str, Any] = json.loads(arrays.pop("facts").tobytes())
    except FileNotFoundError:
        raise
    except KeyError as error:
        raise ValueError(f"it has no entry {error}") from error
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error, AttributeError) as error:
        raise ValueError(_without_advice(error)) from error
    groups: dict[str, dict[str, NDArray[Any]]] = {}
    for key, values in arrays.items():
        kind, _, name = key.partition("/")
        groups.setdefault(kind, {})[name] = values
    return facts, groups


def _without_advice(error: BaseException) -> str:
    """What NumPy reports of a file, without its advice to load pickles."""
    text = first_line(error)
    return "it is no .npz file" if "pickle" in text else text
