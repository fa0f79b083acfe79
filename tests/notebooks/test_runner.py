"""The runner goes on after a failure, names it, and stores tidy copies and pages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.made_up import made_up, save
from tools.run_notebooks import (
    Options,
    Outcome,
    default_jobs,
    main,
    parameters_for,
    run_all,
    summary,
)
from tools.timing import REFERENCE_SECONDS

SHOW = (
    "from IPython.display import Image, display\n"
    "import base64\n"
    "from tests.notebooks.made_up import PIXEL\n"
    "display(Image(base64.b64decode(PIXEL)))"
)


@dataclass(frozen=True)
class Run:
    status: int
    said: str
    folder: Path
    out: Path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three notebooks, the second of which fails in its third cell, run with real kernels."""
    root = tmp_path_factory.mktemp("site")
    folder, out = root / "notebooks", root / "build"
    first = made_up("print(PROFILE, OUT_DIR)", SHOW)
    save(first, folder / "01_first.ipynb")
    save(made_up("\n# why\nvalue = {}\nvalue['gone']", "print(1)"), folder / "02_second.ipynb")
    save(made_up("import os\nos.path.basename(os.getcwd())"), folder / "03_third.ipynb")
    save(made_up("raise SystemError"), folder / "scratch.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CI", raising=False)
        lines: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: lines.append(" ".join(map(str, words))))
        status = main(["--folder", str(folder), "--out", str(out)])
    return Run(status, "\n".join(lines), folder, out)


@pytest.mark.slow
def test_failure_is_named_at_the_end_and_the_others_ran(run: Run) -> None:
    assert run.status == 1
    assert "2 of 3 notebooks ran" in run.said
    assert "02_second: cell 2 (# why): KeyError: 'gone'" in run.said
    assert "scratch" not in run.said
    names = [entry["name"] for entry in json.loads((run.out / "outcomes.json").read_text())]
    assert names == ["01_first", "02_second", "03_third"]


@pytest.mark.slow
def test_parameters_reach_the_notebook_and_it_runs_in_the_folder_above_its_own(run: Run) -> None:
    first = nbformat.read(run.out / "01_first.ipynb", as_version=4)
    assert "cpu build/files/01_first\n" in [
        o.get("text") for c in first.cells[1:] for o in c.outputs
    ]
    third = nbformat.read(run.out / "03_third.ipynb", as_version=4)
    assert third.cells[-1].outputs[0].data["text/plain"] == repr(run.folder.parent.name)


@pytest.mark.slow
def test_sources_are_left_alone(run: Run) -> None:
    source = nbformat.read(run.folder / "01_first.ipynb", as_version=4)
    assert all(cell.execution_count is None for cell in source.cells[1:])


@pytest.mark.slow
def test_site_links_pages_and_shows_the_first_image(run: Run) -> None:
    index = (run.out / "index.html").read_text(encoding="utf-8")
    for name in ("01_first", "02_second", "03_third"):
        assert f'href="{name}.html"' in index
    assert index.count("data:image/png;base64,") == 1
    assert "KeyError" in index
    page = (run.out / "02_second.html").read_text(encoding="utf-8")
    assert 'rel="prev" href="01_first.html"' in page
    assert 'rel="next" href="03_third.html"' in page
    assert '<p class="failed">cell 2' in page


@pytest.mark.slow
def test_in_place_stores_successes_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = save(made_up("print(OUT_DIR)", "1 + 1"), tmp_path / "01_good.ipynb")
    bad = save(made_up("1 / 0"), tmp_path / "02_bad.ipynb")
    before = bad.read_bytes()
    assert main(["--folder", str(tmp_path), "--in-place"]) == 1
    assert "02_bad: cell 2 (1 / 0): ZeroDivisionError: division by zero" in capsys.readouterr().out
    assert bad.read_bytes() == before
    stored = nbformat.read(good, as_version=4)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3]
    assert code[1].outputs[0].text == "runs/small\n"
    assert "papermill" not in good.read_text(encoding="utf-8")


def test_no_notebooks_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(tmp_path), "--only", "07"]) == 1
    assert "no notebooks beginning with 07" in capsys.readouterr().err


def test_a_slow_notebook_is_noted_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = save(made_up(), tmp_path / "notebooks" / "01_first.ipynb")
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr("tools.run_notebooks.execute", lambda *_: Outcome("01_first", 1e6))
    monkeypatch.setattr("tools.run_notebooks.measure_work", lambda: 4 * REFERENCE_SECONDS)
    (outcome,) = run_all([source], Options(folder=source.parent, out=tmp_path / "build"))
    assert outcome.failure == ""
    assert "its header says 0.1 min, and this machine is 4.0 times slower" in outcome.note
    assert f"note: 01_first {outcome.note}" in summary([outcome])


def test_parameters_go_to_the_notebooks_that_have_them(tmp_path: Path) -> None:
    notebook = made_up()
    notebook.cells[1].source = 'DATA_DIR = "data"  # of all'
    source = save(notebook, tmp_path / "notebooks" / "01_first.ipynb")
    options = Options(profile="gpu", data_dir=tmp_path / "sets", device="cuda")
    assert parameters_for(source, options) == {"DATA_DIR": str(tmp_path / "sets")}


@pytest.mark.parametrize(
    ("options", "cores", "jobs"),
    [
        (Options(), 2, 2),
        (Options(), 1, 1),
        (Options(profile="gpu"), 16, 1),
        (Options(device="cuda"), 16, 1),
        (Options(profile="rehearsal", device="cpu"), 16, 2),
    ],
)
def test_two_at_a_time_where_there_are_two_cores_and_no_gpu(
    options: Options, cores: int, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.run_notebooks.available_cores", lambda: cores)
    monkeypatch.setattr("os.sysconf", lambda _: 10**5)
    assert default_jobs(options) == jobs


def test_one_at_a_time_where_memory_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.run_notebooks.available_cores", lambda: 2)
    monkeypatch.setattr("os.sysconf", lambda _: 50_000)
    assert default_jobs(Options()) == 1


def test_summary_counts_and_names() -> None:
    text = summary([Outcome("01_a", 1.0), Outcome("02_bb", 62.04, "cell 3 (x): KeyError: 1")])
    assert text.splitlines() == [
        "ok    01_a      1.0 s",
        "FAIL  02_bb    62.0 s",
        "1 of 2 notebooks ran",
        "02_bb: cell 3 (x): KeyError: 1",
    ]
