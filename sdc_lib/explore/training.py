"""The thirteen terms while they are learnt, and the signs of collapse."""

import html
import math
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sdc_lib.explore.base import Explorer, slider
from sdc_lib.explore.panels import Line, panel
from sdc_lib.plots import loss_curves
from sdc_lib.plots.pixels import Pixels, mosaic
from sdc_lib.plots.style import BLACK, STREAM_COLOURS, VERMILLION
from sdc_lib.terms import FAMILIES
from sdc_lib.training.alarms import CollapseAlarm, CollapseWarning

TITLES = {"align": "alignment"}
_DASHES = {"video": (1, 0), "static": (7, 4), "dynamic": (2, 3)}


class TrainingMonitor(Explorer):
    """Curves that grow during `sdc_lib.pretraining.pretrain`: give it as ``on_step``.

    Control: how many steps the curves are averaged over. Alarms appear below the curves.

    Args:
        num_concepts: K; draws log K for alignment and K for perplexity, and scales the alarms.
        patience: Steps that a sign of collapse must last; see `CollapseAlarm`.
        seconds: Shortest time between two drawings.
        clock: Tells the time in seconds.

    Attributes:
        records: All records so far.
        alarms: All alarms so far.
        smooth: Slider of the moving average.
    """

    def __init__(
        self,
        num_concepts: int,
        *,
        patience: int = 50,
        seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.num_concepts = num_concepts
        self.records: list[Mapping[str, Any]] = []
        self.alarms: list[str] = []
        self._columns: dict[str, list[float]] = {}
        self._alarm = CollapseAlarm(num_concepts, patience)
        self._seconds, self._clock = seconds, clock
        self._drawn_at = -math.inf
        self.smooth = slider("average over steps", 100, 1)
        self.smooth.min = 1
        self._on_change(self.smooth)
        super().__init__([self.smooth])

    def __call__(self, record: Mapping[str, Any]) -> None:
        """Take in one step: a row of the run's log."""
        self.records.append(dict(record))
        for name, value in record.items():
            if isinstance(value, int | float):
                self._columns.setdefault(name, []).append(float(value))
        self._check(record)
        now = self._clock()
        if now - self._drawn_at >= self._seconds:
            self._drawn_at = now
            self.refresh()

    def render(self) -> Pixels:
        """Eight panels: five families, total, perplexity, spread of features."""
        panels = [
            self._panel(TITLES.get(family, family), [(f"{family}_{s}", s) for s in streams])
            for family, streams in FAMILIES.items()
        ]
        panels[1] = self._panel(
            "alignment (log K dotted)",
            [(f"align_{s}", s) for s in FAMILIES["align"]],
            math.log(self.num_concepts),
        )
        halves = [(f"perplexity_{s}", s) for s in ("static", "dynamic")]
        panels.append(self._panel("total", [("total", "")]))
        panels.append(self._panel("perplexity (K dotted)", halves, self.num_concepts))
        panels.append(self._panel("spread of features", [("feature_std", "")]))
        return mosaic([panels[:4], panels[4:]])

    def describe(self) -> str:
        """Step, total, and how many alarms there are."""
        if not self.records:
            return "Waiting for the first step."
        last = self.records[-1]
        facts = [f"Step {int(last.get('step', len(self.records)))}"]
        for name in ("total", "perplexity_static", "perplexity_dynamic", "feature_std"):
            if name in last:
                facts.append(f"{name.replace('_', ' ')} {float(last[name]):.3g}")
        return ", ".join(facts) + f"; {len(self.alarms) or 'no'} alarm(s)."

    def refresh(self) -> None:
        """Draw everything up to now; worth a call after training, which ends between drawings."""
        super().refresh()
        key = "".join(
            f'<span style="color:{c};margin-right:1em">{"╌" if s != "video" else "─"} {s}</span>'
            for s, c in STREAM_COLOURS.items()
        )
        alarms = "".join(
            f'<div role="alert" style="color:{VERMILLION}"><b>Alarm:</b> {html.escape(text)}</div>'
            for text in self.alarms
        )
        self.caption.value = f"{key}{self.caption.value}{alarms}"

    def static(self) -> Figure:
        """All curves by `sdc_lib.plots.loss_curves`."""
        return loss_curves(self.records, self.num_concepts, self.smooth.value)

    def _check(self, record: Mapping[str, Any]) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CollapseWarning)  # the loop warns itself
                self.alarms += self._alarm.check(record)
        except KeyError:
            return  # a record without diagnostics, from a loop of one's own

    def _panel(self, title: str, names: list[tuple[str, str]], mark: float | None = None) -> Pixels:
        lines = []
        for name, stream in names:
            values = np.asarray(self._columns.get(name, []), float)
            window = min(self.smooth.value, len(values))
            if window > 1:
                values = np.convolve(values, np.ones(window) / window, mode="valid")
            colour, dash = STREAM_COLOURS.get(stream, BLACK), _DASHES.get(stream, (1, 0))
            lines.append(Line(values, colour, dash))
        return panel(title, lines, mark)
