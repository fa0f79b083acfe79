"""The order of learning is read off the log: nothing at chance, all at the best value."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdc_lib import plots
from sdc_lib.config import CurriculumConfig, ModelConfig, OptimConfig, PretrainConfig
from sdc_lib.plots.learning import FAMILY_COLOURS, FAMILY_MARKERS
from sdc_lib.plots.style import BLUE, STREAM_COLOURS
from sdc_lib.terms import TERMS

CONFIG = PretrainConfig(
    model=ModelConfig(num_concepts=8),
    optim=OptimConfig(batch_size=16),
    curriculum=CurriculumConfig(local_from_epoch=3),
)


def log(steps: int = 40) -> dict[str, list[float]]:
    """Contrast falls from step 11 on, alignment from step 21 on, local terms begin at step 31."""
    step = np.arange(1, steps + 1)
    columns = {term.name: np.zeros(steps) for term in TERMS}
    for name, start, begins in (
        ("contrast_video", math.log(16), 11),
        ("contrast_static", 2 * math.log(16), 11),
        ("contrast_dynamic", 2 * math.log(16), 11),
        ("align_static", math.log(8), 21),
        ("align_dynamic", math.log(8), 21),
    ):
        columns[name] = np.where(step < begins, start, start / 2)
    for stream in ("video", "static", "dynamic"):
        columns[f"local_{stream}"] = np.where(step < 31, 0.0, 1.0)
    found = {name: values.tolist() for name, values in columns.items()}
    found["step"] = [float(i) for i in step]
    found["epoch"] = [float((i - 1) // 10) for i in step]
    return found


def test_progress_is_nothing_at_chance_and_half_in_the_middle() -> None:
    ways = plots.progress(log(), CONFIG, smooth=1)
    for term in ("contrast_video", "contrast_dynamic", "align_static"):
        assert ways[term][0] == pytest.approx(0)
        assert ways[term][-1] == pytest.approx(0.5)
    assert np.isnan(ways["local_video"][:30]).all()
    assert ways["local_video"][-1] == pytest.approx(0.5)
    assert not any(name.startswith("diversity") for name in ways)


def test_onsets_come_in_order_and_what_never_left_comes_last() -> None:
    found = plots.onsets(log(), CONFIG, smooth=1)
    first = {onset.term: onset.step for onset in found}
    assert first["contrast_static"] == 11
    assert first["align_dynamic"] == 21
    assert first["local_static"] == 31
    assert math.isnan(first["fidelity_video"])
    assert [onset.term.split("_")[0] for onset in found][-3:] == ["fidelity"] * 3


def test_no_family_has_the_colour_of_a_stream() -> None:
    assert not set(FAMILY_COLOURS.values()) & {*STREAM_COLOURS.values(), BLUE}
    assert len(set(FAMILY_COLOURS.values())) == len(set(FAMILY_MARKERS.values())) == 4


def test_the_plot_says_when_families_leave_chance_and_what_begins() -> None:
    figure = plots.learning_order(log(), CONFIG, smooth=1)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "contrast\nfrom step 11",
        "alignment\nfrom step 21",
        "local\nfrom step 31",
        "fidelity\nstays at chance",
    ]
    texts = " | ".join(text.get_text() for text in figure.axes[0].texts)
    assert "codebooks learn\nqueue joins" in texts
    assert "local terms" in texts


def test_curves_begin_where_the_terms_do_and_names_stand_above_the_best_value() -> None:
    figure = plots.learning_order(log(1200), CONFIG, smooth=1)  # more steps than are drawn
    axes = figure.axes[0]
    for line in axes.lines:
        steps, ways = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        if len(steps) > 100 and np.isnan(ways[0]):
            assert steps[np.isfinite(ways)][0] == 31
    figure.draw_without_rendering()
    best = axes.transData.transform((1, 100))[1]
    assert all(text.get_window_extent().y0 > best for text in axes.texts)
