"""What a concept stands for: the videos that activate it most."""

import functools
from collections.abc import Sequence

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import Tensor

from sdc_lib.explore.base import Clip, Explorer, SquareFrames, player_controls, slider
from sdc_lib.plots import image_grid, overlay
from sdc_lib.plots.pixels import Pixels, captioned, mosaic
from sdc_lib.plots.style import DENSITY, Array, as_numpy


class CodebookExplorer(Explorer):
    """Pick a static and a dynamic concept and see the clips that score highest, side by side.

    Controls: static concept, dynamic concept, frame (with play button) and, where attention is
    given, whether to paint where the concept looks.

    Args:
        clips: One clip per video, as the model saw it; see `sdc_lib.plots.to_frames`.
        scores: Scores of the videos with all concepts, ``(V, 2K)``, static half first.
        attention: Where concepts look, ``(V, 2K, T', H', W')``, or None.
        top: Clips shown for each concept.
        size: Side of a clip, pixels.
        fps: Frames a second while playing.

    Attributes:
        static_concept: Slider of the concept on the left, 0 to K - 1 within its half.
        dynamic_concept: The same on the right.
        frame: Slider of the frame shown.
        paint: Checkbox: paint attention.

    Raises:
        ValueError: If clips, scores and attention do not fit.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        scores: Tensor | Array,
        attention: Tensor | None = None,
        *,
        top: int = 4,
        size: int = 96,
        fps: float = 8.0,
    ) -> None:
        self.scores = as_numpy(scores)
        if self.scores.ndim != 2 or len(clips) != len(self.scores) or self.scores.shape[1] % 2:
            raise ValueError(
                f"scores must be ({len(clips)}, 2K), a row per clip, got {self.scores.shape}"
            )
        if attention is not None and attention.shape[:2] != self.scores.shape:
            raise ValueError(
                f"attention must be {(*self.scores.shape, 'T', 'H', 'W')}, "
                f"got {tuple(attention.shape)}"
            )
        self._frames = SquareFrames(clips, size)
        self._attention = attention
        self._painted = functools.lru_cache(maxsize=64)(self._paint)
        self._top = min(top, len(clips))
        half = self.num_concepts - 1
        self.static_concept = slider("static concept", half)
        self.dynamic_concept = slider("dynamic concept", half)
        player, self.frame = player_controls("frame", len(self._frames[0]) - 1, fps)
        self.paint = widgets.Checkbox(
            attention is not None, description="where it looks", disabled=attention is None
        )
        self._on_change(self.static_concept, self.dynamic_concept, self.frame, self.paint)
        super().__init__([self.static_concept, self.dynamic_concept, player, self.paint])

    @property
    def num_concepts(self) -> int:
        """K, concepts in each half."""
        return int(self.scores.shape[1]) // 2

    def strongest(self, concept: int) -> list[int]:
        """The clips that score highest with a concept (0 to 2K - 1), best first."""
        order = (-self.scores[:, concept]).argsort(kind="stable")
        return [int(index) for index in order[: self._top]]

    def render(self) -> Pixels:
        """The static concept's clips on the left, the dynamic one's on the right."""
        halves = []
        for name, concept in self._chosen().items():
            tiles = [
                captioned(self._view(index, concept), f"{self.scores[index, concept]:.2f}")
                for index in self.strongest(concept)
            ]
            rows = [tiles[i : i + 2] for i in range(0, len(tiles), 2)]
            halves.append(captioned(mosaic(rows), name))
        return mosaic([halves], gap=20)

    def describe(self) -> str:
        """Which clips are shown."""
        parts = [
            f"{name}: clips {', '.join(map(str, self.strongest(concept)))}"
            for name, concept in self._chosen().items()
        ]
        return f"Highest scores first. {'; '.join(parts)}."

    def static(self) -> Figure:
        """Middle frames of the same clips, a row per concept."""
        rows, labels = [], []
        for name, concept in self._chosen().items():
            found = self.strongest(concept)
            rows.append([self._clip(i, concept)[len(self._clip(i, concept)) // 2] for i in found])
            labels.append(name)
        columns = [f"rank {rank + 1}" for rank in range(self._top)]
        return image_grid(rows, labels, columns, density=DENSITY)

    def _chosen(self) -> dict[str, int]:
        left, right = self.static_concept.value, self.dynamic_concept.value
        return {f"static {left}": left, f"dynamic {right}": self.num_concepts + right}

    def _view(self, index: int, concept: int) -> Pixels:
        frames = self._clip(index, concept)
        view: Pixels = frames[self.frame.value % len(frames)]
        return view

    def _clip(self, index: int, concept: int) -> Pixels:
        return self._painted(index, concept) if self.paint.value else self._frames[index]

    def _paint(self, index: int, concept: int) -> Pixels:
        assert self._attention is not None
        return overlay(self._frames[index], self._attention[index, concept])
