"""The ledger: every number that is shown anywhere is a record here, and tables are built from it.

A record is one ``results/NAME.json``: what was measured, with which configuration, seeds, commit,
device and data. ``make results`` writes the tables of README.md and docs/results.md between their
markers; a test fails when a table and the records differ.
"""

import hashlib
import json
import math
import re
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from sdc_lib.evaluation.table_views import VIEWS, View
from sdc_lib.support.files import check_writable, write_atomically

Column = Literal["published", "trained here", "this run"]
COLUMNS: tuple[Column, ...] = get_args(Column)

_MARKER = re.compile(
    r"(?P<open><!-- results:(?P<name>[\w-]+) -->\n)"
    r"(?P<body>.*?)"
    r"(?P<close><!-- /results:(?P=name) -->)",
    re.DOTALL,
)
_NAME = re.compile(r"[\w.+-]+")
_NAME_BYTES = 200  # of the 255 that systems allow
_NAME_MEANING = "it must be a file name of letters, digits and any of _ . + -"


@dataclass(frozen=True)
class Record:
    """One measurement, possibly of several metrics and seeds."""

    name: str
    """File name without suffix; unique."""
    table: str
    """Name of the table that shows it."""
    row: str
    """What stands first in its row: method, preset or variant."""
    values: dict[str, list[float]]
    """By metric one value a seed (a single one for published numbers)."""
    dataset: str
    """Data set and split."""
    protocol: str
    """How it was measured, clips and averaging included."""
    column: Column
    """Where the number comes from: published elsewhere, trained here, or the reader's own run."""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By metric a 95% interval, where there is one."""
    seeds: list[int] = field(default_factory=list)
    """Seeds, in the order of the values; empty for published numbers."""
    config: str = ""
    """Hash of the configuration."""
    inputs: str = ""
    """Hash of weights, settings, and the names and labels of videos; not of what is in them."""
    commit: str = ""
    """Commit of this repository."""
    device: str = ""
    """What it ran on."""
    wall_time: float | None = None
    """Seconds, all seeds together."""
    evaluated: int | None = None
    """Videos evaluated."""
    official: int | None = None
    """Videos that the official split lists."""
    source: str = ""
    """Citation or address of a published number."""
    notes: str = ""
    """What else must be known."""

    def check(self) -> "Record":
        """Return the record itself.

        Raises:
            ValueError: If something that must be stated is not.
        """
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"the name of a record is {self.name!r}; {_NAME_MEANING}")
        if self.column not in COLUMNS:
            raise ValueError(f"{self.name}: column {self.column!r} is none of {', '.join(COLUMNS)}")
        if not self.values or not all(self.values.values()):
            raise ValueError(f"{self.name}: a record needs at least one value a metric")
        for metric, numbers in self.values.items():
            if not all(math.isfinite(number) for number in numbers):
                raise ValueError(f"{self.name}: {metric} is {numbers}, not finite")
        if unknown := sorted(set(self.intervals) - set(self.values)):
            raise ValueError(f"{self.name}: an interval for {unknown[0]!r}, which has no value")
        if self.column == "published":
            if not self.source:
                raise ValueError(f"{self.name}: a published number needs its source")
            return self
        for metric, numbers in self.values.items():
            if len(numbers) != len(self.seeds):
                raise ValueError(
                    f"{self.name}: {metric} has {len(numbers)} values for {len(self.seeds)} seeds"
                )
        needed = ("config", "commit", "device", "wall_time", "evaluated", "official")
        if missing := [name for name in needed if getattr(self, name) in ("", None)]:
            raise ValueError(f"{self.name}: {missing[0]} is not stated")
        return self


def record_name(*parts: str) -> str:
    """A file name of these parts; the end of a long one gives way to a hash of the whole."""
    name = re.sub(r"[^\w.+-]", "_", "-".join(parts))
    if len(name.encode()) <= _NAME_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"{name.encode()[:_NAME_BYTES].decode(errors='ignore')}-{digest}"


def check_target(name: str, folder: str | Path) -> None:
    """Find out before the work whether a record can be written, and over nothing else.

    Raises:
        ValueError: If the name is none of a file, or something else than a record is there.
        OSError: If the record cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"the name of a record is {name!r}; {_NAME_MEANING}")
    path = Path(folder) / f"{name}.json"
    if path.exists():
        read_record(path)
    check_writable(path)


