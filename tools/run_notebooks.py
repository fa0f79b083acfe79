"""Run the notebooks, two at a time, report every failure at the end, and write an HTML site.

``python -m tools.run_notebooks`` puts executed copies and pages into ``build/notebooks``;
``--in-place`` stores the outputs in the notebooks themselves instead.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import nbformat
import papermill
import tyro

from sdc_lib.support.processes import available_cores
from tools.pages import write_site
from tools.side_by_side import side_by_side
from tools.tidy import ROOT, tidy
from tools.timing import measure_work, slowness, stated_minutes, too_slow

Profile = Literal["cpu", "gpu", "rehearsal"]
NUMBERED = "[0-9][0-9]_*.ipynb"
AFTER = {"07_evaluation": "06_pretraining"}  # it evaluates the weights that the other writes
MEMORY_OF_ONE = 4e9
SECONDS_A_CELL = {"cpu": 600, "gpu": 24 * 3600, "rehearsal": 600}


@dataclass(frozen=True)
class Outcome:
    """How one notebook fared.

    Attributes:
        name: File name without its ending.
        seconds: Wall time, kernel start included.
        failure: Where and why it failed; empty after success.
        note: That it took longer than its header says; no failure.
    """

    name: str
    seconds: float
    failure: str = ""
    note: str = ""


@dataclass(frozen=True)
class Options:
    """Run the notebooks."""

    profile: Profile = "cpu"
    """cpu: minutes on 2 cores; gpu: the whole thing on one GPU; rehearsal: that at toy size."""
    data_dir: Path | None = None
    """Folder of data sets; data/ of the repository when not given."""
    device: str = ""
    """Where to compute, such as cuda; every notebook's own choice when empty."""
    in_place: bool = False
    """Store the outputs in the notebooks (default parameters) instead of build/notebooks."""
    jobs: int = 0
    """Notebooks at a time; 0: two on two cores or more, and one where a GPU does the work."""
    only: tuple[str, ...] = ()
    """Beginnings of names, such as 01 06; all when empty."""
    folder: Path = ROOT / "notebooks"
    """Where the notebooks are."""
    out: Path = ROOT / "build" / "notebooks"
    """Folder for executed copies and pages."""


def failing_cell(executed: Path, error: Exception) -> str:
    """Name the cell in which a run ended: its number in the notebook, first line and error."""
    cause = (str(getattr(error, "evalue", "")) or str(error)).strip() or "no message"
    kind = getattr(error, "ename", "") or type(error).__name__
    message = f"{kind}: {cause.splitlines()[0]}"
    if not executed.exists():
        return message
    number = -1
    for cell in nbformat.read(executed, as_version=4).cells:
        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags or any(tag.startswith("papermill-error") for tag in tags):
            continue
        number += 1
        if cell.metadata.get("papermill", {}).get("status") in ("failed", "running"):
            lines = [line for line in cell.source.splitlines() if line.strip()]
            return f"cell {number} ({lines[0].strip() if lines else 'empty'}): {message}"
    return message


def parameters_for(source: Path, options: Options) -> dict[str, str]:
    """The values that a notebook gets for those parameters that it has."""
    files = os.path.relpath(options.out / "files" / source.stem, options.folder.parent)
    values = {"PROFILE": options.profile, "OUT_DIR": Path(files).as_posix()}
    if options.data_dir is not None:
        values["DATA_DIR"] = str(options.data_dir.resolve())
    if options.device:
        values["DEVICE"] = options.device
    has = set()
    for cell in nbformat.read(source, as_version=4).cells:
        if "parameters" in cell.metadata.get("tags", []):
            has |= set(re.findall(r"^([A-Z_]+)\b.*=", cell.source, re.MULTILINE))
    return {name: value for name, value in values.items() if name in has}


def execute(
    source: Path, target: Path, parameters: dict[str, str], profile: Profile, line: int = 0
) -> Outcome:
    """Run one notebook from a fresh kernel, in the folder above its own; keep what it produced."""
    terminal = sys.stderr.isatty()
    bar: dict[str, Any] = {"desc": source.stem, "unit": "cell", "ncols": 88, "position": line}
    start, failure = time.perf_counter(), ""
    try:
        papermill.execute_notebook(
            source,
            target,
            parameters=parameters,
            kernel_name="python3",
            language="python",
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
            cwd=source.parent.parent,
            start_timeout=300,
            execution_timeout=SECONDS_A_CELL[profile],
            progress_bar=bar if terminal else {**bar, "mininterval": 30.0},
        )
    except Exception as error:  # one notebook's failure must not keep the others from running
        failure = failing_cell(target, error)
    return Outcome(source.stem, time.perf_counter() - start, failure)


