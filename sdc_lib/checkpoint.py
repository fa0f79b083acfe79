"""Weights to share: a safetensors file that knows its configuration and where it came from.

The file holds the tensors and one metadata entry, JSON with the configuration and provenance. It
contains no time and no path, so the same run gives the same bytes.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from sdc_lib.config import PretrainConfig, from_dict, to_json
from sdc_lib.model import SDC, build_model
from sdc_lib.snapshots import write_atomically

_KEY = "sdc"
_CHECKPOINTS = Path(__file__).resolve().parents[1] / "data" / "checkpoints"


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
        OSError: If the file cannot be written; an older file of that name stays whole.
    """
    tensors = {
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in model.state_dict().items()
    }
    # a single entry: the order of several is not defined, and the bytes must be
    about = {"config": json.loads(to_json(config)), "provenance": dict(provenance)}
    metadata = {_KEY: json.dumps(about, sort_keys=True)}
    path = Path(path)
    write_atomically(path, save_tensors(tensors, metadata))
    return path


def load(name_or_path: str | Path) -> SDC:
    """Load a pretrained model, ready to evaluate.

    Args:
        name_or_path: A ``*.safetensors`` file, the folder of a finished run, or the name of a model
            in ``data/checkpoints`` of the checkout (or in ``$SDC_CHECKPOINTS``).

    Returns:
        The model in evaluation mode. Its ``provenance`` says where it came from: ``source``,
        ``sha256``, ``config`` and what the training run wrote (steps, epochs, data set).

    Raises:
        ValueError: If there is no such model, or the file is not one that `export_model` wrote.
    """
    path = resolve(name_or_path)
    config, written = read_about(path)
    data = path.read_bytes()
    with torch.random.fork_rng(devices=[]):
        model = build_model(config.model)
    try:
        model.load_state_dict(load_tensors(data))
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit its own configuration: {error}") from error
    model.provenance = {
        **written,
        "config": config.name,
        "source": str(path),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return model.eval()


def load_config(name_or_path: str | Path) -> PretrainConfig:
    """Read only the configuration that a model was trained with; arguments as for `load`."""
    return read_about(resolve(name_or_path))[0]


def available() -> list[str]:
    """Names that `load` knows."""
    return sorted(path.stem for path in _folder().glob("*.safetensors"))


def resolve(name_or_path: str | Path) -> Path:
    """Find the file that a name or path means; see `load`."""
    path = Path(name_or_path)
    candidates = [path, path / "model.safetensors", _folder() / f"{name_or_path}.safetensors"]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    known = ", ".join(available()) or "none yet"
    raise ValueError(
        f"no weights at {path} and no model of that name; "
        f"models in {_folder()}: {known}. Train one with `sdc pretrain PRESET --out DIR`"
    )


def read_about(path: Path) -> tuple[PretrainConfig, dict[str, str]]:
    """Read configuration and provenance of an exported file.

    Raises:
        ValueError: If the file is not one that `export_model` wrote.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from error
    if _KEY not in metadata:
        raise ValueError(
            f"{path} holds no sdc_lib configuration; for weights of the released code use "
            "load_released_weights(model, state_dict)"
        )
    about: dict[str, Any] = json.loads(metadata[_KEY])
    return from_dict(PretrainConfig, about["config"]), dict(about["provenance"])


def _folder() -> Path:
    return Path(os.environ.get("SDC_CHECKPOINTS", _CHECKPOINTS))