def write_record(record: Record, folder: str | Path = "results") -> Path:
    """Write a record to its file, whole or not at all.

    Raises:
        ValueError: If it is incomplete.
        OSError: If it cannot be written.
    """
    record.check()
    path = Path(folder) / f"{record.name}.json"
    write_atomically(path, (json.dumps(asdict(record), indent=2) + "\n").encode())
    return path


def read_records(folder: str | Path = "results") -> list[Record]:
    """All records of a folder, by name; none if there is no folder. Benchmarks are no records.

    Raises:
        ValueError: If a file is not a complete record.
    """
    paths = sorted(Path(folder).glob("*.json"))
    return [read_record(path) for path in paths if not path.name.startswith("benchmark_")]


def read_record(path: str | Path) -> Record:
    """One record.

    Raises:
        ValueError: If the file is not a complete record, or has another name than the record.
    """
    path = Path(path)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        unknown = sorted(set(content) - {field.name for field in fields(Record)})
        if unknown:
            raise ValueError(f"unknown field {unknown[0]!r}")
        content["intervals"] = {k: tuple(v) for k, v in content.get("intervals", {}).items()}
        record = Record(**content).check()
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a record: {error}") from error
    if record.name != path.stem:
        raise ValueError(f"{path} holds the record {record.name!r}; file and record must agree")
    return record


def markdown_table(records: Iterable[Record], table: str) -> str:
    """One table in Markdown, a record a row: published ones first, then by row; empty if none.

    Several seeds show as mean ± standard deviation, a single value with its interval if it has one.
    """
    table, wanted, names = VIEWS.get(table, View(table, ()))
    rows = sorted(
        (
            record
            for record in records
            if record.table == table
            and (not wanted or set(wanted) & set(record.values))
            and (not names or record.name in names)
        ),
        key=lambda record: (COLUMNS.index(record.column), record.dataset, record.row, record.name),
    )
    if not rows:
        return ""
    metrics = list(wanted or dict.fromkeys(metric for record in rows for metric in record.values))
    header = ["", *metrics, "data (N of official)", "seeds", "from"]
    lines = [_line(header), _line(["---", *["---:"] * len(metrics), "---", "---:", "---"])]
    for record in rows:
        cells = [_cell(record, metric) for metric in metrics]
        lines.append(
            _line([record.row, *cells, _data(record), str(len(record.seeds) or ""), _from(record)])
        )
    return "\n".join(lines) + "\n"


def rebuild(text: str, records: Sequence[Record]) -> str:
    """Replace what stands between each pair of markers by its table.

    Markers are ``<!-- results:NAME -->`` and ``<!-- /results:NAME -->`` on lines of their own.

    Raises:
        ValueError: If a marker has no partner.
    """
    found = len(_MARKER.findall(text))
    if text.count("<!-- results:") != found or text.count("<!-- /results:") != found:
        raise ValueError("every <!-- results:NAME --> needs its own <!-- /results:NAME -->")

    def fill(match: re.Match[str]) -> str:
        return match["open"] + markdown_table(records, match["name"]) + match["close"]

    return _MARKER.sub(fill, text)


def stale(documents: Iterable[str | Path], folder: str | Path = "results") -> dict[Path, str]:
    """Documents whose tables differ from the records, and how they ought to read."""
    records = read_records(folder)
    wrong = {}
    for document in map(Path, documents):
        if document.exists():
            text = document.read_text(encoding="utf-8")
            if (rebuilt := rebuild(text, records)) != text:
                wrong[document] = rebuilt
    return wrong


def current_commit() -> str:
    """Short hash of the checked-out commit, with ``+`` if files differ; ``unknown`` outside git.

    An installed package may lie inside somebody else's repository, whose commit says nothing.
    """
    root = Path(__file__).resolve().parents[2]

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root:
            return "unknown"
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _cell(record: Record, metric: str) -> str:
    numbers = record.values.get(metric)
    if numbers is None:
        return ""
    mean = statistics.fmean(numbers)
    if len(numbers) > 1:
        return f"{mean:.1f} ± {statistics.stdev(numbers):.1f}"
    if metric in record.intervals:
        low, high = record.intervals[metric]
        return f"{mean:.1f} [{low:.1f}, {high:.1f}]"
    return f"{mean:.1f}"


def _data(record: Record) -> str:
    if record.evaluated is None:
        return record.dataset
    return f"{record.dataset} ({record.evaluated} of {record.official})"


def _from(record: Record) -> str:
    if record.column == "published":
        return f"published: {record.source}"
    return f"{record.column}, {record.device}, commit {record.commit}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
