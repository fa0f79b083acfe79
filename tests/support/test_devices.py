"""Devices by name: the best one, and errors that name what would be right."""

from __future__ import annotations

import pytest

from sdc_lib.support.devices import has_compiler, pick_device


def test_auto_is_the_best_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert pick_device("auto") == "cpu"
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    assert pick_device("auto") == "mps"
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert pick_device("auto") == "cuda"


def test_a_device_that_is_here_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    for name in ("cpu", "cuda", "cuda:1"):
        assert pick_device(name) == name
    with pytest.raises(ValueError, match=r"cuda:2, but torch finds 2 CUDA devices"):
        pick_device("cuda:2")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpu", r"the device is 'gpu'; it must be auto, cpu, cuda, cuda:0 .*or mps"),
        ("cuda:x", "it must be auto"),
        ("", "the device is ''"),
        ("cuda", "torch finds 0 CUDA devices; use auto or cpu"),
        ("mps", "torch finds no Apple GPU; use auto or cpu"),
    ],
)
def test_other_names_get_one_line(name: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(ValueError, match=message):
        pick_device(name)


def test_a_compiler_is_looked_for_by_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "mycc")
    monkeypatch.delenv("CXX", raising=False)
    for found, expected in (("mycc", True), ("clang", True), ("", False)):
        monkeypatch.setattr("shutil.which", lambda name, found=found: name == found or None)
        assert has_compiler() is expected
