"""Sinkhorn-Knopp, one scaling at a time."""

from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from torch import Tensor

from sdc_lib.explore.base import Explorer, player_controls
from sdc_lib.plots import SinkhornStep, sinkhorn_steps, sinkhorn_trace
from sdc_lib.plots.pixels import Pixels, captioned, colours, font, heatmap
from sdc_lib.plots.style import BLUE, DENSITY, VERMILLION, Array

BAR = 56 * DENSITY
"""Longest bar: the largest sum of all steps."""
EPSILONS = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
_GAP, _NAME, _SCALE = 4 * DENSITY, 20 * DENSITY, 14 * DENSITY


class SinkhornExplorer(Explorer):
    """See scores become assignments as columns and rows are scaled in turn.

    Controls: step (with play button) and ε. Bars are the sums of rows and columns, the line is
    what they should be; the scale at the right says what a colour means.

    Args:
        scores: Samples by concepts, ``(N, K)``.
        epsilon: ε at the start; a choice of the slider beside `EPSILONS`.
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
        choices = sorted({*EPSILONS, float(epsilon)})
        self.epsilon = widgets.SelectionSlider(
            options=[(f"{choice:g}", choice) for choice in choices], value=epsilon, description="ε"
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
        cell_h, cell_w = (DENSITY * int(np.clip(300 // n, 4, 32)) for n in (samples, concepts))
        height, width = samples * cell_h, concepts * cell_w
        top, left, right = BAR + _GAP, _NAME, _NAME + width + _GAP
        scale = right + BAR + 3 * _GAP
        canvas = np.full((top + height + _NAME, scale + _SCALE + 2 * _NAME, 3), 255, np.uint8)
        canvas[top : top + height, left : left + width] = heatmap(mass, (cell_h, cell_w), 0.0, 1.0)
        above = _bars(mass.sum(axis=0), samples / concepts, self._longest(0), cell_w)
        canvas[:BAR, left : left + width] = above[::-1]
        beside = _bars(mass.sum(axis=1), 1.0, self._longest(1), cell_h).transpose(1, 0, 2)
        canvas[top : top + height, right : right + BAR] = beside
        shades = np.linspace(255, 0, height).astype(int)
        canvas[top : top + height, scale : scale + _SCALE] = colours()[shades][:, None]
        return captioned(self._named(canvas, (top, height), (left, width)), self.current.name)

    def _longest(self, axis: int) -> float:
        """The largest sum along an axis in any step, so that bars keep their scale."""
        return float(max(step.mass.sum(axis=axis).max() for step in self.steps))

    def _named(self, canvas: Pixels, rows: tuple[int, int], columns: tuple[int, int]) -> Pixels:
        """The canvas with the names of axes, bars and colours; each extent is start and length."""
        (top, height), (left, width) = rows, columns
        image = Image.fromarray(canvas)
        draw = ImageDraw.Draw(image)
        samples, concepts = self.current.mass.shape
        below = top + height + 2 * DENSITY
        style: dict[str, Any] = {"fill": "black", "font": font(11)}
        draw.text((left + width / 2, below), f"{concepts} concepts", anchor="ma", **style)
        draw.text((left + width + _GAP, below), "sums", anchor="la", **style)
        scale = image.width - 2 * _NAME + DENSITY * 2
        draw.text((scale, top), "1", anchor="la", **style)
        draw.text((scale, top + height), "0", anchor="ld", **style)
        _upright(image, f"{samples} samples", (0, top + height // 2))
        _upright(image, "share of a sample", (image.width - _NAME, top + height // 2))
        return np.asarray(image)

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


def _bars(values: Array, target: float, longest: float, cell: int) -> Pixels:
    """Bars growing downwards, ``(BAR, len(values) * cell, 3)``, with a line at the target."""
    lengths = (BAR * values / longest).repeat(cell)  # (width,)
    for pixel in range(1, DENSITY + 1):
        lengths[cell - pixel :: cell] = 0  # a gap between bars
    filled = np.arange(BAR)[:, None] < lengths[None]
    canvas = np.where(filled[..., None], _rgb(BLUE), 255).astype(np.uint8)
    line = min(round(BAR * target / longest), BAR - DENSITY)
    canvas[line - DENSITY : line + DENSITY] = _rgb(VERMILLION)
    return canvas


def _upright(image: Image.Image, text: str, place: tuple[int, int]) -> None:
    """Text that runs upwards, its left edge at ``place[0]``, centred about ``place[1]``."""
    box = font(11).getbbox(text, anchor="lt")
    label = Image.new("RGB", (int(box[2]) + 2, _NAME), "white")
    ImageDraw.Draw(label).text((0, DENSITY * 2), text, fill="black", font=font(11))
    turned = label.rotate(90, expand=True)
    image.paste(turned, (place[0], place[1] - turned.height // 2))


def _rgb(colour: str) -> Pixels:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
