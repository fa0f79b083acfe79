"""The heads written out row by row, from a state dict with the released code's names.

Like `tests/reference/literal.py` slow on purpose and without a line of `sdc_lib`.

Source: Qian et al., ECCV 2022 (arXiv 2207.12795) and the authors' released code.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from tests.reference.literal import LiteralInputs, dot, unit

Weights = Mapping[str, Tensor]


def literal_heads(weights: Weights, features: Tensor, maps: Tensor) -> LiteralInputs:
    """Projections, scores, rebuilt features and descriptors of six views.

    Args:
        weights: Released name to tensor.
        features: ``(B, 6, D)``.
        maps: ``(B, 6, D, T, H, W)``.

    Returns:
        What the objective reads.
    """
    v, s, d = features.split(2, dim=1)
    projections = tuple(
        torch.stack([project(weights, name, stream[:, j]) for j in (0, 1)], dim=1)
        for name, stream in (("fvv", v), ("fvs", v), ("fvd", v), ("fsv", s), ("fdv", d))
    )
    scores = torch.stack(
        [
            score(weights, "vvssdd"[view], features[:, view])  # BatchNorm: one view a call
            for view in range(6)
        ],
        dim=1,
    )
    k = scores.shape[2] // 2
    concepts = {
        "v": weights["prototype.weight"],
        "s": weights["prototype_s.weight"][:k],
        "d": weights["prototype_d.weight"][k:],
    }
    seen = {"v": scores[:, :2], "s": scores[:, 2:4, :k], "d": scores[:, 4:, k:]}
    rebuilt, descriptors = [], []
    for number, stream in enumerate("vsd"):
        both = torch.cat([seen[stream][:, 0], seen[stream][:, 1]])  # BatchNorm: both views at once
        decoded = with_batch_norm(weights, f"g{stream}", both)
        rebuilt += list(decoded.split(len(features)))
        views = [attend(weights, maps[:, 2 * number + j], concepts[stream]) for j in (0, 1)]
        descriptors.append(torch.stack(views, dim=1))
    return LiteralInputs(
        features, projections, scores, torch.stack(rebuilt, dim=1), tuple(descriptors)
    )


def linear(weights: Weights, name: str, row: Tensor) -> Tensor:
    """One output at a time: a row of the weight times the input, plus a bias if there is one."""
    out = torch.stack([dot(w, row) for w in weights[f"{name}.weight"]])
    bias = weights.get(f"{name}.bias")
    return out if bias is None else out + bias


def relu(row: Tensor) -> Tensor:
    """Positive part."""
    return torch.where(row > 0, row, torch.zeros_like(row))


def layer_norm(weights: Weights, name: str, row: Tensor) -> Tensor:
    """Standardise one row over its features."""
    centred = row - row.mean()
    return (
        centred / ((centred**2).mean() + 1e-5).sqrt() * weights[f"{name}.weight"]
        + weights[f"{name}.bias"]
    )


def project(weights: Weights, name: str, rows: Tensor) -> Tensor:
    """Linear, ReLU, Linear, row by row."""
    return torch.stack(
        [linear(weights, f"{name}.2", relu(linear(weights, f"{name}.0", row))) for row in rows]
    )


def with_batch_norm(weights: Weights, name: str, rows: Tensor) -> Tensor:
    """Linear, BatchNorm with the statistics of these rows, ReLU, Linear."""
    hidden = [linear(weights, f"{name}.0", row) for row in rows]
    centre = torch.stack(hidden).sum(dim=0) / len(hidden)
    variance = torch.stack([(h - centre) ** 2 for h in hidden]).sum(dim=0) / len(hidden)
    out = []
    for h in hidden:
        standard = (h - centre) / (variance + 1e-5).sqrt()
        scaled = standard * weights[f"{name}.1.weight"] + weights[f"{name}.1.bias"]
        out.append(linear(weights, f"{name}.3", relu(scaled)))
    return torch.stack(out)


def score(weights: Weights, stream: str, rows: Tensor) -> Tensor:
    """Cosine of every row with every concept of the stream's codebook."""
    codebook = weights["prototype.weight" if stream == "v" else f"prototype_{stream}.weight"]
    projected = with_batch_norm(weights, f"f{stream}", rows)
    return torch.stack([torch.stack([dot(unit(row), c) for c in codebook]) for row in projected])


def attend(weights: Weights, maps: Tensor, concepts: Tensor) -> Tensor:
    """One pass of cross-attention, position by position: ``(B, D, T, H, W)`` to ``(B, n, D)``."""
    dim = concepts.shape[1]
    queries = [
        linear(weights, "lit.project_q", layer_norm(weights, "lit.norm_templates", c)) / dim**0.5
        for c in concepts
    ]
    samples = []
    for volume in maps:
        places = [volume[:, t, y, x] for t, y, x in _grid(volume)]
        places = [layer_norm(weights, "lit.norm_inputs", place) for place in places]
        keys = [linear(weights, "lit.project_k", place) for place in places]
        values = [linear(weights, "lit.project_v", place) for place in places]
        shares = []  # (positions, n): concepts compete for each position
        for key in keys:
            raised = torch.stack([dot(query, key) for query in queries]).exp()
            shares.append(raised / raised.sum() + 1e-8)
        rows = []
        for n, concept in enumerate(concepts):
            whole = torch.stack([share[n] for share in shares]).sum()
            pairs = zip(shares, values, strict=True)
            row = torch.stack([share[n] / whole * value for share, value in pairs]).sum(dim=0)
            row = row + concept
            hidden = relu(linear(weights, "lit.mlp.0", layer_norm(weights, "lit.norm_mlp", row)))
            rows.append(row + linear(weights, "lit.mlp.2", hidden))
        samples.append(torch.stack(rows))
    return torch.stack(samples)


def _grid(volume: Tensor) -> list[tuple[int, int, int]]:
    _, frames, height, width = volume.shape
    return [(t, y, x) for t in range(frames) for y in range(height) for x in range(width)]
