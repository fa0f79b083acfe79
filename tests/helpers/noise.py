"""Clips of noise."""

import torch


def noise_clip(frames: int = 6, side: int = 24) -> torch.Tensor:
    return torch.randint(0, 256, (frames, side, side + 8, 3), dtype=torch.uint8)
