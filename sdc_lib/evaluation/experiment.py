"""The whole evaluation: every protocol on every data set that is there, and one table of it all.

Every question that is answered leaves a record, so that a run that was stopped goes on where it
was. Notebook 07 asks all questions of fresh weights and of random ones: the random network's
fine-tuning is training from scratch.
"""

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Literal, NamedTuple

from tqdm import tqdm

from sdc_lib.config import DataConfig
from sdc_lib.datasets.names import DATASETS, open_dataset, own_folder
from sdc_lib.evaluation.baselines import is_random
from sdc_lib.evaluation.ledger import Record, read_record, record_name
from sdc_lib.evaluation.opening import config_of, part_names
from sdc_lib.evaluation.protocols import PROTOCOLS, TRAINED, ClipChoice, Protocol
from sdc_lib.evaluation.run import evaluate
from sdc_lib.support.tables import format_table
from sdc_lib.weights import resolve

OFFICIAL = ("ucf101", "hmdb51", "diving48")
"""Data sets with official splits on which video representations are compared."""
SHOWN = ("top-1", "R@1", "R@5", "gap")
"""Metrics that the table shows."""


class Question(NamedTuple):
    """One evaluation that is to be made."""

    who: str
    """What the weights are called in the table."""
    weights: str
    """As for `evaluate`."""
    dataset: str
    fold: int
    protocol: Protocol


class Answer(NamedTuple):
    """A question with its numbers."""

    question: Question
    record: Record


def official_folds(data_dir: str | Path) -> dict[str, tuple[int, ...]]:
    """The official data sets that a folder holds, each with the numbers of its folds."""
    root = Path(data_dir)
    return {
        name: DATASETS[name].folds or (1,) for name in OFFICIAL if own_folder(root, name) != root
    }


def all_questions(
    weights: Mapping[str, str | Path],
    folds: Mapping[str, Sequence[int]],
    protocols: Iterable[Protocol] = PROTOCOLS,
    factors: Sequence[str] = (),
) -> list[Question]:
    """Every protocol on MotionFactors and on every fold of the other data sets.

    Args:
        weights: By the name they get in the table; values as for `evaluate`.
        folds: As `official_folds` gives them.
        protocols: Which ones.
        factors: Those of the other data sets; without them, disentanglement is measured on
            MotionFactors only.

    Returns:
        The questions, quick protocols first.
    """
    asked = [
        Question(who, path if is_random(path) else str(resolve(path)), name, fold, protocol)
        for name, numbers in {"motion-factors": (1,), **folds}.items()
        for fold in numbers
        for protocol in protocols
        if protocol != "disentanglement" or name == "motion-factors" or factors
        for who, path in ((who, str(path)) for who, path in weights.items())
    ]
    return sorted(asked, key=lambda question: question.protocol in TRAINED)


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


def answer(
    questions: Iterable[Question],
    folder: str | Path,
    conditions: Conditions | None = None,
    *,
    cache_dir: str | Path | None = None,
    max_minutes: float | None = None,
    progress: bool = True,
) -> list[Answer]:
    """Answer the questions that have no record yet, and return all that have one.

    A record counts for the weights, the conditions and the videos that it is of: lists, labels and
    sizes of files are compared each time.

    Args:
        questions: As `all_questions` gives them.
        folder: Gets ``records/``.
        conditions: Data, device, epochs.
        cache_dir: Gets features; ``features/`` in the folder by default.
        max_minutes: Begin no further question after so many minutes; the same call goes on later.
        progress: Show a bar.

    Returns:
        Answers in the order of the questions; fewer than questions if time ran out.

    Raises:
        ValueError: If weights or data do not exist or do not fit.
    """
    conditions, folder = conditions or Conditions(), Path(folder)
    places = {"cache_dir": cache_dir or folder / "features", "results_dir": folder / "records"}
    answers, started = [], time.monotonic()
    videos = _Videos(conditions)
    for question in tqdm(list(questions), "evaluation", delay=2, disable=not progress):
        name = _record_name(question, conditions, videos.fingerprint(question))
        path = folder / "records" / f"{name}.json"
        if path.exists():
            answers.append(Answer(question, read_record(path)))
        elif max_minutes is None or time.monotonic() - started < 60 * max_minutes:
            record = _ask(question, conditions, name=name, progress=progress, **places)
            answers.append(Answer(question, record))
    return answers


