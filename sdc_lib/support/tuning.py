"""Settings of this process that make the same arithmetic faster."""

import ctypes
import sys

import torch

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # names of parameters in glibc's malloc.h
_KEEP = 2**31 - 1


def tune(device: torch.device | str) -> None:
    """Prepare this process for training steps on a device, all of the same shapes.

    A GPU tries convolutions out once and multiplies float32 matrices in TF32; for a CPU see
    `keep_freed_memory`.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    elif kind == "cpu":
        keep_freed_memory()


def keep_freed_memory() -> None:
    """Keep memory that this process frees for what it needs next, instead of giving it back.

    Otherwise glibc asks the system for every large tensor anew, which first fills it with zeros:
    a third of a step of the tiny preset. Nothing happens with other C libraries.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _KEEP)
