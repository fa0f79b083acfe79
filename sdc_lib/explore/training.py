"""The thirteen terms while they are learnt, and the signs of collapse."""

import html
import math
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from sdc_lib.explore.base import Explorer
from sdc_lib.explore.panels import Line, panel
from sdc_lib.plots import loss_curves, moving_average
from sdc_lib.plots.pixels import Pixels, mosaic
from sdc_lib.plots.style import BLACK, STREAM_COLOURS, VERMILLION, lighter
from sdc_lib.terms import FAMILIES
from sdc_lib.training.alarms import CollapseAlarm, CollapseWarning

TITLES = {"align": "alignment"}
WINDOWS = (1, 10, 100)
"""Steps to average over."""
_DASHES = {"video": (1, 0), "static": (7, 4), "dynamic": (2, 3)}


class TrainingMonitor(Explorer):
    """Curves that grow during `sdc_lib.pretraining.pretrain`: give it as ``on_step``.

    Control: how many steps the curves are averaged over. All choices are drawn and the browser
    picks one, so that the control works while the kernel is busy with training. A run that is
    resumed with the same monitor continues its curves. Alarms appear below the curves.

    Args:
        num_concepts: K; draws log K for alignment and K for perplexity, and scales the alarms.
        patience: Steps that a sign of collapse must last; see `CollapseAlarm`.
        seconds: Shortest time between two drawings; drawing takes a twentieth of the time at most.
        clock: Tells the time in seconds.

    Attributes:
        records: All records so far, by rising step.
        alarms: All alarms so far.
        smooth: Buttons of the moving average.
        stack: The pictures, one for each of `WINDOWS`.
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
        self._next = -math.inf
        self.smooth = widgets.ToggleButtons(
            options=[("each step", 1), *((f"{steps} steps", steps) for steps in WINDOWS[1:])],
            description="average over",
            style={"button_width": "80px", "description_width": "initial"},
        )
        super().__init__([self.smooth])

    def __call__(self, record: Mapping[str, Any]) -> None:
        """Take in one step: a row of the run's log."""
        self._forget_from(record.get("step"))
        before = len(self.records)
        self.records.append(dict(record))
        for name, value in record.items():
            if isinstance(value, int | float):
                self._columns.setdefault(name, [math.nan] * before).append(float(value))
        for values in self._columns.values():
            values.extend([math.nan] * (len(self.records) - len(values)))
        self._check(record)
        now = self._clock()
        if now >= self._next:
            self.refresh()
            took = self._clock() - now
            self._next = now + max(self._seconds, 20 * took)

    @property
    def steps(self) -> list[float]:
        """The steps of the records; their places where they have none."""
        return self._columns.get("step") or [i + 1.0 for i in range(len(self.records))]

    def render(self) -> Pixels:
        """Eight panels: five families, total, perplexity, spread of features."""
        return self._draw(self.smooth.value)

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
        text = self.describe()
        for window, picture in zip(WINDOWS, self.stack.children, strict=True):
            picture.value = self.picture(self._draw(window), text)
        key = "".join(
            f'<span style="color:{c};margin-right:1em">{"╌" if s != "video" else "─"} {s}</span>'
            for s, c in STREAM_COLOURS.items()
        )
        alarms = "".join(
            f'<div role="alert" style="color:{VERMILLION}"><b>Alarm:</b> {html.escape(text)}</div>'
            for text in self.alarms
        )
        self.caption.value = f"{key}<span>{html.escape(text)}</span>{alarms}"

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

    def _frame(self) -> Any:
        others = [widgets.HTML() for _ in WINDOWS[1:]]
        self.stack = widgets.Stack([self.image, *others], selected_index=0)
        widgets.jslink((self.smooth, "index"), (self.stack, "selected_index"))
        return self.stack

    def _forget_from(self, step: float | None) -> None:
        """Drop what a resumed run does again, so that every step is there once and in order."""
        while step is not None and self.records and self.records[-1].get("step", -1) >= step:
            self.records.pop()
        for values in self._columns.values():
            del values[len(self.records) :]

    def _draw(self, window: int) -> Pixels:
        marks = {"align": math.log(self.num_concepts)}
        panels = [
            self._panel(
                TITLES.get(family, family) + (" (log K dotted)" if family in marks else ""),
                [(f"{family}_{stream}", stream) for stream in streams],
                window,
                marks.get(family),
            )
            for family, streams in FAMILIES.items()
        ]
        halves = [(f"perplexity_{s}", s) for s in ("static", "dynamic")]
        panels.append(self._panel("total", [("total", "")], window))
        panels.append(self._panel("perplexity (K dotted)", halves, window, self.num_concepts))
        panels.append(self._panel("spread of features", [("feature_std", "")], window))
        return mosaic([panels[:4], panels[4:]])

    def _panel(
        self, title: str, names: list[tuple[str, str]], window: int, mark: float | None = None
    ) -> Pixels:
        steps = np.asarray(self.steps, float)
        faint, lines = [], []
        for name, stream in names:
            if name not in self._columns:
                continue
            values = np.asarray(self._columns[name], float)
            colour, dash = STREAM_COLOURS.get(stream, BLACK), _DASHES.get(stream, (1, 0))
            if window > 1:
                faint.append(Line(steps, values, lighter(colour), (1, 0)))
            lines.append(Line(steps, moving_average(values, window), colour, dash))
        return panel(title, faint + lines, mark)
