"""Small explorers of noise, and what they show."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import torch
from PIL import Image

from sdc_lib import explore
from sdc_lib.objective import LossTerms


def noise_clip(frames: int = 4, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (frames, 20, 26, 3), dtype=torch.uint8, generator=generator)


def record(step: int, **changes: float) -> dict[str, Any]:
    values = {name: 1.0 / step for name in ("total", *LossTerms._fields)}
    signs = {"perplexity_static": 9.0, "perplexity_dynamic": 8.0, "top_share": 0.1}
    return {"step": step, **values, **signs, "feature_std": 0.2, **changes}


def clip_explorer() -> explore.ClipExplorer:
    return explore.ClipExplorer(noise_clip(20), num_frames=4, size=16)


def sinkhorn_explorer() -> explore.SinkhornExplorer:
    return explore.SinkhornExplorer(torch.linspace(-1, 1, 24).cos().view(6, 4), iterations=3)


def codebook_explorer() -> explore.CodebookExplorer:
    scores = torch.rand(5, 6, generator=torch.Generator().manual_seed(1))
    attention = torch.rand(5, 6, 2, 3, 3, generator=torch.Generator().manual_seed(2))
    clips = [noise_clip(4, seed) for seed in range(5)]
    return explore.CodebookExplorer(clips, scores, attention, top=3, size=16)


def attention_explorer() -> explore.AttentionExplorer:
    generator = torch.Generator().manual_seed(3)
    attention = torch.rand(12, 2, 3, 3, generator=generator)
    scores, other = torch.rand(2, 12, generator=generator)
    return explore.AttentionExplorer(noise_clip(), attention, scores, other, shown=4, size=16)


def neighbour_explorer() -> explore.NeighbourExplorer:
    clips = [noise_clip(3, seed) for seed in range(6)]
    similarity = torch.rand(3, 6, generator=torch.Generator().manual_seed(4))
    labels = [0, 1, 0]
    return explore.NeighbourExplorer(
        clips[:3], clips, similarity, labels, labels * 2, ["walk", "run"], top=4, size=16
    )


def training_monitor() -> explore.TrainingMonitor:
    monitor = explore.TrainingMonitor(10, clock=lambda: 0.0)
    for step in range(1, 6):
        monitor(record(step))
    monitor.refresh()
    return monitor


def picture(explorer: explore.Explorer) -> Image.Image:
    source = re.findall(r'src="data:image/png;base64,(.*?)"', explorer.image.value)[0]
    return Image.open(io.BytesIO(base64.b64decode(source)))
