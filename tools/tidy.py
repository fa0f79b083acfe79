"""Make the outputs of an executed notebook fit to be stored and printed.

What goes: widget state and widget views (every widget has a static figure beside it), progress
bars, timings, papermill's notes and the paths of this machine. What stays: everything else, so that
a warning remains for the lint to find.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
WIDGET = "application/vnd.jupyter.widget-view+json"
# What tqdm draws: "name:  40%|####      | 4/10 [00:01<00:02, 3.2it/s]", or "7it [00:02, 3.1it/s]".
BAR = re.compile(r"\d+%\|.*\||\d+\s?\w*\s\[\d+:\d\d.*\]\s*$")
CELL_METADATA_OF_A_RUN = ("papermill", "execution", "ExecuteTime", "collapsed", "scrolled")


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Tidy in place and return the notebook."""
    for key in ("papermill", "widgets"):
        notebook.metadata.pop(key, None)
    for cell in notebook.cells:
        for key in CELL_METADATA_OF_A_RUN:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = _tidy_outputs(cell.outputs)
    return notebook


def as_terminal(text: str) -> str:
    r"""What a terminal shows in the end: ``\r`` starts the line over, finished bars are dropped."""
    shown = []
    for line in text.split("\n"):
        last = [part for part in line.split("\r") if part.strip()]
        shown.append(last[-1] if last else "")
    kept = [line for line in shown if not BAR.search(line)]
    return "\n".join(kept) if any(line.strip() for line in kept) else ""


def without_paths(text: str) -> str:
    """Replace the paths of this machine by ``.``, ``PYTHON`` and ``~``."""
    for path, short in _machine_paths():
        text = text.replace(path, short)
    return text


def _machine_paths() -> list[tuple[str, str]]:
    paths = [(str(ROOT), "."), (sys.prefix, "PYTHON"), (sys.base_prefix, "PYTHON")]
    paths.append((str(Path.home()), "~"))
    # A home of "/" would turn every slash into a tilde.
    return [(path, short) for path, short in paths if len(path) > 1]


def _tidy_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    kept: list[NotebookNode] = []
    for output in outputs:
        if WIDGET in output.get("data", {}):
            continue
        previous = kept[-1] if kept else None
        if (
            output.output_type == "stream"
            and previous is not None
            and previous.output_type == "stream"
            and previous.name == output.name
        ):
            previous.text += output.text
        else:
            kept.append(output)
    for output in kept:
        if output.output_type == "stream":
            output.text = without_paths(as_terminal(output.text))
        for kind, value in output.get("data", {}).items():
            if kind.startswith("text/") and isinstance(value, str):
                output.data[kind] = without_paths(value)
        output.get("metadata", {}).pop("papermill", None)
    return [output for output in kept if output.output_type != "stream" or output.text.strip()]
