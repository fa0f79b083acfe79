"""Where to compute, by name and number."""

import os
import platform
import re
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_KNOWN = "auto, cpu, cuda, cuda:0 (or another number) or mps"
_PROCESSES_A_CORE = 4


def pick_device(name: str) -> str:
    """The name as torch knows it, ``auto`` as the best device that there is.

    Raises:
        ValueError: If the name is unknown, or that device is not here.
    """
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return "cuda" if cuda else "mps" if mps else "cpu"
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise ValueError(f"the device is {name!r}; it must be {_KNOWN}")
    if name == "mps" and not mps:
        raise ValueError("the device is mps, but torch finds no Apple GPU; use auto or cpu")
    if name.startswith("cuda"):
        count = torch.cuda.device_count() if cuda else 0
        if int(name.partition(":")[2] or 0) >= count:
            raise ValueError(
                f"the device is {name}, but torch finds {count} CUDA devices; use auto or cpu"
            )
    return name


def describe_device(device: "str | torch.device | None" = None) -> str:
    """What a device is: the GPU's name, or the processor's architecture and number of threads.

    Args:
        device: Where something was computed; without it, the best that there is.
    """
    import torch

    where = torch.device(pick_device("auto") if device is None else device)
    if where.type == "cuda":
        return torch.cuda.get_device_name(where)
    if where.type == "mps":
        return f"Apple GPU ({platform.machine()})"
    return f"CPU ({platform.machine()}, {torch.get_num_threads()} threads)"


def count_processes(devices: int | str, device: str) -> int:
    """How many processes are to train on this machine, each on a device of its own.

    Args:
        devices: Their number, or ``"auto"`` for one a GPU.
        device: As `pick_device` returns it; on a CPU processes share the cores.

    Raises:
        ValueError: If it is no such number, or more than this machine can run.
    """
    import torch

    most, why, usual = 1, "torch uses one Apple GPU", 1
    if device == "cpu":
        cores = os.cpu_count() or 1
        most, why = _PROCESSES_A_CORE * cores, f"{_PROCESSES_A_CORE} a core, cores: {cores}"
    elif device.startswith("cuda"):
        most = usual = torch.cuda.device_count()
        why = f"CUDA devices that torch finds: {most}"
    if devices == "auto":
        return usual
    wanted = int(devices) if str(devices).isdecimal() else 0
    if not 1 <= wanted <= most:
        raise ValueError(f"devices is {devices!r}; it must be auto or from 1 to {most} ({why})")
    return wanted


def multiplies_bf16(device: str) -> bool:
    """Whether a device multiplies bfloat16 in hardware.

    Without it bfloat16 is emulated, and slower than float32: on a processor that has no more than
    AVX2, many times.

    Args:
        device: As `pick_device` returns it.
    """
    import torch

    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return True


def has_compiler() -> bool:
    """Whether there is a C compiler, without which ``torch.compile`` ends at the first step."""
    chosen = (os.environ.get("CC"), os.environ.get("CXX"))
    return any(shutil.which(name) for name in (*chosen, "cc", "gcc", "clang", "cl") if name)
