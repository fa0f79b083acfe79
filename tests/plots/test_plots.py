"""Figures say what their data say, stay small, and carry a text for those who cannot see them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from sdc_lib import plots
from sdc_lib.augment import normalize
from sdc_lib.objective import LossTerms
from sdc_lib.plots.style import DPI, STREAM_COLOURS
from sdc_lib.terms import FAMILIES
from sdc_lib.views import assemble_views, frame_difference
from tests.helpers.noise import noise_clip


def some_views() -> torch.Tensor:
    videos = normalize(noise_clip(4, 16).permute(3, 0, 1, 2)).expand(2, 3, 4, 16, 24)
    return assemble_views(videos.clone(), videos[:, :, :1])


def records(steps: int = 12) -> list[dict[str, float]]:
    return [
        {"step": i + 1, **{name: math.exp(-i / 5) for name in ("total", *LossTerms._fields)}}
        for i in range(steps)
    ]


FIGURES: dict[str, Callable[[], Figure]] = {
    "architecture": lambda: plots.architecture("contrast"),
    "show_clip": lambda: plots.show_clip(noise_clip(), title="noise"),
    "show_views": lambda: plots.show_views(some_views(), columns=3),
    "difference_profile": lambda: plots.difference_profile({"wrap": some_views()[4]}),
    "sinkhorn_steps": lambda: plots.sinkhorn_steps(torch.randn(6, 4)),
    "codebook_usage": lambda: plots.codebook_usage({"a": torch.rand(5), "b": torch.rand(9, 5)}),
    "concept_maps": lambda: plots.concept_maps(
        noise_clip(), torch.rand(2, 2, 3, 3), kept=[True, False]
    ),
    "loss_curves": lambda: plots.loss_curves(records(), num_concepts=8, smooth=3),
    "ablation_bars": lambda: plots.ablation_bars({"all": [3.0, 4.0], "none": 1.0}, reference=2),
    "disentanglement_table": lambda: plots.disentanglement_table(np.eye(2) * 90, [10, 10]),
    "confusion": lambda: plots.confusion(np.eye(3) + 1, ["a", "b", "c"]),
    "retrieval_grid": lambda: plots.retrieval_grid(
        [noise_clip()[0]], [[noise_clip(), noise_clip()[1]]], [[True, False]], ["query 1"]
    ),
    "similarity_matrix": lambda: plots.similarity_matrix(
        {"a": torch.eye(3), "b": torch.ones(3, 3)}
    ),
    "embedding_2d": lambda: plots.embedding_2d(
        torch.randn(9, 5), torch.arange(9) % 3, ["x", "y", "z"], torch.randn(2, 5)
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_renders_small_and_leaves_no_trace_in_pyplot_or_settings(name: str) -> None:
    before = dict(matplotlib.rcParams)
    figure = FIGURES[name]()
    mime, data = plots.figure_image(figure)
    assert len(data) <= 80_000
    assert figure.get_figwidth() * DPI <= 960, "wider than a notebook's page"
    if mime == "image/svg+xml":
        assert data.count(b"<path") > 3, "the figure is blank"
    else:
        image = Image.open(io.BytesIO(data))
        assert np.asarray(image.convert("L")).std() > 5, "the figure is blank"
        assert image.width == pytest.approx(2 * DPI * figure.get_figwidth(), abs=2)
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


def test_clips_of_all_layouts_become_the_same_frames() -> None:
    frames = noise_clip()
    channels_first = frames.permute(3, 0, 1, 2)
    assert np.array_equal(plots.to_frames(frames), frames.numpy())
    assert np.array_equal(plots.to_frames(channels_first), frames.numpy())
    assert np.array_equal(plots.to_frames(normalize(channels_first)), frames.numpy())
    grey = plots.to_frames(torch.linspace(-3, 5, 16).view(1, 1, 4, 4))
    assert grey.shape == (1, 4, 4, 3)
    assert (grey.min(), grey.max()) == (0, 255)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 4, 5, 6), (4, 4, 5, 2)])
def test_what_is_no_clip_is_refused_with_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=str(shape[0])):
        plots.to_frames(torch.zeros(shape))


def test_differences_are_grey_where_nothing_changes_and_symmetric_around_it() -> None:
    clip = torch.zeros(1, 3, 4, 4)
    clip[:, 1, 0, 0], clip[:, 1, 1, 1] = 1.0, -1.0
    frames = plots.difference_frames(frame_difference(clip, "zero"), limit=1.0)
    assert (frames[0] == 128).all()
    assert frames[1, 0, 0, 0] - 128 == 128 - frames[1, 1, 1, 0] == 127
    assert (plots.difference_frames(torch.zeros(3, 2, 4, 4)) == 128).all()


def test_the_difference_rows_of_the_six_views_share_one_scale() -> None:
    views = torch.zeros(6, 3, 2, 4, 4)
    views[4, :, 1], views[5, :, 1] = 2.0, 1.0
    frames = plots.view_frames(views)
    strong, weak = int(frames[4][1].max()) - 128, int(frames[5][1].max()) - 128
    assert strong == 127
    assert weak == pytest.approx(64, abs=1)


def test_views_need_as_many_names() -> None:
    with pytest.raises(ValueError, match=r"\(6, C, T, H, W\)"):
        plots.show_views(some_views()[:5])


def test_attention_lights_up_where_the_weights_are() -> None:
    frames = np.full((4, 16, 16, 3), 100, np.uint8)
    attention = torch.zeros(2, 2, 2)
    attention[1, 0, 1] = 0.3
    painted = plots.overlay(frames, attention)
    where = np.unravel_index(painted[..., 0].argmax(), painted.shape[:3])
    assert where[0] >= 2
    assert where[1] < 8 <= where[2]
    assert (painted[0, 8:, :8] == painted[0, 15, 0]).all()


def test_a_weak_weight_leaves_the_texture_of_the_frame_visible() -> None:
    frames = np.zeros((1, 8, 8, 3), np.uint8)
    frames[:, :, ::2] = 200
    attention = torch.full((1, 8, 8), 0.25)
    attention[0, 0, 0] = 1.0
    plain = plots.overlay(frames, torch.zeros(1, 8, 8))[0, 4:]
    painted = plots.overlay(frames, attention)[0, 4:]
    assert np.ptp(painted[..., 1]) > 0.75 * np.ptp(plain[..., 1])


def test_a_similarity_matrix_numbers_its_rows_and_columns_if_asked() -> None:
    values = torch.rand(5, 3)
    for numbered, rows, columns in ((False, [], []), (True, [0, 1, 2, 3, 4], [0, 1, 2])):
        panels = plots.similarity_matrix({"a": values, "b": values}, numbered=numbered).axes[:2]
        assert [list(axes.get_yticks()) for axes in panels] == [rows, rows]
        assert [list(axes.get_xticks()) for axes in panels] == [columns, columns]


def test_perplexity_counts_the_concepts_in_use() -> None:
    assert plots.perplexity(torch.ones(8)) == pytest.approx(8)
    assert plots.perplexity(torch.tensor([0.0, 3.0, 0.0])) == pytest.approx(1)
    assert plots.perplexity(torch.eye(4)) == pytest.approx(4)
    with pytest.raises(ValueError, match="negative"):
        plots.perplexity(torch.tensor([-1.0, 2.0]))


def test_loss_curves_draw_all_thirteen_terms_and_log_k(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(records()[0]))
        writer.writeheader()
        writer.writerows(records())
    figure = plots.loss_curves(path, num_concepts=20)
    lines = [line for axes in figure.axes[:5] for line in axes.lines if len(line.get_xdata()) == 12]  # type: ignore[arg-type]
    assert len(lines) == 13
    terms = [f"{family}_{s}" for family, streams in FAMILIES.items() for s in streams]
    assert tuple(terms) == LossTerms._fields
    marks = [line.get_ydata() for line in figure.axes[1].lines if len(line.get_xdata()) == 2]  # type: ignore[arg-type]
    assert [float(np.asarray(mark)[0]) for mark in marks] == [pytest.approx(math.log(20))]
    assert "log 20" in figure.axes[1].get_xlabel(), "beside the panel, where no curve runs"


def test_loss_curves_mark_the_chance_of_contrast_and_leave_out_what_has_not_begun() -> None:
    rows = [{**row, **dict.fromkeys(("local_video", "local_static"), 0.0)} for row in records()]
    begun = plots.loss_curves(rows, batch_size=16)
    assert begun.axes[4].lines, "local_dynamic has begun, so all of its family are drawn"
    assert not begun.axes[4].texts
    figure = plots.loss_curves([row | {"local_dynamic": 0.0} for row in rows], batch_size=16)
    contrast, local = figure.axes[0], figure.axes[4]
    marks = [line.get_ydata() for line in contrast.lines if len(line.get_xdata()) == 2]  # type: ignore[arg-type]
    expected = [pytest.approx(math.log(16)), pytest.approx(2 * math.log(16))]
    assert [float(np.asarray(mark)[0]) for mark in marks] == expected
    assert "log 16, 2 log 16" in contrast.get_xlabel()
    assert not local.lines
    assert [text.get_text() for text in local.texts] == ["does not count yet"]


def test_a_log_without_rows_is_an_error_and_gaps_are_not() -> None:
    with pytest.raises(ValueError, match="no rows"):
        plots.loss_curves([])
    columns = plots.log_columns([{"step": 1, "total": "2.5"}, {"step": 2, "alarms": "low"}])
    assert columns["total"][0] == 2.5
    assert np.isnan(columns["total"][1])
    assert np.isnan(columns["alarms"]).all()


def test_the_table_says_the_gap() -> None:
    table = {"static": {"appearance": 97.0, "motion": 15.0}, "dynamic": {"a": 19.0, "m": 70.0}}
    figure = plots.disentanglement_table(table, {"appearance": 12.5, "motion": 12.5})
    values = ["97.0", "15.0", "19.0", "70.0", "12.5", "12.5"]
    assert "gap 66.5 points" in figure.axes[0].get_xlabel()
    assert [t.get_text() for t in figure.axes[0].texts] == values
    shared = {half: {**row, "shape": 50.0} for half, row in table.items()}
    figure = plots.disentanglement_table(shared)
    assert "gap 66.5 points" in figure.axes[0].get_xlabel()  # a shared factor does not count


def test_frames_mark_what_should_be_high_in_every_network() -> None:
    row = {"scene": 20.0, "motion": 30.0, "appearance": 40.0}
    names = ["one: static half", "one: dynamic half", "two: static half", "two: dynamic half"]
    figure = plots.disentanglement_table(dict.fromkeys(names, row), [6.5, 10, 10])
    frames = [p.get_window_extent() for p in figure.axes[0].patches]
    inside = figure.axes[0].transData.inverted()
    centres = [inside.transform(((f.x0 + f.x1) / 2, (f.y0 + f.y1) / 2)) for f in frames]
    assert [(round(x), round(y)) for x, y in centres] == [(0, 0), (1, 1), (0, 2), (1, 3)]


def test_rows_of_similarities_can_have_names() -> None:
    panels = {"a": torch.eye(2), "b": torch.eye(2)}
    figure = plots.similarity_matrix(panels, numbered=True, row_names=["disc up", "people"])
    labels = [[label.get_text() for label in axes.get_yticklabels()] for axes in figure.axes[:2]]
    assert labels == [["disc up 0", "people 1"], ["0", "1"]]


def test_bars_have_the_colour_of_the_stream_in_their_name() -> None:
    names = ["static half", "video_dynamic", "raw feature"]
    patches = plots.ablation_bars(dict.fromkeys(names, 1.0)).axes[0].patches
    wanted = (STREAM_COLOURS["static"], STREAM_COLOURS["dynamic"], STREAM_COLOURS["video"])
    assert [to_hex(p.get_facecolor()) for p in patches] == [colour.lower() for colour in wanted]


def test_seeds_that_agree_do_not_lengthen_the_numbers_of_a_bar() -> None:
    bars = plots.ablation_bars({"a": [93.31, 93.35], "b": [-0.06431, -0.06459], "c": [99.5, 100.5]})
    said = [text.get_text() for text in bars.axes[0].texts]
    assert said == ["93.33 ± 0.03", "\N{MINUS SIGN}0.0645 ± 0.0002", "100.0 ± 0.7"]


def test_a_very_long_name_of_a_bar_takes_two_lines() -> None:
    axes = plots.ablation_bars({"no queue": 1.0, "some words of this name " * 3: 1.0}).axes[0]
    assert [tick.get_text().count("\n") for tick in axes.get_yticklabels()] == [0, 1]


def test_bars_show_mean_and_standard_deviation_over_seeds() -> None:
    figure = plots.ablation_bars({"a": [1.0, 3.0]})
    assert [t.get_text() for t in figure.axes[0].texts] == ["2.0 ± 1.4"]
    below = plots.ablation_bars({"a": [-0.5, -0.5]}, reference=-1 / 15, reference_name="-1 / 15")
    assert [t.get_text() for t in below.axes[0].texts] == ["−0.5", "−1 / 15"]


def test_confusion_is_a_share_of_the_true_class() -> None:
    figure = plots.confusion(torch.tensor([[3, 1], [0, 0]]))
    assert [t.get_text() for t in figure.axes[0].texts] == ["75", "25", "0", "0"]
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        plots.confusion(torch.ones(2, 3))


def test_two_dimensional_features_are_drawn_as_they_are_others_by_main_directions() -> None:
    points = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    offsets = plots.embedding_2d(points).axes[0].collections[0].get_offsets()
    np.testing.assert_allclose(np.asarray(offsets), points)
    flat = torch.randn(20, 1) @ torch.randn(1, 6)
    assert "100%" in plots.embedding_2d(flat).axes[0].get_xlabel()
    with pytest.raises(ValueError, match="D >= 2"):
        plots.embedding_2d(torch.ones(4))


def test_maps_are_raw_cells_on_one_absolute_scale() -> None:
    frames = np.full((2, 8, 8, 3), 90, np.uint8)
    maps = torch.full((2, 2, 2, 2), 1 / 8)  # even
    maps[1] = torch.tensor([[0.0, 0.0], [0.0, 0.0]])
    maps[1, 0, 0, 0], maps[1, 1, 1, 1] = 0.5, 0.5
    figure = plots.concept_maps(frames, maps, ["even", "sharp"])
    canvas = np.asarray(figure.axes[0].images[0].get_array())
    assert figure.axes[1].get_xlabel() == "times even attention"
    assert figure.axes[1].images[0].get_extent()[1] == pytest.approx(4)
    colours = np.unique(canvas.reshape(-1, 3), axis=0)
    assert len(colours) == 5, "white, the frame, even, nothing, and four times even"


def test_a_moving_average_has_a_value_at_every_step_and_skips_gaps() -> None:
    values = np.array([1.0, 3.0, np.nan, 5.0])
    np.testing.assert_allclose(plots.moving_average(values, 2), [1, 2, np.nan, 5])
    np.testing.assert_allclose(plots.moving_average(values, 1), values)
    np.testing.assert_allclose(plots.moving_average(values, 9), [1, 2, np.nan, 3])


def test_right_and_wrong_neighbours_differ_in_line_style_not_only_in_colour() -> None:
    figure = FIGURES["retrieval_grid"]()
    right, wrong = figure.axes[0].patches
    assert right.get_linestyle() != wrong.get_linestyle()
    assert {"✓", "✗"} <= {text.get_text() for text in figure.axes[0].texts}
