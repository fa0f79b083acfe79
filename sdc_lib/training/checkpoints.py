"""Checkpoints of a run, to resume from.

A checkpoint is one file, ``checkpoints/step_00000012.<digest>.pt``: it is written beside its place,
flushed to the disk and renamed, and its name carries the start of its SHA-256. So a file that has
its name is whole, and one that was damaged later is noticed. Reading it runs no code.
What is in it is gathered in `sdc_lib.training.state`.
"""

import hashlib
import io
import random
import re
import shutil
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from sdc_lib.support.files import write_atomically

State = dict[str, Any]

KEEP = 2
"""Checkpoints kept: the newest, and one to fall back to."""

_NAME = re.compile(r"step_(\d+)\.([0-9a-f]{16})\.pt")


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be written or read; the message says which and what to do."""


class CheckpointWarning(UserWarning):
    """A checkpoint was damaged and an older one is used instead."""


class Resumed(NamedTuple):
    """What `load_newest` found."""

    path: Path
    state: State


def save_checkpoint(folder: Path, step: int, state: State) -> Path:
    """Write a checkpoint and remove all but the newest two.

    Args:
        folder: Where checkpoints are kept; made if missing.
        step: Steps done.
        state: Nested dicts, lists and tuples of tensors, numbers and strings.

    Returns:
        The file written.

    Raises:
        CheckpointError: If it cannot be written; older checkpoints are untouched.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getbuffer()
    path = folder / f"step_{step:08d}.{hashlib.sha256(data).hexdigest()[:16]}.pt"
    try:
        write_atomically(path, data)
    except OSError as error:
        raise CheckpointError(_cannot_write(path, len(data), error)) from error
    for old in list_checkpoints(folder)[KEEP:]:
        old.unlink(missing_ok=True)
    return path


def load_newest(folder: Path) -> Resumed | None:
    """Read the newest good checkpoint.

    A damaged one is renamed to ``*.damaged`` and the next older one is tried, with a warning.

    Args:
        folder: Where checkpoints are kept.

    Returns:
        The file and its state; None if there is no checkpoint at all.

    Raises:
        CheckpointError: If there are checkpoints but all are damaged.
    """
    paths = list_checkpoints(folder)
    damaged: list[Path] = []
    for path in paths:
        try:
            found = Resumed(path, read_checkpoint(path))
        except CheckpointError as error:
            warnings.warn(f"{error}; falling back to an older one", CheckpointWarning, stacklevel=2)
            damaged.append(path)
            continue
        for other in damaged:  # so that they are not taken for one of the newest two
            other.rename(other.with_suffix(".damaged"))
        return found
    if paths:
        raise CheckpointError(
            f"all {len(paths)} checkpoints in {folder} are damaged; delete it to start again"
        )
    return None


def read_checkpoint(path: Path) -> State:
    """Read one checkpoint onto the CPU after comparing its checksum.

    Raises:
        CheckpointError: If the file does not have the contents it was written with.
    """
    data = path.read_bytes()
    match = _NAME.fullmatch(path.name)
    if match is None or not hashlib.sha256(data).hexdigest().startswith(match.group(2)):
        raise CheckpointError(f"checkpoint {path} is damaged: its checksum differs from its name")
    try:
        state: State = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:
        # torch's own text advises to load without restrictions, which runs code
        raise CheckpointError(
            f"checkpoint {path} is none that `sdc pretrain` wrote ({type(error).__name__})"
        ) from error
    return state


def list_checkpoints(folder: Path) -> list[Path]:
    """All complete checkpoints of a folder, newest step first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: path.name, reverse=True)


def random_states() -> State:
    """The states of all random generators of this process."""
    kind, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002
    state: State = {
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": [str(kind), torch.from_numpy(np.asarray(keys).astype(np.int64))],
        "numpy_rest": [int(position), int(has_gauss), float(gauss)],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def restore_random_states(state: State) -> None:
    """Set all random generators of this process to what `random_states` returned."""
    torch.set_rng_state(state["torch"])
    random.setstate(state["python"])
    kind, keys = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *state["numpy_rest"]))  # noqa: NPY002
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


def _cannot_write(path: Path, size: int, error: OSError) -> str:
    reason = f"{error.strerror or error}; it needs {size / 1e6:.1f} MB"
    existing = next(parent for parent in path.parents if parent.exists())
    reason += f", {shutil.disk_usage(existing).free / 1e6:.1f} MB are free"
    older = list_checkpoints(path.parent)
    kept = f"the last good one is {older[0]}" if older else "there is no older one"
    return (
        f"cannot write checkpoint {path}: {reason}; {kept}. "
        "Free space or make the folder writable, then start the same command again"
    )
