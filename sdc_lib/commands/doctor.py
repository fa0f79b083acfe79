"""Preflight: is everything here that the library and the notebooks need, and if not, what to do.

``sdc doctor`` and notebook 00 call :func:`examine`. Each check imports what it looks at inside
itself, so that one broken package does not keep the other checks from running.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdc_lib.support.devices import has_compiler, multiplies_bf16
from sdc_lib.support.files import first_line, type_and_first_line
from sdc_lib.support.processes import available_cores

MINIMUM_PYTHON = (3, 10)
MINIMUM_FREE_GB = 2.0
REINSTALL = "python -m pip install -r requirements.lock"

_EMULATED = "; bfloat16 is emulated, --optim.precision 32-true is faster"


@dataclass(frozen=True)
class Doctor:
    """Check Python, torch, decoder, FFmpeg, GPU, kernel, disk and memory; print how to fix them."""

    def run(self) -> int:
        """Print one line a check; 1 if any failed."""
        checks = examine()
        print(report(checks))
        return 0 if all(check.ok for check in checks) else 1


@dataclass(frozen=True)
class Check:
    """What one check found.

    Attributes:
        name: What was looked at.
        ok: Whether it will do.
        detail: What was found, on one line.
        fix: What to do about it; empty where nothing is to be done.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""

    def __str__(self) -> str:
        """One line, and a second one with the fix after a failure."""
        line = f"{'ok  ' if self.ok else 'FAIL'}  {self.name:<12} {self.detail}"
        return line if self.ok or not self.fix else f"{line}\n      {'':<12} fix: {self.fix}"


