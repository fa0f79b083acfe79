"""Two gloo processes with half the batch each do exactly what one process does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from sdc_lib.support.processes import available_cores
from sdc_lib.training.step import LOGGED
from tests.helpers.small_runs import make_videos, read_log
from tests.integration import two_processes
from tests.integration.two_processes import RUNS, STEPS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_videos(tmp_path_factory.mktemp("videos")).root


@pytest.fixture(scope="module")
def two(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Folder and record of what two processes did."""
    out = tmp_path_factory.mktemp("two")
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, two_processes.__file__, str(videos), str(out)],
        check=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        timeout=600,
    )
    return out, torch.load(out / "seen.pt", weights_only=True)


@pytest.mark.parametrize("everywhere", [False, True])
def test_loss_gradients_and_queue_of_one_step(
    everywhere: bool, two: tuple[Path, dict[str, Any]]
) -> None:
    terms, grads, queue = two[1]["steps"][everywhere]
    alone_terms, alone_grads, alone_queue = two_processes.step_once(everywhere)
    local = {name for name in LOGGED if name.startswith("local") or name == "total"}
    for name in LOGGED:
        if name == "feature_std":  # each process looks at its own features
            continue
        if everywhere or name not in local:
            assert terms[name] == pytest.approx(alone_terms[name], rel=1e-9, abs=1e-12)
        else:  # each process contrasts with its own samples
            assert terms[name] != pytest.approx(alone_terms[name], rel=1e-6)
    assert_close(queue, alone_queue, rtol=1e-9, atol=1e-12)
    assert grads.keys() == alone_grads.keys()
    if everywhere:
        assert_close(grads, alone_grads, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", list(RUNS))
def test_whole_runs_agree(
    name: str, videos: Path, two: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, seen = two
    alone = two_processes.train(name, videos, tmp_path, 1)
    assert len(alone) == len(seen["rows"][name]) == STEPS
    # One step agrees to 1e-9 (above). Then Adam moves every weight by about the learning rate,
    # however small its gradient: what rounding differs between sums over one process and over two
    # becomes a share of a step where a gradient is next to zero.
    for ours, theirs in zip(seen["rows"][name], alone, strict=True):
        for entry in ("lr", *LOGGED[:15]):
            assert ours[entry] == pytest.approx(theirs[entry], rel=1e-6, abs=1e-8)
    weights = [load_file(path / name / "model.safetensors") for path in (folder, tmp_path)]
    assert_close(*weights, rtol=1e-6, atol=1e-4 * max(row["lr"] for row in alone))


def test_there_is_one_log_and_one_random_state_a_process(
    two: tuple[Path, dict[str, Any]],
) -> None:
    folder = two[0] / next(iter(RUNS))
    assert read_log(folder / "log.csv")["step"] == list(range(1, STEPS + 1))
    newest = sorted((folder / "checkpoints").iterdir())[-1]
    state = torch.load(newest, weights_only=True)
    assert state["processes"] == len(state["random"]) == 2


def test_replaced_videos_are_counted_over_all_processes(
    videos: Path, two: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, seen = two
    alone = two_processes.train_on_broken(videos, tmp_path, 1)
    assert "3 videos of this epoch could not be read and were replaced, 25.0% of all" in alone
    assert seen["errors"] == [alone, alone]
    counts = [read_log(path / "forgiving" / "log.csv")["replaced"] for path in (folder, tmp_path)]
    assert counts[0] == counts[1]
    assert counts[0][-1] == 3
    newest = sorted((folder / "forgiving" / "checkpoints").iterdir())[-1]
    assert torch.load(newest, weights_only=True)["replaced"] == 3


def test_processes_that_find_other_checkpoints_do_not_go_on(
    two: tuple[Path, dict[str, Any]],
) -> None:
    for process, said in enumerate(two[1]["apart"]):
        assert said.startswith("process 0 finds checkpoint step_00000001."), said
        assert f"apart_{process}" in said
        assert said.endswith("process 1 finds none; all machines must share the folder of a run")


def test_processes_that_a_run_starts_share_the_cores(two: tuple[Path, dict[str, Any]]) -> None:
    assert two[1]["workers"] == available_cores() // 2


def test_synchronised_statistics_break_no_compiled_graph(two: tuple[Path, dict[str, Any]]) -> None:
    assert two[1]["compiled"] < 1e-9
