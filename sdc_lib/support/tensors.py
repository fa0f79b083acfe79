"""What can be known of named tensors: whether they are the same, and whether they are finite."""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of all tensors with their names, types and shapes, as 64 hex digits."""
    found = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        data = value.detach().cpu().contiguous().flatten().view(torch.uint8)
        found.update(data.numpy().tobytes())
    return found.hexdigest()


def not_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    """Names of the tensors that hold NaN or infinity."""
    return [name for name, value in tensors.items() if not bool(torch.isfinite(value).all())]
