"""Devices by name: the best one, and errors that name what would be right."""

from __future__ import annotations

import pytest

from sdc_lib.support.devices import (
    count_processes,
    describe_device,
    has_compiler,
    multiplies_bf16,
    pick_device,
)


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


def test_a_device_is_described_as_the_one_that_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda device: f"A card, {device}")
    assert describe_device("cpu").startswith("CPU (")
    assert describe_device("mps").startswith("Apple GPU (")
    assert describe_device("cuda:1") == "A card, cuda:1"
    assert describe_device() == "A card, cuda"


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


@pytest.mark.parametrize(
    ("device", "most", "usual"), [("cpu", 8, 1), ("cuda", 3, 3), ("cuda:1", 3, 3), ("mps", 1, 1)]
)
def test_no_more_processes_than_the_machine_can_run(
    device: str, most: int, usual: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    assert count_processes("auto", device) == usual
    assert [count_processes(n, device) for n in (1, "1", most, str(most))] == [1, 1, most, most]
    for wrong in (0, -1, most + 1, 100_000, "", "-1", "all", "0,1", "2.0", "²"):
        with pytest.raises(ValueError, match=rf"it must be auto or from 1 to {most} \(") as error:
            count_processes(wrong, device)
        assert str(error.value).startswith(f"devices is {wrong!r}; ")


@pytest.mark.parametrize(
    ("device", "reason"),
    [("cpu", "4 a core, cores: 2"), ("cuda", "CUDA devices that torch finds: 1")],
)
def test_a_refused_number_says_what_there_is(
    device: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(ValueError, match=rf"\({reason}\)$"):
        count_processes(64, device)


def test_a_compiler_is_looked_for_by_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "mycc")
    monkeypatch.delenv("CXX", raising=False)
    for found, expected in (("mycc", True), ("clang", True), ("", False)):
        monkeypatch.setattr("shutil.which", lambda name, found=found: name == found or None)
        assert has_compiler() is expected


def test_bfloat16_is_asked_of_the_hardware_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"avx512": False, "amx": False, "card": False}
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: asked["avx512"])
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: asked["amx"])
    monkeypatch.setattr(
        "torch.cuda.is_bf16_supported",
        lambda including_emulation=True: asked["card"] or including_emulation,
    )
    assert not multiplies_bf16("cpu")
    assert not multiplies_bf16("cuda:1")
    asked["amx"] = True
    assert multiplies_bf16("cpu")
    asked.update(avx512=True, amx=False, card=True)
    assert multiplies_bf16("cpu")
    assert multiplies_bf16("cuda:1")
