"""Every check of `sdc doctor` sees what it is there to see and reports what to do."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from collections import namedtuple
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
import torch

from sdc_lib.commands import doctor
from sdc_lib.commands.doctor import Check

Usage = namedtuple("Usage", "total used free")


def owners(monkeypatch: pytest.MonkeyPatch, mapping: Mapping[str, list[str]]) -> None:
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: mapping)


def test_this_environment_passes_every_check() -> None:
    checks = doctor.examine([name for name in doctor.CHECKS if name != "disk"])
    assert [check.name for check in checks if not check.ok] == []
    assert doctor.report(checks).endswith("everything is in place")


def test_unknown_check_is_named() -> None:
    with pytest.raises(ValueError, match=r"no check called pulse.*python, torch"):
        doctor.examine(["pulse"])


def test_old_python_fails_with_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    monkeypatch.setattr(platform, "python_version", lambda: "3.9.1")
    check = doctor.check_python()
    assert not check.ok
    assert "3.9.1" in check.detail
    assert "3.10" in check.fix


def test_mismatched_torchvision_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> NoReturn:
        raise RuntimeError("operator torchvision::nms does not exist\nlong story")

    monkeypatch.setattr("torchvision.ops.nms", broken)
    check = doctor.check_torch()
    assert not check.ok
    assert "torchvision::nms does not exist" in check.detail
    assert "\n" not in check.detail
    assert "requirements.lock" in check.fix


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (["decord2", "decord"], "decord and decord2 both provide"),
        (["decord"], "decord provides it"),
        ([], "it is missing"),
    ],
)
def test_decoder_installations_that_break(
    monkeypatch: pytest.MonkeyPatch, found: list[str], said: str
) -> None:
    owners(monkeypatch, {"decord": found} if found else {})
    check = doctor.check_decoder()
    assert not check.ok
    assert said in check.detail
    assert "pip install decord2" in check.fix


def test_ffmpeg_without_h264_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("av.codecs_available", {"mpeg4"})
    check = doctor.check_ffmpeg()
    assert not check.ok
    assert "libx264" in check.detail


def test_ffmpeg_check_measures_the_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    def black(*_: object) -> torch.Tensor:
        return torch.zeros(4, 64, 64, 3, dtype=torch.uint8)

    monkeypatch.setattr("sdc_lib.video.read_clip", black)
    check = doctor.check_ffmpeg()
    assert not check.ok
    assert "changes pixels by" in check.detail


def test_driver_without_device_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda _: "nvidia-smi")
    check = doctor.check_gpu()
    assert not check.ok
    assert "driver" in check.fix


def test_machine_without_gpu_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    emulated = "bfloat16 is emulated, --optim.precision 32-true is faster"
    for in_hardware in (True, False):
        answer = partial(lambda _, known: known, known=in_hardware)
        monkeypatch.setattr(doctor, "multiplies_bf16", answer)
        check = doctor.check_gpu()
        assert check.ok
        assert "CPU cores" in check.detail
        assert (emulated in check.detail) is not in_hardware


def test_gpus_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    card = SimpleNamespace(name="Card X", total_memory=8 * 2**30, major=8)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    monkeypatch.setattr(shutil, "which", lambda _: "gcc")
    assert doctor.check_gpu().detail.endswith("Card X (8 GiB), Card X (8 GiB)")
    card.major = 7
    check = doctor.check_gpu()
    assert check.ok
    assert "bfloat16 is emulated, --optim.precision 32-true" in check.detail
    monkeypatch.setattr(shutil, "which", lambda _: None)
    check = doctor.check_gpu()
    assert not check.ok
    assert "no C compiler" in check.detail
    assert "--optim.no-compile" in check.fix


def test_shared_memory_must_hold_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdc_lib.support.memory.free_shared_memory", lambda: 64 * 2**20)
    check = doctor.check_shared()
    assert not check.ok
    assert "67 MB of shared memory free" in check.detail
    assert "--shm-size" in check.fix
    monkeypatch.setattr("sdc_lib.support.memory.free_shared_memory", lambda: 2**60)
    assert doctor.check_shared().ok


@pytest.mark.parametrize(
    ("program", "ok"),
    [
        ("python", True),
        (sys.executable, True),
        (str(Path("elsewhere", "bin", "python")), False),
    ],
)
def test_kernel_must_run_this_python(
    monkeypatch: pytest.MonkeyPatch, program: str, ok: bool
) -> None:
    spec = SimpleNamespace(argv=[program, "-m", "ipykernel"], display_name="Python 3")
    monkeypatch.setattr(
        "jupyter_client.kernelspec.KernelSpecManager.get_kernel_spec", lambda *_: spec
    )
    check = doctor.check_kernel()
    assert check.ok is ok
    assert ok or "ipykernel install" in check.fix


def test_kernel_check_passes_without_jupyter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jupyter_client.kernelspec", None)
    check = doctor.check_kernel()
    assert check.ok
    assert "-e '.[notebooks]'" in check.detail


def test_full_disk_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - 10**8, 10**8))
    check = doctor.check_disk(tmp_path)
    assert not check.ok
    assert f"0.1 GB free in {tmp_path}" in check.detail
    assert doctor.check_disk(tmp_path, needed_gb=0.05).ok


def test_a_check_that_raises_becomes_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> NoReturn:
        raise OSError("libfoo.so.1: cannot open shared object file")

    monkeypatch.setitem(doctor.CHECKS, "python", broken)
    (check,) = doctor.examine(["python"])
    assert check == Check(
        "python", False, "OSError: libfoo.so.1: cannot open shared object file", doctor.REINSTALL
    )


def test_report_puts_the_fix_below_the_failure() -> None:
    text = doctor.report([Check("disk", True, "fine"), Check("gpu", False, "gone", "plug it in")])
    lines = text.splitlines()
    assert lines[0].startswith("ok")
    assert lines[1].startswith("FAIL")
    assert lines[2].strip() == "fix: plug it in"
    assert lines[3] == "1 of 2 checks failed"