def _ask(question: Question, conditions: Conditions, **options: Any) -> Record:
    """Evaluate; `options` are further ones of `evaluate`."""
    if question.protocol not in TRAINED:
        conditions = replace(conditions, epochs=None)
    elif question.dataset == "motion-factors":
        conditions = replace(conditions, target=conditions.target or "motion")
    return evaluate(
        question.weights,
        question.dataset,
        question.protocol,
        fold=question.fold,
        **vars(conditions),
        **options,
    ).record


class _Videos:
    """What the videos of a question are, each data set looked at once."""

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self._known: dict[DataConfig, str] = {}

    def fingerprint(self, question: Question) -> str:
        """Hash of lists, labels and sizes of files, all parts of them; opens no video.

        Raises:
            ValueError: If the data are not there.
        """
        asked, own = self.conditions, config_of(question.weights).data
        size = asked.size or own.size
        data = DataConfig(dataset=question.dataset, fold=question.fold, size=size)
        if data not in self._known:
            parts = [
                open_dataset(data, asked.data_dir, name, checked=False)
                for name in part_names(asked.split, asked.folds)
            ]
            sizes = [[file.path.stat().st_size for file in part] for part in parts]
            what = [[part.fingerprint() for part in parts], sizes]
            self._known[data] = hashlib.sha256(str(what).encode()).hexdigest()
        return self._known[data]


def _record_name(question: Question, conditions: Conditions, videos: str) -> str:
    """Names everything that the numbers depend on, so that stale records are never taken."""
    free = {"data_dir": "", "workers": 0, "device": "", "batch_size": 0}
    what = [str({**asdict(conditions), **free}), question.weights, videos]
    if not is_random(question.weights):
        what[1] = hashlib.sha256(Path(question.weights).read_bytes()).hexdigest()
    digest = hashlib.sha256(" ".join(what).encode()).hexdigest()[:10]
    fold = str(question.fold)
    return record_name(question.who, question.dataset, fold, question.protocol, digest)


@dataclass(frozen=True)
class Comparison:
    """One table of published numbers and our own; prints with its sources.

    Attributes:
        names: Columns of our own.
        rows: By (data set, protocol, metric) the cells, *published* first.
        sources: Where the published numbers come from.
    """

    names: tuple[str, ...]
    rows: Mapping[tuple[str, str, str], tuple[str, ...]]
    sources: tuple[str, ...]

    def __str__(self) -> str:
        """The table, then the sources of published numbers."""
        first = 0 if self.sources else 1  # without published numbers they have no column
        header = ["data, protocol, metric, %", *("published", *self.names)[first:]]
        rows = [[", ".join(key), *row[first:]] for key, row in self.rows.items()]
        table = format_table(header, rows)
        lines = [f"published: {source}" for source in self.sources]
        return "\n".join([table, *lines])


def compare(answers: Iterable[Answer], ledger: Iterable[Record]) -> Comparison:
    """Set published numbers beside answers; several folds show as mean ± standard deviation.

    Published numbers stand beside those of the same protocol and part of a data set alone: not
    beside those of validation videos.

    Args:
        answers: As `answer` gives them.
        ledger: Records, as `read_records` gives them; the published ones among them count.

    Returns:
        See `Comparison`.
    """
    found: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    measured: dict[tuple[str, str, str], set[str]] = {}
    names: dict[str, None] = {}
    for (who, _, dataset, _, protocol), record in answers:
        names[who] = None
        for metric, values in record.values.items():
            if metric.rpartition(", ")[2] in SHOWN:
                key = (dataset, str(protocol), metric)
                found.setdefault(key, {}).setdefault(who, []).extend(values)
                measured.setdefault(key, set()).add(record.dataset)
    rows: dict[tuple[str, str, str], tuple[str, ...]] = {}
    sources: dict[str, None] = {}
    published = [record for record in ledger if record.column == "published"]
    for key, cells in found.items():
        dataset, asked, metric = key
        theirs = [
            r
            for r in published
            if r.table == asked and r.dataset == f"{dataset}/test" and metric in r.values
        ]
        theirs = theirs if measured[key] == {f"{dataset}/test"} else []
        sources |= {f"{record.row} ({record.source})": None for record in theirs}
        best = max((record.values[metric][0] for record in theirs), default=None)
        first = "" if best is None else f"up to {best:.1f}"
        own = (_mean(cells.get(name, [])) for name in names)
        rows[key] = (first, *own)
    return Comparison(tuple(names), rows, tuple(sources))


def _mean(values: Sequence[float]) -> str:
    if not values:
        return ""
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{fmean(values):.1f}{spread}"
