"""Stored outputs: no widgets, bars, timings or machine paths; warnings stay to be found."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbformat.v4 import new_output

from tests.notebooks.made_up import image_output, made_up
from tools.tidy import ROOT, WIDGET, as_terminal, tidy, without_paths


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\n", "a\nb\n"),
        ("step 1\rstep 2\rstep 3\n", "step 3\n"),
        ("make:   0%|          | 0/4 [00:00<?, ?it/s]\rmake: 100%|###| 4/4 [00:01<00:00]\n", ""),
        ("7it [00:02,  3.1it/s]", ""),
        ("load: 100%|###| 1/1 [00:01<00:00]\nUserWarning: old\n", "UserWarning: old\n"),
    ],
)
def test_as_terminal(text: str, shown: str) -> None:
    assert as_terminal(text) == shown


def test_paths_of_this_machine_go() -> None:
    text = f"{ROOT}/sdc_lib/video.py and {Path.home()}/clips"
    assert without_paths(text) == "./sdc_lib/video.py and ~/clips"


def test_streams_are_joined_and_widgets_dropped() -> None:
    notebook = made_up("pass")
    cell = notebook.cells[-1]
    view = new_output("display_data", data={WIDGET: {"model_id": "1"}, "text/plain": "VBox()"})
    cell.outputs = [
        new_output("stream", name="stdout", text="a"),
        view,
        new_output("stream", name="stdout", text="b\n"),
        new_output("stream", name="stderr", text="UserWarning: mind\n"),
        image_output(),
    ]
    cell.metadata["papermill"] = {"duration": 1.0}
    cell.metadata["execution"] = {"iopub.execute_input": "noon"}
    cell.metadata["tags"] = ["keep"]
    notebook.metadata["papermill"] = {"version": "2"}
    notebook.metadata["widgets"] = {"state": {}}
    tidied = tidy(notebook)
    assert [(o.output_type, o.get("text")) for o in tidied.cells[-1].outputs] == [
        ("stream", "ab\n"),
        ("stream", "UserWarning: mind\n"),
        ("display_data", None),
    ]
    assert dict(tidied.cells[-1].metadata) == {"tags": ["keep"]}
    assert set(tidied.metadata) == {"kernelspec"}
