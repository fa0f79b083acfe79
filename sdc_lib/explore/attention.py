"""Where concepts look while a clip plays, with and without the filter."""

import functools

import ipywidgets as widgets
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from sdc_lib.attention import select_concepts
from sdc_lib.explore.base import Clip, Explorer, dense_frames, player_controls, slider
from sdc_lib.plots import concept_maps, overlay
from sdc_lib.plots.pixels import Pixels, captioned, mosaic
from sdc_lib.plots.style import RIGHT, WRONG


class AttentionExplorer(Explorer):
    """Concept maps over a playing clip, strongest concept first.

    Concepts are named by half and place, "static 1" or "dynamic 8".

    Controls: frame (with play button), the first rank shown, and the filter, which keeps the
    concepts that are strong in both views; those it would drop have dashed outlines.

    Args:
        clip: The clip as the model saw it; see `sdc_lib.plots.to_frames`.
        attention: Where N = 2K concepts look in it, static half first, ``(N, T', H', W')``.
        scores: Scores of the clip with these concepts, ``(N,)``.
        other_scores: Scores of the other clip of the same video, ``(N,)``.
        top_k: See `sdc_lib.attention.select_concepts`; at most N.
        inclusive: See there.
        shown: Concepts shown at once.
        size: Side of a map, pixels.
        fps: Frames a second while playing.

    Attributes:
        kept: Which concepts pass the filter, ``(N,)``, boolean.
        frame: Slider of the frame shown.
        first: Slider of the first rank shown.
        filter: Checkbox of the filter.

    Raises:
        ValueError: If attention and scores do not fit, or N is odd.
    """

    def __init__(
        self,
        clip: Clip,
        attention: Tensor,
        scores: Tensor,
        other_scores: Tensor,
        *,
        top_k: int = 10,
        inclusive: bool = False,
        shown: int = 7,
        size: int = 112,
        fps: float = 8.0,
    ) -> None:
        if attention.ndim != 4 or tuple(scores.shape) != (len(attention),):
            raise ValueError(
                f"attention must be (N, T, H, W) and scores (N,), "
                f"got {tuple(attention.shape)} and {tuple(scores.shape)}"
            )
        if len(scores) % 2:
            raise ValueError(f"scores must be those of two halves, got {len(scores)} of them")
        self.frames = dense_frames(clip, size)
        self.attention = attention.detach().cpu()
        self.scores = scores.detach().cpu()
        mask = select_concepts(scores[None], other_scores[None], top_k, inclusive)
        self.kept = mask[0].cpu().numpy()
        self._shown = shown
        self._painted = functools.lru_cache(maxsize=256)(self._paint)
        player, self.frame = player_controls("frame", len(self.frames) - 1, fps)
        self.filter = widgets.Checkbox(False, description="filter: strong in both views")
        self.first = slider("from rank", max(0, len(self.scores) - shown))
        self._on_change(self.frame, self.first)
        self._on_change(self.filter, prepare=self._rewind)
        super().__init__([player, self.first, self.filter])

    def listed(self) -> list[int]:
        """The concepts in question, strongest first: all, or those that the filter keeps."""
        order = torch.argsort(self.scores, descending=True, stable=True).tolist()
        return [c for c in order if self.kept[c] or not self.filter.value]

    def visible(self) -> list[int]:
        """The concepts shown now."""
        return self.listed()[self.first.value : self.first.value + self._shown]

    def name(self, concept: int) -> str:
        """Half and place within it of a concept (0 to 2K - 1), "dynamic 8" for instance."""
        half, place = divmod(concept, len(self.scores) // 2)
        return f"{('static', 'dynamic')[half]} {place}"

    def render(self) -> Pixels:
        """The frame, then the maps of the visible concepts."""
        t = self.frame.value
        tiles = [captioned(self.frames[t], f"frame {t}", "#FFFFFF", border=3)]
        for concept in self.visible():
            keep = bool(self.kept[concept])
            name = f"{self._label(concept)} {'✓' if keep else '✗'}"
            colour = RIGHT if keep else WRONG
            image = self._painted(concept)[t]
            tiles.append(captioned(image, name, colour, dashed=not keep, border=3))
        columns = -(-(self._shown + 1) // 2)
        tiles += [np.full_like(tiles[0], 255)] * (self._shown + 1 - len(tiles))
        return mosaic([tiles[i : i + columns] for i in range(0, len(tiles), columns)])

    def describe(self) -> str:
        """Which concepts are shown, with their scores, and how many the filter keeps."""
        names = ", ".join(map(self._label, self.visible())) or "none"
        kept = f"the filter keeps {int(self.kept.sum())} of {len(self.kept)}"
        return f"Concepts with their scores: {names}; {kept}."

    def static(self) -> Figure:
        """The maps of the first visible concepts over a few frames."""
        shown = self.visible()[:5]
        names = [self._label(c) for c in shown]
        return concept_maps(self.frames, self.attention[shown], names, self.kept[shown])

    def _label(self, concept: int) -> str:
        return f"{self.name(concept)}: {float(self.scores[concept]):.2f}"

    def _rewind(self) -> None:
        self.first.value = 0
        self.first.max = max(0, len(self.listed()) - self._shown)

    def _paint(self, concept: int) -> Pixels:
        return overlay(self.frames, self.attention[concept])
