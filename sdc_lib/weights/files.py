"""Weights to share: a safetensors file that knows its configuration and where it came from.

The file holds the tensors and one metadata entry, JSON with the configuration and provenance. It
contains no time and no path, so the same run gives the same bytes.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from sdc_lib.config import PretrainConfig, from_dict, to_json
from sdc_lib.model import SDC, build_model
from sdc_lib.support.files import write_atomically
from sdc_lib.support.tensors import digest, not_finite

_KEY = "sdc"
_ZIP = b"PK\x03\x04"  # how files of torch.save start
_DATA = Path(__file__).resolve().parents[2] / "data"


def export_model(
    model: SDC, config: PretrainConfig, path: str | Path, provenance: Mapping[str, str]
) -> Path:
    """Write a model's weights with its configuration and provenance.

    Args:
        model: The model; a codebook shared by several streams is written once a stream.
        config: The run it comes from; `load` rebuilds the model from it.
        path: File to write, ``*.safetensors``.
        provenance: What a reader must know: steps, epochs, data set and its fingerprint.

    Returns:
        The path.

    Raises:
        ValueError: If weights are not finite, or not those of a model of this configuration.
        OSError: If the file cannot be written; an older file of that name stays whole.
    """
    path = Path(path)
    tensors = {
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in model.state_dict().items()
    }
    if misfit := _misfit(tensors, config):
        raise ValueError(f"{path} is not written, `load` could not read it: {misfit}")
    if broken := not_finite(tensors):
        raise ValueError(
            f"{len(broken)} of {len(tensors)} weights are not finite, {broken[0]} first; {path} is "
            "not written. Train with a lower learning rate"
        )
    _warn_of_untrained(path, provenance)
    # a single entry: the order of several is not defined, and the bytes must be
    about = {
        "config": json.loads(to_json(config)),
        "provenance": dict(provenance),
        "tensors": digest(tensors),
    }
    metadata = {_KEY: json.dumps(about, sort_keys=True)}
    write_atomically(path, save_tensors(tensors, metadata))
    return path


def load(name_or_path: str | Path) -> SDC:
    """Load a pretrained model, ready to evaluate.

    Args:
        name_or_path: A ``*.safetensors`` file, the folder of a finished run, or the name of a model
            in ``data/weights`` of the checkout (or in ``$SDC_WEIGHTS``).

    Returns:
        The model in evaluation mode, in float32: weights of a run in float64 are rounded, and
        ``model.double()`` does not bring back what that takes away. Its ``provenance`` says where
        it came from: ``source``, ``sha256``, ``config`` and what the training run wrote (steps,
        epochs, data set).

    Raises:
        ValueError: If there is no such model, the file is not one that `export_model` wrote, or it
            is damaged or not finite.
    """
    path = resolve(name_or_path)
    config, written, tensors, sha256 = _read(path)
    if broken := not_finite(tensors):
        raise ValueError(
            f"{path} holds weights that are not finite, {len(broken)} of {len(tensors)}, "
            f"{broken[0]} first; train again with a lower learning rate"
        )
    _warn_of_untrained(path, written)
    if misfit := _misfit(tensors, config):
        raise ValueError(f"{path} does not fit its own configuration: {misfit}")
    with torch.random.fork_rng(devices=[]):
        model = build_model(config.model)
    model.load_state_dict(tensors)
    model.boundary = config.data.boundary
    model.provenance = {
        **written,
        "config": config.name,
        "source": str(path),
        "sha256": sha256,
    }
    return model.eval()


def _misfit(tensors: Mapping[str, Tensor], config: PretrainConfig) -> str:
    """The first tensor that a model of this configuration has otherwise; nothing if all fit."""
    with torch.device("meta"):
        wanted = build_model(config.model).state_dict()
    for name in [*wanted, *tensors]:
        given, asked = (
            f"is {tuple(of[name].shape)}" if name in of else "is not there"
            for of in (tensors, wanted)
        )
        if given != asked:
            return f"{name} {given}; in a model of the configuration {config.name!r} it {asked}"
    return ""


def is_written(path: Path, provenance: Mapping[str, str]) -> bool:
    """Whether a file is there, whole, and says this of its provenance."""
    try:
        return path.is_file() and provenance.items() <= _read(path).provenance.items()
    except ValueError:
        return False


def load_config(name_or_path: str | Path) -> PretrainConfig:
    """Read only the configuration that a model was trained with; arguments as for `load`."""
    return read_about(resolve(name_or_path))[0]


def available() -> list[str]:
    """Names that `load` knows."""
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.safetensors")})


def resolve(name_or_path: str | Path) -> Path:
    """Find the file that a name or path means; see `load`.

    Raises:
        ValueError: If there is none, or the run in that folder has not ended.
    """
    path = Path(name_or_path)
    candidates = [path, path / "model.safetensors"]
    candidates += [folder / f"{name_or_path}.safetensors" for folder in _folders()]
    if path.parent.name == "checkpoints":  # where shipped weights were before
        candidates.append(path.parent.parent / "weights" / path.name)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    if (path / "checkpoints").is_dir():
        raise ValueError(
            f"the run in {path} has not ended, and has no weights yet: start its command again, or "
            "end it sooner with --max-steps"
        )
    known = ", ".join(available()) or "none yet"
    raise ValueError(
        f"no weights at {path} and no model of that name; "
        f"models in {_folders()[0]}: {known}. Train one with `sdc pretrain PRESET --out DIR`"
    )


def read_about(path: Path) -> tuple[PretrainConfig, dict[str, str]]:
    """Read configuration and provenance of an exported file.

    Raises:
        ValueError: If the file is not one that `export_model` wrote.
    """
    config, provenance, _ = _read_header(path)
    return config, provenance


def _read_header(path: Path) -> tuple[PretrainConfig, dict[str, str], str]:
    """Configuration, provenance and the digest of the tensors, empty in older files."""
    if path.suffix == ".pt" and path.parent.name == "checkpoints":
        raise ValueError(
            f"{path} is a checkpoint, from which a run goes on; its weights are the file "
            f"{path.parent.parent / 'model.safetensors'}, once it has ended"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
    except SafetensorError as error:
        what = _other_kind(path) or _damage(path, f"not a safetensors file, or damaged: {error}")
        raise ValueError(what) from error
    if _KEY not in metadata:
        raise ValueError(
            f"{path} holds no sdc_lib configuration; for weights of the released code use "
            "load_released_weights(model, state_dict)"
        )
    try:
        about: dict[str, Any] = json.loads(metadata[_KEY])
        config = from_dict(PretrainConfig, about["config"])
        return config, dict(about["provenance"]), about.get("tensors", "")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} has no configuration of this version: {error}") from error


class _Content(NamedTuple):
    config: PretrainConfig
    provenance: dict[str, str]
    tensors: dict[str, Tensor]
    sha256: str
    """Of the whole file."""


def _read(path: Path) -> _Content:
    """All of a file, its tensors compared with their digest."""
    config, provenance, wanted = _read_header(path)
    data = path.read_bytes()
    try:
        tensors = load_tensors(data)
    except SafetensorError as error:
        raise ValueError(_damage(path, f"damaged: {error}")) from error
    if wanted and digest(tensors) != wanted:
        raise ValueError(_damage(path, "damaged: its tensors differ from their checksum"))
    return _Content(config, provenance, tensors, hashlib.sha256(data).hexdigest())


def _other_kind(path: Path) -> str:
    """One line on a file that never held weights in safetensors; nothing if it may have."""
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(_ZIP):
        return (
            f"{path} is a file of torch.save, such as a checkpoint; the weights of a run are "
            "model.safetensors in the folder above its checkpoints"
        )
    is_text = len(start) > 8 and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start)
    return f"{path} is a text file, not a safetensors file" if is_text else ""


def _damage(path: Path, what: str) -> str:
    """One line on a damaged file, with the way to have it again."""
    if (path.parent / "checkpoints").is_dir():
        again = "start the `sdc pretrain` command of its run again: it writes the file anew"
    else:
        again = "copy it again from where it came from"
    return f"{path} is {what}; {again}"


def _warn_of_untrained(path: Path, provenance: Mapping[str, str]) -> None:
    if provenance.get("steps") == "0":
        warnings.warn(f"{path}: these weights are untrained, 0 steps", stacklevel=3)


def _folders() -> list[Path]:
    """Where named weights are; ``checkpoints`` is the older name of folder and variable."""
    chosen = os.environ.get("SDC_WEIGHTS") or os.environ.get("SDC_CHECKPOINTS")
    return [Path(chosen)] if chosen else [_DATA / "weights", _DATA / "checkpoints"]
