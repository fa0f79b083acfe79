"""What is learnt first: the terms of a run on one scale, from chance to the best there is."""

import math
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from sdc_lib.config import PretrainConfig
from sdc_lib.plots.curves import Log, log_columns, moving_average
from sdc_lib.plots.style import BLACK, GREY, STREAM_LINES, Array, new_figure, styled
from sdc_lib.terms import FAMILIES, TERM_OF

FAMILY_COLOURS = {
    "fidelity": "#9C4576",
    "contrast": BLACK,
    "align": "#7D6B00",
    "local": "#5B6BD6",
}
"""Of the families that have a value at chance to leave; diversity begins next to its best. None is
the colour of a stream: those have their line styles here."""
FAMILY_MARKERS = {"fidelity": "o", "contrast": "s", "align": "^", "local": "D"}


class Onset(NamedTuple):
    """When a term left chance."""

    term: str
    step: float
    """The first from which on it stays a tenth of its way below chance; NaN if it never did."""


def progress(log: Log, config: PretrainConfig, smooth: int = 20) -> dict[str, Array]:
    """How far every term has come, 0 at chance and 1 at its best, by name, ``(steps,)`` each.

    Contrast comes from log B (2 log B with two pairs), alignment from log K, fidelity from 0 to −1,
    local terms from 2, the upper end of their chance. The best is 0 but for fidelity; alignment
    cannot get there, since its least is the entropy of the assignments. Before their first epoch
    local terms are NaN.

    Args:
        log: See `sdc_lib.plots.loss_curves`.
        config: Of the run: batch size and K.
        smooth: Steps to average over.
    """
    columns = log_columns(log)
    batch, concepts = config.optim.batch_size, config.model.num_concepts
    chance = {"contrast": math.log(batch), "align": math.log(concepts), "fidelity": 0.0, "local": 2}
    found = {}
    for family in FAMILY_COLOURS:
        for stream in FAMILIES[family]:
            values = columns[f"{family}_{stream}"].astype(float)
            start = chance[family] * (2 if family == "contrast" and stream != "video" else 1)
            if family == "local":
                values = np.where(values == 0, np.nan, values)
            way = (start - values) / (start + (family == "fidelity"))
            found[f"{family}_{stream}"] = moving_average(way, smooth)
    return found


def onsets(log: Log, config: PretrainConfig, smooth: int = 20) -> list[Onset]:
    """When the terms left chance, first one first; those that never did come last.

    Local terms begin below the upper end of their chance: of them the first step that counts.
    """
    steps = _steps(log_columns(log))
    found = []
    for term, way in progress(log, config, smooth).items():
        below = np.flatnonzero(~(way > 0.1) & np.isfinite(way))
        there = np.isfinite(way)
        there[: below[-1] + 1 if len(below) else 0] = False
        found.append(Onset(term, float(steps[there][0]) if there.any() else math.nan))
    return sorted(found, key=lambda onset: (math.isnan(onset.step), onset.step))


@styled
def learning_order(log: Log, config: PretrainConfig, smooth: int = 20, title: str = "") -> Figure:
    """Draw in one plot which terms are learnt first.

    Args:
        log: Path of a run's log.csv, its columns, or records.
        config: Of the run.
        smooth: Steps to average over.
        title: Above the axes.

    Returns:
        The way of each family from chance (0 %) to its best value (100 %), a line for each stream,
        over the logarithm of the step; a large marker where a family leaves chance, dotted
        verticals where something begins. The families are named on the right, the first to leave
        chance on top.
    """
    columns = log_columns(log)
    steps, ways = _steps(columns), progress(log, config, smooth)
    begins = [np.flatnonzero(np.isfinite(way))[:1] for way in ways.values()]
    evenly = np.geomspace(1, len(steps), min(len(steps), 300)).astype(int) - 1
    shown = np.unique(np.concatenate([evenly, *begins]))
    figure, (axes,) = new_figure(8.6, 4.4)
    for term, way in ways.items():
        family, stream = TERM_OF[term].family, TERM_OF[term].stream
        line: Any = {"color": FAMILY_COLOURS[family], "linestyle": STREAM_LINES[stream]}
        axes.plot(steps[shown], 100 * way[shown], linewidth=1.7, **line)
        last: Any = {"color": FAMILY_COLOURS[family], "marker": FAMILY_MARKERS[family]}
        axes.plot(steps[-1:], 100 * way[-1:], markersize=4, **last)
    axes.set(
        xlabel="step", ylabel="way from chance to the best value, %", title=title, xscale="log"
    )
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_ylim(-12, 119)  # names of what begins stand above 100 %
    axes.margins(x=0.01)
    axes.grid(axis="y")
    axes.axhline(0, color=GREY, linewidth=1)
    _label_families(axes, steps, ways, onsets(log, config, smooth))
    _label_starts(axes, columns, steps, config)
    streams = [
        axes.plot([], [], color=GREY, linestyle=style, label=stream)[0]
        for stream, style in STREAM_LINES.items()
    ]
    figure.legend(handles=streams, loc="outside lower center", ncols=3)
    return figure


def _label_families(axes: Axes, steps: Array, ways: dict[str, Array], left: list[Onset]) -> None:
    """A marker where the first term of each leaves chance, and their names on the right in time."""
    first: dict[str, Onset] = {}
    for onset in left:
        if np.isfinite(ways[onset.term]).any():
            first.setdefault(TERM_OF[onset.term].family, onset)
    handles = []
    for family, (term, step) in first.items():
        name = "alignment" if family == "align" else family
        since = "stays at chance" if math.isnan(step) else f"from step {step:.0f}"
        marker: Any = {"color": FAMILY_COLOURS[family], "marker": FAMILY_MARKERS[family]}
        height = 100 * ways[term][np.searchsorted(steps, step)] if math.isfinite(step) else step
        label = f"{name}\n{since}"
        handles += axes.plot([step], [height], markersize=7, zorder=5, label=label, **marker)
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1))


def _label_starts(
    axes: Axes, columns: dict[str, Array], steps: Array, config: PretrainConfig
) -> None:
    """A vertical where codebooks, queue and local terms begin, if the log knows epochs."""
    if "epoch" not in columns:
        return
    c = config.curriculum
    begins: dict[int, list[str]] = {}
    for epoch, what in (
        (c.codebooks_from_epoch, "codebooks learn"),
        (c.queue_from_epoch if c.queue_size else 0, "queue joins"),
        (c.local_from_epoch, "local terms"),
    ):
        begins.setdefault(epoch, []).append(what)
    for epoch, names in begins.items():
        later = np.flatnonzero(columns["epoch"] >= epoch)
        if epoch and len(later):
            step = float(steps[later[0]])
            axes.axvline(step, color=GREY, linestyle=":", linewidth=1.3)
            axes.annotate(
                "\n".join(names), (step, 118), (3, 0), textcoords="offset points", va="top",
                fontsize=8, color="#5F5F5F",
            )  # fmt: skip


def _steps(columns: dict[str, Array]) -> Array:
    return columns.get("step", np.arange(1, len(next(iter(columns.values()))) + 1))
