"""Tuning changes how fast results come, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from sdc_lib.support.tuning import tune

FAULTS = """
import resource, sys, torch
from sdc_lib.support.tuning import tune
if sys.argv[1] == "tuned":
    tune("cpu")
torch.zeros(2**24)  # 64 MB, 16,384 pages of 4 kB
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    torch.zeros(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Pages that the system had to fill for four large tensors, in a process of its own."""
    words = [sys.executable, "-c", FAULTS, how]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="glibc keeps freed memory when it is told to")
def test_freed_memory_is_used_again_on_a_cpu() -> None:
    assert faults("tuned") < faults("as ever")


def test_other_devices_are_left_alone() -> None:
    before = torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    tune(torch.device("meta"))
    assert (torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()) == before


def test_a_gpu_tries_convolutions_out(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[str] = []
    monkeypatch.setattr(torch, "set_float32_matmul_precision", chosen.append)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    tune("cuda")
    assert torch.backends.cudnn.benchmark
    assert chosen == ["high"]
