"""PROFILE=rehearsal: the whole experiment of the notebooks at toy size, on a CPU.

Notebook 06 trains, is stopped and goes on; 07 evaluates what it has trained. Once in a folder in
which there is nothing, and once where there is UCF-101 in its official layout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from sdc_lib.evaluation.protocols import PROTOCOLS
from sdc_lib.explore.parameters import ParameterError
from tests.datasets import trees
from tools.run_notebooks import main

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
WHOLE_RUN = ("open_dataset(", "pretrain(", "fit_to_device(", "TrainingMonitor(")
"""What cells of notebook 06 do that are run beside its setup, to stop its run early."""


@dataclass(frozen=True)
class Rehearsal:
    """What two notebooks said and left behind."""

    data: str
    run: Path
    steps_before: int
    log_before: str
    pretraining: str
    evaluation: str


def execute_cells(name: str, wanted: tuple[str, ...], parameters: dict[str, Any]) -> dict[str, Any]:
    """Run the setup of a notebook and the cells that do what is wanted, in this process."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells:
        tags = cell.metadata.get("tags", [])
        setup = "exercise-setup" in tags
        of_exercise = any(tag.startswith("exercise-") for tag in tags)
        if cell.cell_type == "code" and (
            setup or (not of_exercise and any(word in cell.source for word in wanted))
        ):
            exec(compile(cell.source, name, "exec"), namespace)
        if "parameters" in tags:
            namespace |= parameters
    return namespace


def printed(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "".join(o.get("text", "") for cell in cells for o in cell.get("outputs", []))


@pytest.fixture(scope="module", params=["motion-factors", "ucf101"])
def rehearsal(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Rehearsal:
    """Both notebooks, the first one stopped after a step and run again."""
    root = tmp_path_factory.mktemp("rehearsal")
    data, out = root / "data", root / "build"
    data.mkdir()
    if request.param == "ucf101":
        trees.real_ucf101(data / "ucf101")
    files = out / "files" / "06_pretraining"
    parameters = {"PROFILE": "rehearsal", "DEVICE": "cpu", "MAX_MINUTES": 1e-6}
    parameters |= {"DATA_DIR": str(data), "OUT_DIR": str(files)}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(FOLDER.parent)
        stopped = execute_cells("06_pretraining", WHOLE_RUN, parameters)["result"]
        assert not stopped.finished
        assert not (stopped.folder / "model.safetensors").exists()
        before = (stopped.folder / "log.csv").read_text()
        options = {"profile": "rehearsal", "device": "cpu", "data-dir": data, "out": out}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        assert main([*words, "--jobs", "1", "--only", "06", "07"]) == 0
    said = (printed(out / f"{name}.ipynb") for name in ("06_pretraining", "07_evaluation"))
    return Rehearsal(request.param, stopped.folder, stopped.step, before, *said)


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_its_end(rehearsal: Rehearsal) -> None:
    name = rehearsal.run.name.removesuffix("-rehearsal")
    assert name == {"motion-factors": "motion_factors_toy", "ucf101": "ucf101_toy"}[rehearsal.data]
    assert f"pretraining {name}\n" in rehearsal.pretraining
    ended = re.search(r"^(\d+) steps; finished$", rehearsal.pretraining, re.MULTILINE)
    assert ended
    assert 0 < rehearsal.steps_before < int(ended[1])
    log = (rehearsal.run / "log.csv").read_text()
    assert log.startswith(rehearsal.log_before)
    assert len(log.splitlines()) == 1 + int(ended[1])
    assert (rehearsal.run / "model.safetensors").exists()


@pytest.mark.slow
def test_what_was_trained_is_evaluated_and_named(rehearsal: Rehearsal) -> None:
    name = rehearsal.run.name.removesuffix("-rehearsal")
    assert f"{name}, trained by notebook 06; " in rehearsal.evaluation
    for start in ("pretrained", "from scratch"):
        assert re.search(rf"^{start} +motion +\d", rehearsal.evaluation, re.MULTILINE)


@pytest.mark.slow
def test_every_protocol_has_a_row_with_random_weights_and_this_run(rehearsal: Rehearsal) -> None:
    answered = re.search(r"(\d+) of (\d+) questions answered", rehearsal.evaluation)
    assert answered
    assert answered[1] == answered[2]
    table = rehearsal.evaluation[answered.end() :]
    (header,) = re.findall(r"^data, protocol.*$", table, re.MULTILINE)
    published = rehearsal.data == "ucf101"
    assert ("published" in header) == published
    assert re.search(r"random +this run$", header.rstrip())
    for dataset in {"motion-factors", rehearsal.data}:
        for protocol in PROTOCOLS:
            rows = re.findall(rf"^{dataset}[\w-]*, {protocol}, (.+)$", table, re.MULTILINE)
            if protocol == "disentanglement" and dataset == "ucf101":
                assert rows == []
            else:
                assert rows
                assert all(re.search(r" -?\d+\.\d +-?\d+\.\d$", row.rstrip()) for row in rows)
    if published:
        assert "up to" in table
        assert "\npublished: " in table


@pytest.mark.parametrize("name", ["06_pretraining"])
def test_a_data_set_without_its_lists_is_named_before_any_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER.parent)
    (tmp_path / "ucf101" / "UCF-101").mkdir(parents=True)
    parameters = {"PROFILE": "rehearsal", "DEVICE": "cpu", "DATA_DIR": str(tmp_path)}
    with pytest.raises(ParameterError, match=r"DATA_DIR is .*: .* expected .*ucfTrainTestlist"):
        execute_cells(name, (), parameters)
