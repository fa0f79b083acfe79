"""Stop and Restart in a notebook: training stops, goes on, and leaves no process behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.small_runs import make_videos

psutil = pytest.importorskip("psutil")
jupyter_client = pytest.importorskip("jupyter_client")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="Stop sends SIGINT"),
]

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
"""Seconds for anything that a loaded machine may be slow at."""
TRAIN = """
from sdc_lib.datasets import VideoFolder
from sdc_lib.pretraining import pretrain
from tests.helpers.small_runs import changed

result = pretrain(
    changed(data={{"workers": 2}}, optim={{"epochs": 15}}),
    {folder!r},
    videos=VideoFolder({videos!r}, progress=False),
    save_every=20,
    progress=False,
    on_step=lambda row: print("now at", row["step"], flush=True),
)
print("finished:", result.finished)
"""


class Notebook:
    """A kernel and the output of its cells."""

    def __init__(self) -> None:
        self.manager: Any = jupyter_client.KernelManager(kernel_name="python3")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        self.manager.start_kernel(env=environment, cwd=str(ROOT))
        self._connect()

    def _connect(self) -> None:
        self.client: Any = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)

    def workers(self) -> list[Any]:
        """Copies of the kernel's process, which is what the loader starts."""
        kernel = psutil.Process(self.manager.provisioner.pid)
        return [p for p in kernel.children(recursive=True) if "ipykernel" in " ".join(p.cmdline())]

    def output(self, cell: str, until: str = "") -> str:
        """Run a cell until it has printed something, or to its end."""
        asked = self.client.execute(cell) if cell else None
        text = ""
        while not until or until not in text:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            content = message["content"]
            text += content.get("text", "") + "\n".join(content.get("traceback", []))
            if content.get("execution_state") == "idle" and asked in (
                None,
                message["parent_header"].get("msg_id"),
            ):
                break
        return text

    def restart(self) -> None:
        self.client.stop_channels()
        self.manager.restart_kernel(now=True)
        self._connect()

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    kernel = Notebook()
    yield kernel
    kernel.close()


def gone(processes: list[Any]) -> bool:
    """Whether all end."""
    return not psutil.wait_procs(processes, timeout=PATIENCE)[1]


def test_stop_and_restart(notebook: Notebook, tmp_path: Path) -> None:
    videos = str(make_videos(tmp_path / "videos").root)
    train = TRAIN.format(folder=str(tmp_path / "run"), videos=videos)
    notebook.output(train, until="now at 3\n")
    workers = notebook.workers()
    assert len(workers) == 2
    notebook.manager.interrupt_kernel()  # Stop
    said = notebook.output("")
    assert "start the same command again to continue" in said
    assert "finished: False" in said
    assert gone(workers)
    assert list((tmp_path / "run" / "checkpoints").iterdir())

    notebook.output(train, until="now at")
    workers = notebook.workers()
    notebook.restart()  # in the midst of training
    assert gone(workers)
    assert "finished: True" in notebook.output(train)

    whole = TRAIN.format(folder=str(tmp_path / "whole"), videos=videos)
    assert "finished: True" in notebook.output(whole)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("run", "whole")]
    assert weights[0] == weights[1]
