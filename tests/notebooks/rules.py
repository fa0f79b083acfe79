"""The rules that every stored notebook keeps; each returns what is wrong, in words."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.mathml import formulas, to_mathml
from tools.tidy import ROOT, WIDGET
from tools.timing import stated_minutes

FOLDER = ROOT / "notebooks"
MAX_CELLS, MAX_LINES, MAX_BYTES = 60, 25, 500_000
SHORT_LINES = 8
# Folders in which a path on somebody's machine begins; web addresses have a host before them.
MACHINE_PATH = re.compile(
    r"(?<![\w.:/~-])/(?:work|root|home|tmp|Users|opt|mnt|var|usr)/[\w.-]+|\b[A-Z]:\\Users\\"
)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LOCAL_LINK = re.compile(r"\]\((?!https?:|#|mailto:|attachment:|data:)([^)#\s]+)")
# The first cell of every notebook, so that it runs from any folder and installs nothing.
FIRST_CELL = """\
import os
import sys
from pathlib import Path

places = [Path.cwd(), *Path.cwd().parents, *map(Path, sys.path)]
clones = [p for p in places if (p / "sdc_lib").is_dir() and (p / "data").is_dir()]
if not clones:
    raise ModuleNotFoundError("no sdc_lib here: clone the repository and work in the clone")
