"""Write badges that open each notebook elsewhere, for whoever hosts a copy of the repository.

``make badges REPO=owner/name`` (or ``--repo``) puts two badges below the promise of every notebook;
without a name it takes them out. The repository itself has none, since it cannot know its address.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import tyro
from nbformat import NotebookNode

from tools.tidy import ROOT

COLAB = "https://colab.research.google.com/github/{repo}/blob/{branch}/notebooks/{name}"
BINDER = "https://mybinder.org/v2/gh/{repo}/{branch}?labpath=notebooks/{name}"
BADGE = "[![Open in {where}](https://img.shields.io/badge/{where}-open-{colour})]({address})"
LINE = re.compile(r"^\[!\[Open in (?:Colab|Binder)\].*\n?", re.MULTILINE)
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Options:
    """Write the badges of all notebooks, or take them out."""

    repo: str = ""
    """owner/name on GitHub; empty: no badges."""
    branch: str = "main"
    """Branch that the badges open."""
    folder: Path = ROOT / "notebooks"
    """Where the notebooks are."""


def badges(repo: str, branch: str, name: str) -> str:
    """Two lines of Markdown that open a notebook in Colab and in Binder.

    Args:
        repo: ``owner/name`` on GitHub.
        branch: Of the repository.
        name: File name of the notebook.
    """
    places = (("Colab", "F9AB00", COLAB), ("Binder", "579ACA", BINDER))
    return "\n".join(
        BADGE.format(
            where=where,
            colour=colour,
            address=address.format(repo=repo, branch=branch, name=name),
        )
        for where, colour, address in places
    )


def with_badges(notebook: NotebookNode, lines: str) -> NotebookNode:
    """Put badges behind the title and the promise, in place of those that are there.

    Args:
        notebook: Changed in place and returned.
        lines: Markdown; empty to take badges out.
    """
    first = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
    title, promise, *rest = re.split(r"\n{2,}", LINE.sub("", first.source).strip(), maxsplit=2)
    first.source = "\n\n".join([title, promise, *([lines] if lines else []), *rest])
    return notebook


def main(argv: Sequence[str] | None = None) -> int:
    """Write and report; the exit status is 2 for a name that cannot be a repository's."""
    options = tyro.cli(Options, prog="tools.badges", args=argv)
    if options.repo and not REPOSITORY.fullmatch(options.repo):
        print(f"REPO is {options.repo!r}; it must be owner/name, as on GitHub", file=sys.stderr)
        return 2
    paths = sorted(options.folder.glob("[0-9][0-9]_*.ipynb"))
    for path in paths:
        lines = badges(options.repo, options.branch, path.name) if options.repo else ""
        nbformat.write(with_badges(nbformat.read(path, as_version=4), lines), path)
    print(f"{len(paths)} notebooks: {f'badges of {options.repo}' if options.repo else 'no badges'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
