"""Panels of curves, drawn pixel by pixel."""

from __future__ import annotations

import numpy as np

from sdc_lib.explore.panels import HEIGHT, WIDTH, Line, panel


def test_a_panel_draws_curves_gaps_and_single_points() -> None:
    blue = np.array([0x00, 0x72, 0xB2])

    def line(*values: float, dash: tuple[int, int] = (1, 0)) -> Line:
        return Line(np.arange(1.0, len(values) + 1), np.array(values), "#0072B2", dash)

    empty = panel("loss", [line()])
    assert empty.shape == (HEIGHT, WIDTH, 3)
    for values in ([1.0], [1.0, 2.0, 0.5], [1.0, float("nan"), 3.0], [2.0, 2.0]):
        for dash in ((1, 0), (4, 3)):
            drawn = panel("loss", [line(*values, dash=dash)], mark=4.0)
            assert (drawn == blue).all(axis=-1).any()
    assert not (empty == blue).all(axis=-1).any()


def test_a_panel_places_values_by_their_steps() -> None:
    steps, values = np.array([1.0, 2.0, 101.0]), np.array([0.0, 1.0, 1.0])
    drawn = panel("loss", [Line(steps, values, "#0072B2", (1, 0))])
    columns = np.flatnonzero((drawn == np.array([0x00, 0x72, 0xB2])).all(axis=-1).sum(axis=0) > 6)
    assert columns.max() < WIDTH / 3, "the only steep piece lies at the first steps"
