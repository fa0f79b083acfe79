"""Weights of the authors' code, which differ from ours in names only.

Their state dict calls the video-to-static projection ``fvs``, the static codebook ``prototype_s``,
the attention ``lit`` and so on.
"""

from collections.abc import Mapping

from torch import Tensor, nn

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