def run_copy(source: Path, options: Options, line: int = 0) -> Outcome:
    """Run one notebook into ``options.out``, tidily, and compare its time with its header's."""
    target = options.out / source.name
    target.unlink(missing_ok=True)
    parameters = parameters_for(source, options)
    factor = slowness(measure_work()) if options.profile == "cpu" else 1.0
    outcome = execute(source, target, parameters, options.profile, line)
    if options.profile == "cpu" and not outcome.failure:
        minutes = stated_minutes(nbformat.read(source, as_version=4))
        outcome = replace(outcome, note=too_slow(outcome.seconds, minutes, factor))
    if target.exists():
        nbformat.write(tidy(nbformat.read(target, as_version=4)), target)
    return outcome


def run_in_place(source: Path, options: Options, line: int = 0) -> Outcome:
    """Run one notebook with its default parameters; store the outputs in it if it succeeds."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / source.name
        outcome = execute(source, target, {}, options.profile, line)
        if not outcome.failure:
            nbformat.write(tidy(nbformat.read(target, as_version=4)), source)
    return outcome


def run_one(name: str, line: int, options: Options) -> Outcome:
    """Run the notebook of that name; its bar is in that line."""
    run = run_in_place if options.in_place else run_copy
    return run(options.folder / f"{name}.ipynb", options, line)


def run_all(sources: Sequence[Path], options: Options) -> list[Outcome]:
    """Run all; unless they stay in place, write the record and the pages."""
    options.out.mkdir(parents=True, exist_ok=True)
    minutes = {
        source.stem: stated_minutes(nbformat.read(source, as_version=4)) or 1.0
        for source in sources
    }
    jobs = min(options.jobs or default_jobs(options), len(sources))
    if jobs > 1:  # kernels inherit it
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, available_cores() // jobs)))
    outcomes = side_by_side(partial(run_one, options=options), minutes, jobs, AFTER)
    if not options.in_place:
        record = json.dumps([asdict(outcome) for outcome in outcomes], indent=2)
        (options.out / "outcomes.json").write_text(record + "\n", encoding="utf-8")
        times = {outcome.name: outcome.seconds for outcome in outcomes}
        failures = {outcome.name: outcome.failure for outcome in outcomes if outcome.failure}
        pages = [options.out / source.name for source in sources]
        write_site(pages, options.out, times, failures)
    return outcomes


def default_jobs(options: Options) -> int:
    """Two notebooks at a time, unless they need a GPU for themselves or the machine is small."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    room = available_cores() >= 2 and memory >= 2 * MEMORY_OF_ONE
    return 2 if room and options.profile != "gpu" and options.device in ("", "cpu") else 1


def summary(outcomes: Sequence[Outcome]) -> str:
    """One line a notebook with its time, then what is noted, then every failure."""
    width = max(len(outcome.name) for outcome in outcomes)
    lines = [
        f"{'FAIL' if outcome.failure else 'ok  '}  {outcome.name:<{width}} {outcome.seconds:7.1f} s"
        for outcome in outcomes
    ]
    lines += [f"note: {outcome.name} {outcome.note}" for outcome in outcomes if outcome.note]
    failed = [outcome for outcome in outcomes if outcome.failure]
    lines.append(f"{len(outcomes) - len(failed)} of {len(outcomes)} notebooks ran")
    lines += [f"{outcome.name}: {outcome.failure}" for outcome in failed]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run, report and return the exit status: 0 only if every notebook ran."""
    options = tyro.cli(Options, prog="tools.run_notebooks", args=argv)
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # this environment's kernel comes first
    found = sorted(options.folder.glob(NUMBERED))
    wanted = [p for p in found if not options.only or p.name.startswith(options.only)]
    if not wanted:
        which = f" beginning with {' or '.join(options.only)}" if options.only else ""
        print(f"no notebooks{which} in {options.folder}", file=sys.stderr)
        return 1
    outcomes = run_all(wanted, options)
    print(summary(outcomes))
    if not options.in_place:
        print(f"index: {os.path.relpath(options.out / 'index.html')}")
    return 1 if any(outcome.failure for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
