"""docs/equations.md names functions, notebooks and tests that exist, and leaves none out."""

import ast
import importlib
import inspect
import json
import re
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from sdc_lib import attention, codebook, contrast, objective, regularizers, views

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "equations.md").read_text(encoding="utf-8")
NOTEBOOKS = ROOT / "notebooks"


class Entry(NamedTuple):
    """One row of the index."""

    number: str
    functions: list[str]
    notebook: str
    section: str
    tests: list[str]


def index() -> list[Entry]:
    entries = []
    for row in re.findall(r"^\| (\d+\.\d+) \| (.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE):
        number, functions, place, tests = row
        notebook, _, section = place.partition(":")
        quoted = [re.findall(r"`([^`]+)`", cell) for cell in (functions, tests)]
        entries.append(Entry(number, quoted[0], notebook.strip("` "), section.strip(), quoted[1]))
    return entries


INDEX = index()
NUMBERS = [entry.number for entry in INDEX]


def resolve(name: str) -> object:
    """What a dotted name below `sdc_lib` means."""
    module, *attributes = name.split(".")
    found: object = importlib.import_module(f"sdc_lib.{module}")
    for attribute in attributes:
        found = getattr(found, attribute)
    return found


def test_every_statement_is_in_the_index_once_and_in_order() -> None:
    assert re.findall(r"\\tag\{(\d+\.\d+)\}", PAGE) == NUMBERS
    assert len(NUMBERS) > 20


@pytest.mark.parametrize("entry", INDEX, ids=NUMBERS)
def test_functions_exist(entry: Entry) -> None:
    assert entry.functions
    for name in entry.functions:
        assert inspect.getdoc(resolve(name)), name


@pytest.mark.parametrize("entry", INDEX, ids=NUMBERS)
def test_tests_exist(entry: Entry) -> None:
    assert entry.tests
    for name in entry.tests:
        file, _, function = name.partition("::")
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        assert function in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, name


@pytest.mark.parametrize("entry", INDEX, ids=NUMBERS)
def test_notebooks_are_numbered_and_sections_stand_in_them(entry: Entry) -> None:
    assert re.fullmatch(r"0[0-8]_[a-z_]+", entry.notebook)
    path = NOTEBOOKS / f"{entry.notebook}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    headings = re.findall(r"^#+ (?:\d+\. )?(.+)$", "\n".join(texts), re.MULTILINE)
    assert entry.section in headings


@pytest.mark.parametrize(
    "module", [views, contrast, codebook, regularizers, attention, objective], ids=str
)
def test_no_public_function_of_the_method_is_left_out(module: ModuleType) -> None:
    short = module.__name__.removeprefix("sdc_lib.")
    public = {
        f"{short}.{name}"
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
    }
    listed = {".".join(name.split(".")[:2]) for entry in INDEX for name in entry.functions}
    assert public <= listed
