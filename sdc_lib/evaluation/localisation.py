"""Where concepts look, measured where the generator knows what is there.

A concept's attention is a distribution over the positions of a clip. Its *mass* on a region (the
moving shape, the distractor at rest, the background) divided by the region's *share* of the area
says how much more it looks there than chance: 1 is chance, 2 twice as much. Of each half the
concept that scores highest for the clip is asked. To compare with: `untrained_heads` on the same
backbone; frames in random order, where nothing moves as it did; and a map that is the shape itself,
as sharp as the positions allow.

Intervals resample the videos. This measure is ours; the regions are those of
`sdc_lib.datasets.motion_factors.world.render_masks`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from sdc_lib.augment import normalize
from sdc_lib.config import ModelConfig
from sdc_lib.datasets.clips import EvalClips
from sdc_lib.datasets.frames import eval_indices
from sdc_lib.datasets.motion_factors import MotionFactors
from sdc_lib.evaluation.baselines import random_model
from sdc_lib.evaluation.estimates import Estimate, bootstrap_draws, interval
from sdc_lib.evaluation.halves import HALVES
from sdc_lib.features.clips import ClipSettings
from sdc_lib.model import SDC
from sdc_lib.support.modes import evaluating
from sdc_lib.support.tables import format_table

REGIONS = ("shape", "distractor", "background")


@dataclass(frozen=True)
class Localisation:
    """How much more than chance each half's concepts look at each region.

    Attributes:
        name: Heading of the printed table.
        ratios: Half -> region -> attention mass over share of the area.
        sharpest: The same for a map that is the shape itself.
        area: Region -> its share of the area, per cent.
        evaluated: Videos.
    """

    name: str
    ratios: dict[str, dict[str, Estimate]]
    sharpest: dict[str, Estimate]
    area: dict[str, float]
    evaluated: int

    def __str__(self) -> str:
        """As a table."""
        rows = [
            [
                f"{half} concepts",
                *(f"{e.value:.2f} [{e.low:.2f}, {e.high:.2f}]" for e in r.values()),
            ]
            for half, r in self.ratios.items()
        ]
        rows.append(["share of the area, %", *(f"{self.area[r]:.1f}" for r in REGIONS)])
        title = f"{self.name}: {self.evaluated} videos, attention mass / area [95% interval]"
        return format_table(["", *REGIONS], rows, title)


def localisation(
    model: SDC,
    videos: MotionFactors,
    clips: ClipSettings | None = None,
    *,
    shuffle_time: bool = False,
    name: str = "model",
    resamples: int = 1000,
    seed: int = 0,
    progress: bool = True,
) -> Localisation:
    """Compare the attention of the strongest concepts with where things are.

    Args:
        model: Network with concepts, on any device; left in the mode it was in.
        videos: Videos whose generator is known.
        clips: How videos become clips; centre crops only.
        shuffle_time: Put the frames of every clip (and what is known of them) in random order.
        name: Heading of the printed table.
        resamples: Bootstrap samples behind the intervals.
        seed: Of the bootstrap and of the random orders.
        progress: Show a bar.

    Returns:
        See `Localisation`.

    Raises:
        ValueError: If crops are not those of the centre, or there are no videos.
    """
    clips = clips or ClipSettings()
    if clips.crops != "centre":
        raise ValueError(f"crops are {clips.crops!r}; where things are is known in 'centre' crops")
    samples = _clips_and_masks(videos, clips, np.random.default_rng(seed) if shuffle_time else None)
    bar = tqdm(samples, name, len(videos), unit="video", delay=2, leave=False, disable=not progress)
    masses, shares = [], []
    with evaluating(model):
        for pixels, masks in bar:
            mass, share = _look(model, pixels, masks)
            masses.append(mass)
            shares.append(share)
    return _summarise(np.stack(masses), np.stack(shares), name, resamples, seed)


def untrained_heads(model: SDC, config: ModelConfig, seed: int = 0) -> SDC:
    """The same backbone, on the same device, with heads of random weights; in ``eval()``."""
    fresh = random_model(config, seed)
    fresh.boundary = model.boundary
    fresh.backbone.load_state_dict(model.backbone.state_dict())
    return fresh.to(next(model.parameters()).device)


def _clips_and_masks(
    videos: MotionFactors, clips: ClipSettings, rng: np.random.Generator | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """A video's clips ``(n, C, T, S, S)`` and the cover of its regions ``(n, 3, T, H, W)``."""
    source = EvalClips(videos, clips.num_frames, clips.stride, clips.size, clips.clips)
    for index in range(len(videos)):
        pixels = source[index].clips
        shape, distractor = videos.masks(index)
        regions = np.stack([shape, distractor, 1 - shape - distractor])  # (3, frames, H, W)
        starts = eval_indices(len(shape), clips.num_frames, clips.stride, clips.clips)
        masks = torch.from_numpy(regions[:, starts]).transpose(0, 1)  # (n, 3, T, H, W)
        if rng is not None:
            order = torch.from_numpy(rng.permutation(clips.num_frames))
            pixels, masks = pixels[:, :, order], masks[:, :, order]
        yield pixels, masks


@torch.no_grad()
def _look(
    model: SDC, clips: Tensor, masks: Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means over clips: mass of both halves and of the shape on each region ``(3, 3)``; areas."""
    device = next(model.parameters()).device
    encoded = model.encode(normalize(clips.to(device)))
    _, attention = model.heads.attention(encoded.local, model.heads.concepts("video"))
    areas = F.adaptive_avg_pool3d(masks.to(device), attention.shape[2:])  # (n, 3, T', H', W')
    of_clip = torch.arange(len(clips), device=device)
    looks = []
    for half, scores in enumerate(encoded.scores.chunk(2, dim=1)):
        strongest = half * scores.shape[1] + scores.argmax(dim=1)
        looks.append(attention[of_clip, strongest])  # (n, T', H', W'), sums to 1
    looks.append(areas[:, 0] / areas[:, 0].sum(dim=(1, 2, 3), keepdim=True))
    mass = torch.stack([(look[:, None] * areas).sum(dim=(2, 3, 4)).mean(dim=0) for look in looks])
    share = areas.mean(dim=(0, 2, 3, 4))
    return mass.cpu().double().numpy(), share.cpu().double().numpy()


def _summarise(
    masses: NDArray[np.float64],
    shares: NDArray[np.float64],
    name: str,
    resamples: int,
    seed: int,
) -> Localisation:
    """Ratios of means over videos, from masses ``(N, 3, 3)`` and shares ``(N, 3)``."""
    videos = len(masses)
    draws = bootstrap_draws(videos, resamples, seed)
    ratios = np.einsum("dv,vhr->dhr", draws, masses) / (draws @ shares)[:, None]  # (draws, 3, 3)
    rows = [
        {region: interval(ratios[:, row, r]) for r, region in enumerate(REGIONS)}
        for row in range(len(HALVES) + 1)
    ]
    return Localisation(
        name,
        dict(zip(HALVES, rows, strict=False)),
        rows[-1],
        {region: float(100 * shares[:, r].mean()) for r, region in enumerate(REGIONS)},
        videos,
    )
