"""Every stored notebook keeps every rule, and every rule notices what it is there for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from tests.notebooks import rules
from tests.notebooks.made_up import image_output, made_up
from tests.notebooks.rules import RULES, Rule, numbered
from tools.badges import badges
from tools.tidy import WIDGET

NAMES = (
    "00_start_here",
    "01_frame_differencing",
    "02_contrast",
    "03_concept_codebooks",
    "04_regularizers",
    "05_cross_attention",
    "06_pretraining",
    "07_evaluation",
    "08_your_own_videos",
)
OPENING = """# A good notebook

One number, and what it means.

**Objectives**

- count to one,
- count to two
  and a half,
- count to three.

**Prerequisites:** none. **Memory:** 1 GB.
**Time:** 0.1 min on 2 CPU cores, 0.1 min on one GPU
"""
CODE = "```python\npairs['count'](numbers[0])  # no link\n```"
EXERCISES = "\n\n".join(
    f"### Exercise 1.{n}\n\nCount.\n\n<details><summary>Solution</summary>\n\n{CODE}\n\n</details>"
    for n in (1, 2, 3)
)


def good() -> NotebookNode:
    """A made-up notebook that keeps every rule."""
    notebook = made_up("from sdc_lib import views\nprint(PROFILE, OUT_DIR)", header=OPENING)
    notebook.cells.insert(1, new_code_cell(rules.FIRST_CELL))
    reading = "You should see $x_1$, as in [the module](../sdc_lib/views.py)."
    notebook.cells += [new_markdown_cell(t) for t in (reading, EXERCISES, "## Summary\n\nDone.")]
    figure = image_output()
    figure.metadata["image/png"] = {"alt": "one pixel"}
    notebook.cells[3].outputs = [new_output("stream", name="stdout", text="1\n"), figure]
    for count, number in enumerate((1, 2, 3), start=1):
        notebook.cells[number].execution_count = count
    return notebook


def edited(number: int, old: str, new: str) -> Callable[[NotebookNode], None]:
    def edit(notebook: NotebookNode) -> None:
        assert old in notebook.cells[number].source
        notebook.cells[number].source = notebook.cells[number].source.replace(old, new)

    return edit


def with_output(output: NotebookNode) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells[3].outputs.append(output)


def with_cells(*more: NotebookNode) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells.extend(more)


def set_metadata(key: str, value: object) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.metadata.__setitem__(key, value)


def code(source: str) -> NotebookNode:
    cell: NotebookNode = new_code_cell(source, execution_count=4)
    return cell


HOME = "/".join(("", "home", "someone"))  # a path that rules must find
HTML = {"text/html": "<img src='data:image/gif;base64,R0'>"}
BROKEN: list[tuple[Rule, Callable[[NotebookNode], None], str]] = [
    (rules.header, edited(0, "# A good", "A good"), "title"),
    (rules.header, edited(0, "- count to one,\n", ""), "2 objectives"),
    (rules.header, edited(0, "0.1 min on 2 CPU", "soon on CPU"), "2 CPU cores"),
    (rules.header, edited(0, "Memory:** 1 GB", "Memory:** little"), "memory"),
    (rules.first_cell, edited(1, "os.chdir", "print"), "FIRST_CELL"),
    (rules.parameters, edited(2, "OUT_DIR", "OUT"), "OUT"),
    (rules.parameters, lambda n: n.cells[2].metadata.pop("tags"), "tagged"),
    (rules.own_names, with_cells(code("%pip install sdc-video")), "pip install"),
    (rules.own_names, with_cells(code("run('pip', 'install', 'x')")), "install"),
    (rules.own_names, with_cells(code("load('https://example.org/x')")), "https://"),
    (rules.own_names, edited(0, "One number", badges("a/b", "main", "x.ipynb")), "REPO"),
    (rules.anatomy, edited(4, "You should see", "Here is"), "You should see"),
    (rules.anatomy, edited(5, "Exercise 1.3", "Exercise 1.2"), "2 headings"),
    (rules.anatomy, edited(5, "<details", "<p"), "folded"),
    (rules.anatomy, edited(6, "Summary", "Goodbye"), "Summary"),
    (rules.sections, with_cells(new_markdown_cell("## 1. One\n\n## 3. Three")), "[1, 3]"),
    (rules.sizes, with_cells(*(code("1") for _ in range(55))), "62 cells"),
    (rules.sizes, with_cells(code("x = 1\n" * 26)), "26 lines"),
    (rules.sizes, with_cells(*(code("x = 1\n" * 9) for _ in range(4))), "less than half"),
    (rules.sizes, with_output(image_output(data="A" * 500_001)), "kB"),
    (rules.clean_run, with_cells(new_code_cell("1")), "execution counts"),
    (rules.clean_run, with_output(new_output("error", ename="KeyError")), "KeyError"),
    (rules.clean_run, with_output(new_output("stream", name="stderr", text="old")), "old"),
    (rules.no_widgets, set_metadata("widgets", {}), "state"),
    (rules.no_widgets, with_output(new_output("display_data", data={WIDGET: {}})), "view"),
    (rules.no_machine_paths, with_cells(code(f"open('{HOME}/x')")), HOME),
    (rules.no_machine_paths, with_output(new_output("stream", text="at /tmp/x\n")), "/tmp/x"),
    (rules.alt_text, with_output(image_output()), "figure"),
    (rules.alt_text, with_output(new_output("display_data", data=HTML)), "<img>"),
    (rules.alt_text, with_cells(new_markdown_cell("![](a.png)")), "image"),
    (rules.kernel, set_metadata("kernelspec", {"name": "conda-base"}), "conda-base"),
    (rules.mathematics, edited(4, "x_1", r"\nonsense"), "nonsense"),
    (rules.local_links, edited(4, "views.py", "view.py"), "does not exist"),
    (rules.imports, with_cells(code("from tests.notebooks import rules")), "tests"),
    (rules.imports, with_cells(code("%pip list\nimport tools")), "tools"),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", numbered(), ids=lambda path: path.stem)
def test_notebook_keeps_the_rules(path: Path, rule: Rule) -> None:
    assert rule(nbformat.read(path, as_version=4)) == []


def test_notebooks_have_their_names() -> None:
    assert {path.stem for path in numbered()} == set(NAMES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_accepts_a_good_notebook(rule: Rule) -> None:
    assert rule(good()) == []


@pytest.mark.parametrize(("rule", "damage", "said"), BROKEN)
def test_rule_notices(rule: Rule, damage: Callable[[NotebookNode], None], said: str) -> None:
    notebook = good()
    damage(notebook)
    found = rule(notebook)
    assert any(said in problem for problem in found), found


def test_every_rule_is_tried() -> None:
    assert {rule.__name__ for rule, _, _ in BROKEN} == {rule.__name__ for rule in RULES}


def test_addresses_on_the_web_are_no_machine_paths() -> None:
    notebook = good()
    notebook.cells.append(new_markdown_cell("https://example.org/home/me and a/tmp/b, /tmpl/x"))
    assert rules.no_machine_paths(notebook) == []
