"""Small made-up notebooks for the tests of the runner and of the lint."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

HEADER = """# A small notebook

It shows one number. **Objectives:** none.

**Time:** 0.1 min on 2 CPU cores
"""
PARAMETERS = 'PROFILE = "cpu"\nOUT_DIR = "runs/small"'
# The smallest PNG: one transparent pixel.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAC"
    "hwGA60e6kgAAAABJRU5ErkJggg=="
)


def made_up(*code: str, header: str = HEADER) -> NotebookNode:
    """A notebook with a header, a parameters cell and the given code cells."""
    parameters = new_code_cell(PARAMETERS)
    parameters.metadata["tags"] = ["parameters"]
    cells = [new_markdown_cell(header), parameters, *(new_code_cell(source) for source in code)]
    notebook: NotebookNode = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    return notebook


def image_output(kind: str = "image/png", data: str = PIXEL) -> NotebookNode:
    """An output that shows an image."""
    output: NotebookNode = new_output("display_data", data={kind: data, "text/plain": "<Figure>"})
    return output


def save(notebook: NotebookNode, path: Path) -> Path:
    """Write a notebook and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path
