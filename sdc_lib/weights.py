"""Weights to share: a safetensors file that knows its configuration and where it came from.

The file holds the tensors and one metadata entry, JSON with the configuration and provenance. It
contains no time and no path, so the same run gives the same bytes.

Weights saved by the authors' code differ in names only: their state dict calls the video-to-static
projection ``fvs``, the static codebook ``prototype_s``, the attention ``lit`` and so on.
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
from torch import Tensor, nn

from sdc_lib.config import PretrainConfig, from_dict, to_json
from sdc_lib.model import SDC, build_model
from sdc_lib.support.files import write_atomically

RELEASED_NAMES = {
    "fvv": "projections.video",
    "fvs": "projections.video_static",
    "fvd": "projections.video_dynamic",
    "fsv": "projections.static",
    "fdv": "projections.dynamic",
    "fv": "concept_projections.video",
    "fs": "concept_projections.static",
    "fd": "concept_projections.dynamic",
    "prototype": "codebooks.video",
    "prototype_s": "codebooks.static",
    "prototype_d": "codebooks.dynamic",
    "gv": "decoders.video",
    "gs": "decoders.static",
    "gd": "decoders.dynamic",
    "lit": "attention",
}
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")

_KEY = "sdc"
_DATA = Path(__file__).resolve().parents[1] / "data"


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
            in ``data/weights`` of the checkout (or in ``$SDC_WEIGHTS``).

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
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.safetensors")})


def resolve(name_or_path: str | Path) -> Path:
    """Find the file that a name or path means; see `load`."""
    path = Path(name_or_path)
    candidates = [path, path / "model.safetensors"]
    candidates += [folder / f"{name_or_path}.safetensors" for folder in _folders()]
    if path.parent.name == "checkpoints":  # where shipped weights were before
        candidates.append(path.parent.parent / "weights" / path.name)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
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


def _folders() -> list[Path]:
    """Where named weights are; ``checkpoints`` is the older name of folder and variable."""
    chosen = os.environ.get("SDC_WEIGHTS") or os.environ.get("SDC_CHECKPOINTS")
    return [Path(chosen)] if chosen else [_DATA / "weights", _DATA / "checkpoints"]


def load_released_weights(module: nn.Module, state_dict: Mapping[str, Tensor]) -> None:
    """Load a state dict with the released code's names, in place.

    Prefixes ``module.`` (left by DataParallel) are stripped; ``queue`` and the unused
    ``backbone.fc.*`` are ignored; BatchNorm buffers may be absent and then stay as they are. For
    `ConceptHeads` the backbone's weights are ignored, too.

    Args:
        module: An `SDC` or a `ConceptHeads` with separate codebooks and one video projection.
        state_dict: Released name to tensor.

    Raises:
        ValueError: If names are missing or unknown or shapes differ; the message lists them all, by
            their released names.
    """
    full = hasattr(module, "heads") and hasattr(module, "backbone")
    if not full and not hasattr(module, "concept_projections"):
        raise ValueError(f"can only load into SDC or ConceptHeads, got {type(module).__name__}")
    heads = module.heads if full else module
    if heads.codebooks["video"] is heads.codebooks["static"]:  # type: ignore[union-attr, index]
        raise ValueError("the released weights hold three codebooks; this model shares one")
    prefix = "heads." if full else ""
    translated: dict[str, Tensor] = {}
    unknown: list[str] = []
    for full_name, tensor in state_dict.items():
        name = full_name.removeprefix("module.")
        head, _, rest = name.partition(".")
        if name == "queue" or name.startswith("backbone.fc."):
            continue
        if head == "backbone":
            if full:
                translated[name] = tensor
        elif head in RELEASED_NAMES:
            translated[f"{prefix}{RELEASED_NAMES[head]}.{rest}"] = tensor
        else:
            unknown.append(name)
    _load_checked(module, translated, unknown)


def released_name(name: str) -> str:
    """What the released code calls one of our weights; our name where it has none like it.

    Args:
        name: A name in the state dict of `SDC` or `ConceptHeads`.
    """
    inner = name.removeprefix("heads.")
    for theirs, ours in RELEASED_NAMES.items():
        if inner.startswith(f"{ours}."):
            return theirs + inner.removeprefix(ours)
    return name


def _load_checked(module: nn.Module, weights: dict[str, Tensor], unknown: list[str]) -> None:
    own = module.state_dict()
    missing = [
        released_name(n) for n in own if n not in weights and n.rpartition(".")[2] not in _BUFFERS
    ]
    unknown = unknown + [released_name(n) for n in weights if n not in own]
    wrong = [
        f"{released_name(n)} {tuple(weights[n].shape)} instead of {tuple(own[n].shape)}"
        for n in own
        if n in weights and weights[n].shape != own[n].shape
    ]
    problems = [
        f"{what}: {', '.join(names)}"
        for what, names in (("missing", missing), ("unknown", unknown), ("wrong shape", wrong))
        if names
    ]
    if problems:
        raise ValueError("these are not the released weights of this model; " + "; ".join(problems))
    module.load_state_dict(weights, strict=False)