os.chdir(clones[0])  # paths below start at its root, from which sdc_lib is imported"""
FETCHES = re.compile(r"git\+|\b(?:pip3?|conda|uv)[\"', ]+install|https?://|urllib|requests\.")
BADGES = re.compile(r"^.*\b(?:img\.shields\.io|colab\.research|mybinder\.org)\b.*$", re.MULTILINE)
# Who hosts the repository, once somebody does and has written it into the Makefile.
HOST = re.findall(r"^REPO \?= ?(.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[0]
IMAGE_KINDS = ("image/png", "image/jpeg", "image/gif", "image/webp")

Rule = Callable[[NotebookNode], list[str]]


def cells(notebook: NotebookNode, kind: str) -> list[tuple[int, NotebookNode]]:
    """Cells of one kind with their numbers."""
    return [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == kind]


def markdown(notebook: NotebookNode) -> str:
    """All Markdown as one text."""
    return "\n\n".join(cell.source for _, cell in cells(notebook, "markdown"))


def opening(notebook: NotebookNode) -> str:
    """The Markdown before the first code cell."""
    first = next((i for i, _ in cells(notebook, "code")), len(notebook.cells))
    return "\n\n".join(cell.source for i, cell in cells(notebook, "markdown") if i < first)


def outputs(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """All outputs with the number of their cell."""
    for number, cell in cells(notebook, "code"):
        for output in cell.outputs:
            yield number, output


def shown_text(output: NotebookNode) -> str:
    """What an output says in words, images left out."""
    data = output.get("data", {})
    parts = [str(value) for kind, value in data.items() if kind.startswith("text/")]
    text = "\n".join([output.get("text", ""), *parts])
    return re.sub(r"data:[a-z]+/[a-z0-9+.-]+;base64,[A-Za-z0-9+/=\s]+", "", text)


def header(notebook: NotebookNode) -> list[str]:
    """Title, promise, objectives, prerequisites, minutes on CPU and GPU, memory."""
    text = opening(notebook)
    wanted = {
        "a title (# ...) first": text.startswith("# "),
        "objectives": re.search(r"objectives", text, re.IGNORECASE),
        "prerequisites": re.search(r"prerequisite", text, re.IGNORECASE),
        "memory in GB": re.search(r"\d\s*G(i)?B", text),
        "minutes on one GPU": re.search(r"GPU", text),
        "'N min on 2 CPU cores' in the first cell": stated_minutes(notebook) is not None,
    }
    found = [f"the opening lacks {what}" for what, there in wanted.items() if not there]
    after = re.split(r"objectives", text, maxsplit=1, flags=re.IGNORECASE)[-1]
    block = re.search(
        r"(?:^[ \t]*(?:[-*]|\d+\.)[ \t].+\n?(?:[ \t]{2,}.+\n?)*)+", after, re.MULTILINE
    )
    items = re.findall(r"^(?:[-*]|\d+\.) ", block.group(0), re.MULTILINE) if block else []
    if not 3 <= len(items) <= 5:
        found.append(f"{len(items)} objectives are listed, 3 to 5 are wanted")
    return found


def parameters(notebook: NotebookNode) -> list[str]:
    """One cell tagged `parameters`, early; what it sets is read."""
    code = cells(notebook, "code")
    places = [n for n, (_, c) in enumerate(code) if "parameters" in c.metadata.get("tags", [])]
    if len(places) != 1 or places[0] > 1:
        return ["one of the first two code cells, and no other, must be tagged `parameters`"]
    names = re.findall(r"^([A-Z_]+)\b.*=", code[places[0]][1].source, re.MULTILINE)
    later = "\n".join(cell.source for _, cell in code[places[0] + 1 :])
    unread = [name for name in names if not re.search(rf"\b{name}\b", later)]
    return [f"no cell reads the parameter {name}" for name in unread]


def first_cell(notebook: NotebookNode) -> list[str]:
    """The first code cell finds the clone; the folder it runs in does not matter."""
    source = next((cell.source for _, cell in cells(notebook, "code")), "")
    return [] if source == FIRST_CELL else ["the first code cell is not FIRST_CELL of the rules"]


def own_names(notebook: NotebookNode) -> list[str]:
    """Code fetches and installs nothing; badges are of whoever hosts the repository."""
    found = [
        f"cell {number} fetches something: {fetched.group(0)}"
        for number, cell in cells(notebook, "code")
        for fetched in [FETCHES.search(cell.source)]
        if fetched
    ]
    return found + [
        f"cell {number} has a badge that is not of REPO in the Makefile: {badge}"
        for number, cell in cells(notebook, "markdown")
        for badge in BADGES.findall(cell.source)
        if not HOST or f"/{HOST}/" not in badge
    ]


def anatomy(notebook: NotebookNode) -> list[str]:
    """A reading after the figures, exercises with folded solutions, a summary at the end."""
    text = markdown(notebook)
    exercises = re.findall(r"^#+ .*\bExercise (\d+\.\d+)", text, re.MULTILINE)
    found = []
    if "You should see" not in text:
        found.append("no sentence says 'You should see'")
    if len(set(exercises)) < 3:
        found.append(f"{len(set(exercises))} headings 'Exercise N.M', at least 3 are wanted")
    if text.count("<details") < len(set(exercises)):
        found.append("not every exercise has a folded solution (<details>)")
    if not re.search(r"^#+ .*summary", text, re.MULTILINE | re.IGNORECASE):
        found.append("no heading 'Summary'")
    return found


def sections(notebook: NotebookNode) -> list[str]:
    """Numbered sections count from 1 without a gap."""
    numbers = [int(n) for n in re.findall(r"^## (\d+)\. ", markdown(notebook), re.MULTILINE)]
    wanted = list(range(1, len(numbers) + 1))
    return [] if numbers == wanted else [f"sections are numbered {numbers}, not {wanted}"]


def sizes(notebook: NotebookNode) -> list[str]:
    """Cells and lines within the limits; most code cells short."""
    found = []
    if len(notebook.cells) > MAX_CELLS:
        found.append(f"{len(notebook.cells)} cells, at most {MAX_CELLS} are allowed")
    lengths = [(i, len(cell.source.splitlines())) for i, cell in cells(notebook, "code")]
    found += [f"cell {i} has {n} lines of code" for i, n in lengths if n > MAX_LINES]
    aside = [i for i, cell in cells(notebook, "code") if _is_setup_or_check(cell)]
    # the first cell is the same everywhere
    long = sum(n > SHORT_LINES for i, n in lengths[1:] if i not in aside)
    if 2 * long > len(lengths):
        found.append(f"less than half of the code cells have {SHORT_LINES} lines or fewer")
    size = len(nbformat.writes(notebook).encode())
    if size > MAX_BYTES:
        found.append(f"{size / 1000:.0f} kB, at most {MAX_BYTES / 1000:.0f} kB are allowed")
    return found


def _is_setup_or_check(cell: NotebookNode) -> bool:
    """Whether a cell imports and chooses, or checks an exercise: no lesson in either case."""
    tags = cell.metadata.get("tags", [])
    return "exercise-setup" in tags or any(tag.endswith("-check") for tag in tags)


def clean_run(notebook: NotebookNode) -> list[str]:
    """Execution counts 1..n; neither errors nor warnings nor anything else on stderr."""
    code = [cell for _, cell in cells(notebook, "code") if cell.source.strip()]
    counts = [cell.execution_count for cell in code]
    found = []
    if counts != list(range(1, len(code) + 1)):
        found.append(f"execution counts are {counts}, not 1..{len(code)}")
    for number, output in outputs(notebook):
        if output.output_type == "error":
            found.append(f"cell {number} shows {output.ename}")
        if output.get("name") == "stderr":
            found.append(f"cell {number} writes to stderr: {output.text.strip()[:80]}")
    return found


def no_widgets(notebook: NotebookNode) -> list[str]:
    """Neither widget state nor widget views."""
    found = ["widget state is stored"] if "widgets" in notebook.metadata else []
    return found + [
        f"cell {n} stores a widget view"
        for n, o in outputs(notebook)
        if WIDGET in o.get("data", {})
    ]


def no_machine_paths(notebook: NotebookNode) -> list[str]:
    """No path of the machine on which the notebook was written or run."""
    texts = [(number, cell.source) for number, cell in enumerate(notebook.cells)]
    texts += [(number, shown_text(output)) for number, output in outputs(notebook)]
    return [
        f"cell {number} names {path.group(0)}"
        for number, text in texts
        for path in [MACHINE_PATH.search(text)]
        if path
    ]


def alt_text(notebook: NotebookNode) -> list[str]:
    """Every image says in words what it shows."""
    found = []
    texts = [(number, cell.source) for number, cell in cells(notebook, "markdown")]
    texts += [(n, str(o.get("data", {}).get("text/html", ""))) for n, o in outputs(notebook)]
    for number, text in texts:
        if re.search(r"!\[\s*\]", text):
            found.append(f"cell {number}: an image has no alt text")
        for tag in re.findall(r"<img\b[^>]*>", text):
            if not re.search(r"\balt=(?:\"[^\"]+\"|'[^']+')", tag):
                found.append(f"cell {number}: an <img> has no alt text")
    for number, output in outputs(notebook):
        for kind in IMAGE_KINDS:
            notes = output.get("metadata", {})
            if kind in output.get("data", {}) and not (
                notes.get(kind, {}).get("alt") or notes.get("alt")
            ):
                found.append(f"cell {number}: a figure has no alt text in its output's metadata")
    return found


def kernel(notebook: NotebookNode) -> list[str]:
    """The kernel is python3."""
    name = notebook.metadata.get("kernelspec", {}).get("name")
    return [] if name == "python3" else [f"the kernel is {name}, not python3"]


def mathematics(notebook: NotebookNode) -> list[str]:
    """Every formula can be drawn without a network."""
    found = []
    for number, cell in cells(notebook, "markdown"):
        for latex, display in formulas(cell.source):
            try:
                to_mathml(latex, display=display)
            except ValueError as error:
                found.append(f"cell {number}: {error}")
    return found


def local_links(notebook: NotebookNode) -> list[str]:
    """Links to files lead to files."""
    return [
        f"cell {number} links to {target}, which does not exist"
        for number, cell in cells(notebook, "markdown")
        for target in LOCAL_LINK.findall(FENCED.sub("", cell.source))
        if not (FOLDER / target).exists()
    ]


def imports(notebook: NotebookNode) -> list[str]:
    """Of this repository, a notebook imports sdc_lib only."""
    ours = {path.stem for path in ROOT.iterdir()} - {"sdc_lib"}
    found = []
    for number, cell in cells(notebook, "code"):
        source = re.sub(r"^\s*[%!].*$", "pass", cell.source, flags=re.MULTILINE)
        for node in ast.walk(ast.parse(source)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "."]
            found += [f"cell {number} imports {n}" for n in names if n.split(".")[0] in ours]
    return found


RULES: tuple[Rule, ...] = (
    header, first_cell, parameters, own_names, anatomy, sections, sizes, clean_run, no_widgets,
    no_machine_paths, alt_text, kernel, mathematics, local_links, imports,
)  # fmt: skip


def numbered() -> list[Path]:
    """The notebooks of the repository, in order."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
