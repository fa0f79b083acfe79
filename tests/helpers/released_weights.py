"""Random weights under the names and shapes of the released code's state dict."""

import torch
from torch import Tensor

STREAM_PROJECTIONS = ("fvv", "fvs", "fvd", "fsv", "fdv")


def random_released_weights(
    dim: int, num_concepts: int, projection_dim: int, seed: int = 0
) -> dict[str, Tensor]:
    """A complete float64 state dict of the heads, BatchNorm buffers and queue absent."""
    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, Tensor] = {}

    def draw(name: str, *shape: int) -> None:
        weights[name] = torch.randn(*shape, generator=generator, dtype=torch.float64)

    def linear(name: str, inputs: int, outputs: int, bias: bool = True) -> None:
        draw(f"{name}.weight", outputs, inputs)
        if bias:
            draw(f"{name}.bias", outputs)

    def norm(name: str, width: int) -> None:
        draw(f"{name}.weight", width)
        draw(f"{name}.bias", width)

    for name in STREAM_PROJECTIONS:
        linear(f"{name}.0", dim, dim)
        linear(f"{name}.2", dim, projection_dim)
    wide, half = 2 * num_concepts, num_concepts
    widths = {"fv": dim, "fs": dim, "fd": dim, "gv": wide, "gs": half, "gd": half}
    for name, inputs in widths.items():
        linear(f"{name}.0", inputs, dim)
        norm(f"{name}.1", dim)
        linear(f"{name}.3", dim, dim)
    for name in ("prototype", "prototype_s", "prototype_d"):
        rows = torch.randn(wide, dim, generator=generator, dtype=torch.float64)
        weights[f"{name}.weight"] = rows / rows.norm(dim=1, keepdim=True)
    for name in ("project_q", "project_k", "project_v"):
        linear(f"lit.{name}", dim, dim, bias=False)
    for name in ("norm_inputs", "norm_templates", "norm_mlp"):
        norm(f"lit.{name}", dim)
    linear("lit.mlp.0", dim, dim // 2)
    linear("lit.mlp.2", dim // 2, dim)
    return weights
