"""Open JupyterLab on the repository: its files beside notebook 00 (``make lab``).

What differs from JupyterLab's own defaults lies beside this file: settings, which those of the
user override; a style for readable lines; and the workspace with which it opens.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro
from jupyterlab_server.workspaces_handler import WorkspacesManager

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
NAME = "course"


@dataclass(frozen=True)
class Options:
    """Open JupyterLab on the repository."""

    port: int = 8888
    """Port of the server; the next free one if it is taken."""
    root: Path = ROOT
    """Folder that the file browser shows."""
    state: Path = ROOT / "build" / "lab"
    """Folder for the layout of the page."""
    browser: bool = True
    """Open a page in the browser."""


def arguments(options: Options) -> list[str]:
    """The command line of JupyterLab, after the layout has been put where it looks for it."""
    workspaces = options.state / "workspaces"
    layout = (HERE / "workspace.json").read_text(encoding="utf-8")
    WorkspacesManager(str(workspaces)).save(NAME, layout)
    return [
        *(sys.executable, "-m", "jupyterlab", f"--port={options.port}"),
        f"--ServerApp.root_dir={options.root}",
        f"--LabApp.app_settings_dir={HERE / 'settings'}",
        f"--LabApp.extra_labextensions_path={HERE / 'extensions'}",
        f"--LabApp.workspaces_dir={workspaces}",
        f"--LabApp.default_url=/lab/workspaces/{NAME}",
        "--allow-root",  # containers run as root
        *(() if options.browser else ("--no-browser",)),
    ]


def main() -> None:
    """Become JupyterLab."""
    command = arguments(tyro.cli(Options, prog="tools.lab"))
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
