"""Sinkhorn-Knopp, one scaling at a time."""

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from sdc_lib.explore.base import Explorer, player_controls
from sdc_lib.plots import SinkhornStep, sinkhorn_steps, sinkhorn_trace
from sdc_lib.plots.pixels import Pixels, captioned, heatmap
from sdc_lib.plots.style import BLUE, VERMILLION, Array

BAR = 56
"""Longest bar, pixels; twice the wanted sum."""


class SinkhornExplorer(Explorer):
    """See scores become assignments as columns and rows are scaled in turn.

    Controls: step (with play button) and ε. Bars are the sums of rows and columns, the line is
    what they should be.

    Args:
        scores: Samples by concepts, ``(N, K)``.
        epsilon: ε at the start.
        iterations: Rounds to step through.
        fps: Steps a second while playing.

    Attributes:
        steps: All steps for the present ε, see `sdc_lib.plots.sinkhorn_trace`.
        step: Slider of the step shown.
        epsilon: Slider of ε.
    """

    def __init__(
        self,
        scores: Tensor | Array,
        *,
        epsilon: float = 0.05,
        iterations: int = 5,
        fps: float = 1.5,
    ) -> None:
        self._scores = scores
        self._iterations = iterations
        player, self.step = player_controls("step", 2 * iterations, fps)
        self.epsilon = widgets.FloatLogSlider(
            epsilon, base=10, min=-2, max=0, step=0.05, description="ε", readout_format=".3f"
        )
        self._solve()
        self._on_change(self.step)
        self._on_change(self.epsilon, prepare=self._solve)
        super().__init__([player, self.epsilon])

    @property
    def current(self) -> SinkhornStep:
        """The step shown."""
        step: SinkhornStep = self.steps[self.step.value]
        return step

    def render(self) -> Pixels:
        """The matrix with the sums of its columns above and of its rows beside it."""
        mass = self.current.mass
        samples, concepts = mass.shape
        cell_h, cell_w = (int(np.clip(300 // n, 4, 32)) for n in (samples, concepts))
        height, width = samples * cell_h, concepts * cell_w
        canvas = np.full((BAR + 4 + height, width + 4 + BAR, 3), 255, np.uint8)
        canvas[BAR + 4 :, :width] = heatmap(mass, (cell_h, cell_w), 0.0, 1.0)
        above = _bars(mass.sum(axis=0), samples / concepts, cell_w)
        canvas[:BAR, :width] = above[::-1]
        canvas[BAR + 4 :, width + 4 :] = _bars(mass.sum(axis=1), 1.0, cell_h).transpose(1, 0, 2)
        return captioned(canvas, self.current.name)

    def describe(self) -> str:
        """How far the sums are from what they should be."""
        mass = self.current.mass
        columns, rows = mass.sum(axis=0), mass.sum(axis=1)
        return (
            f"Concepts (columns) hold {columns.min():.2f} to {columns.max():.2f} samples, wanted "
            f"{len(mass) / mass.shape[1]:.2f} each; samples (rows) sum to {rows.min():.2f} to "
            f"{rows.max():.2f}, wanted 1."
        )

    def static(self) -> Figure:
        """All steps of up to two rounds beside each other."""
        return sinkhorn_steps(self._scores, self.epsilon.value, min(2, self._iterations))

    def _solve(self) -> None:
        self.steps: list[SinkhornStep] = sinkhorn_trace(
            self._scores, self.epsilon.value, self._iterations
        )


def _bars(values: Array, target: float, cell: int) -> Pixels:
    """Bars growing downwards, ``(BAR, len(values) * cell, 3)``, with a line at the target."""
    lengths = (BAR * values / (2 * target)).clip(0, BAR).repeat(cell)  # (width,)
    lengths[cell - 1 :: cell] = 0  # a gap between bars
    filled = np.arange(BAR)[:, None] < lengths[None]
    canvas = np.where(filled[..., None], _rgb(BLUE), 255).astype(np.uint8)
    canvas[BAR // 2 - 1 : BAR // 2 + 1] = _rgb(VERMILLION)
    return canvas


def _rgb(colour: str) -> Pixels:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
