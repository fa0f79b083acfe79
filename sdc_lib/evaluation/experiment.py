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
from typing import Any, NamedTuple

from tqdm import tqdm

from sdc_lib.evaluation.baselines import is_random
from sdc_lib.evaluation.found import folders_of_official
from sdc_lib.evaluation.ledger import Record, read_record, record_name
from sdc_lib.evaluation.opening import open_parts, part_names
from sdc_lib.evaluation.protocols import PROTOCOLS, TRAINED, Protocol
from sdc_lib.evaluation.questions import Conditions, Question, Videos, data_of
from sdc_lib.evaluation.run import Evaluation, evaluate
from sdc_lib.support.tables import format_table
from sdc_lib.weights import resolve

OFFICIAL = ("ucf101", "hmdb51", "diving48")
"""Data sets with official splits on which video representations are compared."""
SHOWN = ("top-1", "R@1", "R@5", "gap")
"""Metrics that the table shows."""


class Answer(NamedTuple):
    """A question with its numbers."""

    question: Question
    record: Record
    left_out: tuple[str, ...] = ()
    """Videos that could not be used, with the cause; empty for numbers of an earlier call."""


def official_folds(data_dir: str | Path) -> dict[str, tuple[int, ...]]:
    """The official data sets that a folder holds, each with the numbers of its folds."""
    there = folders_of_official(data_dir)
    return {name: there[name] for name in OFFICIAL if name in there}


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
    videos = Videos(conditions)
    for question in tqdm(list(questions), "evaluation", delay=2, disable=not progress):
        name = _record_name(question, conditions, videos.fingerprint(question))
        path = folder / "records" / f"{name}.json"
        if path.exists():
            answers.append(Answer(question, read_record(path)))
        elif max_minutes is None or time.monotonic() - started < 60 * max_minutes:
            done = _ask(question, conditions, name=name, progress=progress, **places)
            answers.append(Answer(question, done.record, done.left_out))
    return answers


def _ask(question: Question, conditions: Conditions, **options: Any) -> Evaluation:
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
    )


def left_out_of(answers: Iterable[Answer], conditions: Conditions) -> tuple[str, ...]:
    """What data sets lack or hold that cannot be used, and what could not be read just now.

    Args:
        answers: As `answer` gave them.
        conditions: Those of the answers.

    Returns:
        A line a video, with the cause.
    """
    lines: dict[str, None] = {}
    opened = set()
    for question, _, just_now in answers:
        data = data_of(question, conditions)
        if data not in opened:
            opened.add(data)
            names = part_names(conditions.split, conditions.folds)
            parts = open_parts(data, conditions.data_dir, names, None, conditions.workers, True)
            lines |= {f"{out.name}: {out.cause}": None for part in parts for out in part.left_out}
        lines |= dict.fromkeys(just_now)
    return tuple(lines)


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
    for (who, _, dataset, _, protocol), record, _ in answers:
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