def check_python() -> Check:
    """Python is new enough."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    wanted = ".".join(map(str, MINIMUM_PYTHON))
    fix = f"install Python {wanted} or newer, then `make setup PYTHON=python{wanted}`"
    return Check("python", sys.version_info[:2] >= MINIMUM_PYTHON, found, fix)


def check_torch() -> Check:
    """The builds of torch and torchvision fit together: a compiled operator of both runs."""
    import torch
    import torchvision

    found = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]])
    fix = f"these two were not built for each other: {REINSTALL}"
    try:
        kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist()
    except (RuntimeError, NotImplementedError) as error:
        return Check("torch", False, f"{found}; torchvision::nms fails: {first_line(error)}", fix)
    return Check("torch", kept == [0, 2], f"{found}; compiled operators run", fix)


def check_decoder() -> Check:
    """Exactly one package provides the module ``decord``, and it loads."""
    owners = sorted(set(importlib.metadata.packages_distributions().get("decord", [])))
    if len(owners) > 1:
        return Check(
            "decoder",
            False,
            f"{' and '.join(owners)} both provide the module `decord` and overwrite each other",
            "python -m pip uninstall -y decord decord2 && python -m pip install decord2",
        )
    if owners != ["decord2"]:
        what = f"{owners[0]} provides it" if owners else "it is missing"
        return Check(
            "decoder",
            False,
            f"the module `decord` must come from decord2, but {what}",
            "python -m pip uninstall -y decord; python -m pip install decord2",
        )
    import decord

    return Check("decoder", callable(decord.VideoReader), f"decord2 {decord.__version__}")


def check_ffmpeg() -> Check:
    """An H.264 clip survives being written (PyAV) and read back (decord) in a temporary folder."""
    import av
    import numpy as np

    from sdc_lib.video import read_clip, write_video

    codec = ".".join(str(part) for part in av.library_versions["libavcodec"])
    found = f"PyAV {av.__version__} with libavcodec {codec}"
    fix = "python -m pip install --force-reinstall --no-deps av decord2"
    if "libx264" not in av.codecs_available:
        return Check("ffmpeg", False, f"{found} has no H.264 encoder (libx264)", fix)
    ramp = np.linspace(40, 200, 64, dtype=np.uint8)[None, :, None]
    frames = np.stack([np.broadcast_to(ramp, (64, 64, 3)) // (i + 1) for i in range(4)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ramp.mp4"
        write_video(path, frames)
        clip = read_clip(path, range(4)).numpy().astype(np.float64)
    error = float(np.abs(clip - frames).mean()) if clip.shape == frames.shape else float("inf")
    detail = f"{found}; H.264 there and back changes pixels by {error:.1f} of 255"
    return Check("ffmpeg", error < 10.0, detail, fix)


def check_gpu() -> Check:
    """Name the accelerator; none is fine, one that torch cannot use is not."""
    import torch

    if torch.cuda.is_available():
        return _check_cards()
    if torch.backends.mps.is_available():
        return Check("gpu", True, "Apple GPU (mps)")
    if shutil.which("nvidia-smi") is None:
        found = f"none: runs on {available_cores()} CPU cores (PROFILE=cpu)"
        return Check("gpu", True, found + ("" if multiplies_bf16("cpu") else _EMULATED))
    built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
    return Check(
        "gpu",
        False,
        f"there is an NVIDIA driver, but torch ({built}) sees no device",
        f"update the driver, or unset CUDA_VISIBLE_DEVICES, or {REINSTALL}",
    )


def _check_cards() -> Check:
    """CUDA devices, and what the presets want of them: bfloat16, and a compiler for their code."""
    import torch

    cards = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    names = [f"{card.name} ({card.total_memory / 2**30:.0f} GiB)" for card in cards]
    found = f"CUDA {torch.version.cuda}: {', '.join(names)}"
    if any(card.major < 8 for card in cards):  # before Ampere
        found += _EMULATED
    if not has_compiler():
        fix = "install gcc or clang, or pretrain with --optim.no-compile"
        return Check("gpu", False, f"{found}; no C compiler, which optim.compile needs", fix)
    return Check("gpu", True, found)


def check_shared() -> Check:
    """Worker processes have room to hand over one batch of the default size."""
    from sdc_lib.config import PretrainConfig
    from sdc_lib.support.memory import free_shared_memory

    config = PretrainConfig()
    data, batch = config.data, config.optim.batch_size
    # two clips and two stills a video, twice over
    needed = 2 * batch * 2 * 3 * (data.num_frames + 1) * data.augment.size**2 / 1e6
    free = free_shared_memory() / 1e6
    detail = f"{free:.0f} MB of shared memory free for workers ({needed:.0f} MB for one batch)"
    fix = "start the container with --shm-size 8g, or pretrain with --data.workers 0"
    return Check("shared", free >= needed, detail, fix)


def check_kernel() -> Check:
    """The Jupyter kernel ``python3`` runs this very Python."""
    fix = "python -m ipykernel install --sys-prefix --name python3"
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ModuleNotFoundError:
        detail = "Jupyter is not installed; only the notebooks need it"
        return Check("kernel", True, f"{detail} (pip install -e '.[notebooks]' in the clone)")
    try:
        manager: Any = KernelSpecManager()
        spec = manager.get_kernel_spec("python3")
    except NoSuchKernel:
        return Check("kernel", False, "Jupyter knows no kernel called python3", fix)
    program = spec.argv[0] if spec.argv else ""
    # Jupyter itself puts its own interpreter in the place of a bare `python`.
    if Path(program).name == program or Path(program).parent == Path(sys.executable).parent:
        return Check("kernel", True, f"python3 ({spec.display_name}) runs this Python")
    return Check("kernel", False, f"python3 runs {program}, not {sys.executable}", fix)


def check_disk(folder: Path | None = None, needed_gb: float = MINIMUM_FREE_GB) -> Check:
    """There is room for generated data, checkpoints and executed notebooks.

    Args:
        folder: Where to look; the current folder when None.
        needed_gb: Free space that will do, in 10^9 bytes.
    """
    free = shutil.disk_usage(Path.cwd() if folder is None else folder).free / 1e9
    where = "the current folder" if folder is None else str(folder)
    detail = f"{free:.1f} GB free in {where} (at least {needed_gb:g} GB wanted)"
    return Check("disk", free >= needed_gb, detail, "make clean, or run from a larger disk")


CHECKS: dict[str, Callable[[], Check]] = {
    "python": check_python,
    "torch": check_torch,
    "decoder": check_decoder,
    "ffmpeg": check_ffmpeg,
    "gpu": check_gpu,
    "kernel": check_kernel,
    "disk": check_disk,
    "shared": check_shared,
}


def examine(names: Sequence[str] | None = None) -> tuple[Check, ...]:
    """Run the checks; whatever one of them raises becomes its failure.

    Args:
        names: Which of ``CHECKS`` to run; all when None.

    Returns:
        One :class:`Check` each, in order.

    Raises:
        ValueError: A name that is none of ``CHECKS``.
    """
    wanted = list(CHECKS) if names is None else list(names)
    unknown = [name for name in wanted if name not in CHECKS]
    if unknown:
        raise ValueError(f"no check called {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    return tuple(_guarded(name, CHECKS[name]) for name in wanted)


def report(checks: Sequence[Check]) -> str:
    """The checks as text, one line each, fixes below failures, and a verdict at the end."""
    failed = sum(not check.ok for check in checks)
    verdict = "everything is in place" if not failed else f"{failed} of {len(checks)} checks failed"
    return "\n".join([*(str(check) for check in checks), verdict])


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # a check's job is to report every way in which it can fail
        return Check(name, False, type_and_first_line(error), REINSTALL)
