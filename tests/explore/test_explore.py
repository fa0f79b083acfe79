"""Explorers follow their controls, say what they show, and have a static twin."""

from __future__ import annotations

import base64
import html
import importlib
import io
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from sdc_lib import explore, plots
from sdc_lib.attention import select_concepts
from sdc_lib.codebook import sinkhorn
from sdc_lib.explore.panels import HEIGHT, WIDTH, Line, panel
from sdc_lib.explore.training import WINDOWS
from sdc_lib.objective import LossTerms
from sdc_lib.plots.pixels import font
from sdc_lib.plots.style import DENSITY
from sdc_lib.views import frame_difference, static_view


def noise_clip(frames: int = 4, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (frames, 20, 26, 3), dtype=torch.uint8, generator=generator)


def record(step: int, **changes: float) -> dict[str, Any]:
    values = {name: 1.0 / step for name in ("total", *LossTerms._fields)}
    signs = {"perplexity_static": 9.0, "perplexity_dynamic": 8.0, "top_share": 0.1}
    return {"step": step, **values, **signs, "feature_std": 0.2, **changes}


def picture(explorer: explore.Explorer) -> Image.Image:
    source = re.findall(r'src="data:image/png;base64,(.*?)"', explorer.image.value)[0]
    return Image.open(io.BytesIO(base64.b64decode(source)))


def clip_explorer() -> explore.ClipExplorer:
    return explore.ClipExplorer(noise_clip(20), num_frames=4, size=16)


def sinkhorn_explorer() -> explore.SinkhornExplorer:
    return explore.SinkhornExplorer(torch.linspace(-1, 1, 24).cos().view(6, 4), iterations=3)


def codebook_explorer() -> explore.CodebookExplorer:
    scores = torch.rand(5, 6, generator=torch.Generator().manual_seed(1))
    attention = torch.rand(5, 6, 2, 3, 3, generator=torch.Generator().manual_seed(2))
    clips = [noise_clip(4, seed) for seed in range(5)]
    return explore.CodebookExplorer(clips, scores, attention, top=3, size=16)


def attention_explorer() -> explore.AttentionExplorer:
    generator = torch.Generator().manual_seed(3)
    attention = torch.rand(12, 2, 3, 3, generator=generator)
    scores, other = torch.rand(2, 12, generator=generator)
    return explore.AttentionExplorer(noise_clip(), attention, scores, other, shown=4, size=16)


def neighbour_explorer() -> explore.NeighbourExplorer:
    clips = [noise_clip(3, seed) for seed in range(6)]
    similarity = torch.rand(3, 6, generator=torch.Generator().manual_seed(4))
    labels = [0, 1, 0]
    return explore.NeighbourExplorer(
        clips[:3], clips, similarity, labels, labels * 2, ["walk", "run"], top=4, size=16
    )


def training_monitor() -> explore.TrainingMonitor:
    monitor = explore.TrainingMonitor(10, clock=lambda: 0.0)
    for step in range(1, 6):
        monitor(record(step))
    monitor.refresh()
    return monitor


# Explorer, control, another value of it.
CHANGES: list[tuple[Callable[[], explore.Explorer], str, Any]] = [
    (clip_explorer, "frame", 2),
    (clip_explorer, "stride", 2.0),
    (clip_explorer, "frozen", 0),
    (clip_explorer, "boundary", "zero"),
    (sinkhorn_explorer, "step", 1),
    (sinkhorn_explorer, "epsilon", 0.5),
    (codebook_explorer, "static_concept", 1),
    (codebook_explorer, "dynamic_concept", 2),
    (codebook_explorer, "frame", 3),
    (codebook_explorer, "paint", False),
    (attention_explorer, "frame", 1),
    (attention_explorer, "first", 2),
    (attention_explorer, "filter", True),
    (neighbour_explorer, "query", 1),
    (neighbour_explorer, "frame", 2),
]


@pytest.mark.parametrize(("make", "control", "value"), CHANGES)
def test_a_control_changes_the_image_and_back(
    make: Callable[[], explore.Explorer], control: str, value: object
) -> None:
    explorer = make()
    widget = getattr(explorer, control)
    first, start = explorer.image.value, widget.value
    assert first
    widget.value = value
    assert explorer.image.value != first
    widget.value = start
    assert explorer.image.value == first


@pytest.mark.parametrize("make", [*dict.fromkeys(make for make, _, _ in CHANGES), training_monitor])
def test_an_explorer_is_described_and_has_a_static_twin(
    make: Callable[[], explore.Explorer],
) -> None:
    explorer = make()
    assert explorer.describe().endswith(".")
    assert explorer.image in _leaves(explorer.widget)
    assert picture(explorer).size == explorer.render().shape[1::-1]
    figure = explorer.static()
    assert isinstance(figure, Figure)
    mime, data = plots.figure_image(figure)
    assert mime.startswith("image/")
    assert len(data) <= 80_000


@pytest.mark.parametrize("make", [*dict.fromkeys(make for make, _, _ in CHANGES), training_monitor])
def test_the_page_has_the_description_and_twice_the_pixels(
    make: Callable[[], explore.Explorer],
) -> None:
    explorer = make()
    tag = explorer.image.value
    assert f'alt="{html.escape(explorer.describe(), quote=True)}"' in tag
    width = int(re.findall(r'width="(\d+)"', tag)[0])
    assert picture(explorer).width == pytest.approx(2 * width, abs=1)
    assert width <= 960


def test_show_displays_the_widget_and_then_its_twin_with_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[object] = []
    monkeypatch.setattr("sdc_lib.explore.base.display", shown.append)
    monkeypatch.setattr("sdc_lib.explore.base.show", lambda figure, alt: shown.append(alt))
    explorer = sinkhorn_explorer()
    explorer.show(alt="Assignments become even.")
    assert shown == [explorer.widget, "Assignments become even."]
    explorer._ipython_display_()
    assert shown[2] is explorer.widget


def test_players_have_a_button_joined_to_their_slider() -> None:
    for make in (clip_explorer, sinkhorn_explorer, codebook_explorer, attention_explorer):
        kinds = [type(child).__name__ for row in make().widget.children for child in _leaves(row)]
        assert "Play" in kinds
        assert "IntSlider" in kinds


def test_the_clip_explorer_builds_the_six_views_of_the_library() -> None:
    explorer = clip_explorer()
    explorer.stride.value, explorer.frozen.value, explorer.boundary.value = 2.0, 1, "zero"
    v1, v2, s1, _, d1, d2 = explorer.views
    torch.testing.assert_close(s1, static_view(v1, 1))
    torch.testing.assert_close(d1, frame_difference(v1, "zero"))
    torch.testing.assert_close(d2, frame_difference(v2, "zero"))
    once = explore.ClipExplorer(noise_clip(20)[::2], num_frames=4, size=16)
    torch.testing.assert_close(v1, once.views[0])
    assert "video frames 0 to 14" in explorer.describe()


def test_the_clip_explorer_needs_two_clips_and_limits_the_stride_to_them() -> None:
    with pytest.raises(ValueError, match="need 8 frames, the video has 7"):
        explore.ClipExplorer(noise_clip(7), num_frames=4, size=16)
    assert explore.ClipExplorer(noise_clip(8), num_frames=4, size=16).stride.max == 1.0


def test_the_sinkhorn_explorer_ends_at_the_assignment() -> None:
    explorer = sinkhorn_explorer()
    explorer.epsilon.value = 0.2
    explorer.step.value = explorer.step.max
    scores = torch.linspace(-1, 1, 24).cos().view(6, 4)
    epsilon = explorer.epsilon.value
    expected = sinkhorn(scores.double(), epsilon, 3).numpy()
    np.testing.assert_allclose(explorer.current.mass, expected)
    assert "(rows) sum to 1.00 to 1.00" in explorer.describe()


def test_the_codebook_explorer_lists_the_highest_scores_of_either_half() -> None:
    explorer = codebook_explorer()
    explorer.static_concept.value, explorer.dynamic_concept.value = 1, 2
    left = explorer.scores[:, 1].argsort()[::-1][:3]
    assert explorer.strongest(1) == left.tolist()
    assert f"dynamic 2: clips {', '.join(map(str, explorer.strongest(5)))}" in explorer.describe()


def test_the_codebook_explorer_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2K\)"):
        explore.CodebookExplorer([noise_clip()] * 2, torch.rand(3, 4))
    with pytest.raises(ValueError, match="attention"):
        explore.CodebookExplorer([noise_clip()] * 2, torch.rand(2, 4), torch.rand(2, 3, 1, 2, 2))
    plain = explore.CodebookExplorer([noise_clip()] * 2, torch.rand(2, 4))
    assert plain.paint.disabled


def test_the_filter_leaves_the_concepts_that_the_library_selects() -> None:
    explorer = attention_explorer()
    generator = torch.Generator().manual_seed(3)
    torch.rand(12, 2, 3, 3, generator=generator)
    scores, other = torch.rand(2, 12, generator=generator)
    mask = select_concepts(scores[None], other[None])[0]
    assert explorer.listed() == scores.argsort(descending=True).tolist()
    explorer.first.value = 3
    explorer.filter.value = True
    assert explorer.first.value == 0
    assert sorted(explorer.listed()) == mask.nonzero().flatten().tolist()
    assert f"keeps {int(mask.sum())} of 12" in explorer.describe()


def test_the_attention_explorer_names_concepts_by_half_and_place() -> None:
    scores = torch.tensor([0.1, 0.9, 0.3, 0.2, 0.8, 0.4])
    maps = torch.rand(6, 2, 3, 3)
    explorer = explore.AttentionExplorer(noise_clip(), maps, scores, scores, top_k=4, shown=4)
    assert [explorer.name(c) for c in (1, 4)] == ["static 1", "dynamic 1"]
    labels = [text.get_text() for text in explorer.static().axes[0].texts]
    assert {"static 1: 0.90", "dynamic 1: 0.80", "dynamic 2: 0.40"} <= set(labels)
    assert font(11).getlength("dynamic 49: -0.99 ✓") < 118 * DENSITY, "a caption fits its map"
    assert "static 1, dynamic 1, dynamic 2, static 2;" in explorer.describe()
    with pytest.raises(ValueError, match="two halves"):
        explore.AttentionExplorer(noise_clip(), maps[:5], scores[:5], scores[:5], top_k=4)


def test_the_attention_explorer_survives_a_filter_that_keeps_nothing() -> None:
    rising = torch.arange(12.0)
    explorer = explore.AttentionExplorer(
        noise_clip(), torch.rand(12, 2, 3, 3), rising, -rising, top_k=3, shown=4, size=16
    )
    before = picture(explorer).size
    explorer.filter.value = True
    assert explorer.visible() == []
    assert picture(explorer).size == before
    assert "scores: none" in explorer.describe()
    assert explorer.static().axes
    with pytest.raises(ValueError, match=r"scores \(N,\)"):
        explore.AttentionExplorer(noise_clip(), torch.rand(4, 2, 3, 3), rising, rising)


def test_neighbours_are_the_most_similar_and_marked_by_class() -> None:
    explorer = neighbour_explorer()
    explorer.query.value = 2
    order = explorer.similarity[2].argsort()[::-1][:4].tolist()
    assert explorer.neighbours() == order
    assert explorer.right() == [[0, 1, 0, 0, 1, 0][index] == 0 for index in order]
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        explore.NeighbourExplorer([noise_clip()], [noise_clip()] * 2, torch.rand(2, 2))
    plain = explore.NeighbourExplorer([noise_clip()], [noise_clip()] * 2, torch.rand(1, 2), size=16)
    assert plain.right() is None
    assert plain.static().axes


def test_the_monitor_draws_no_more_often_than_it_was_told() -> None:
    now = 0.0
    monitor = explore.TrainingMonitor(10, seconds=2.0, clock=lambda: now)
    images = []
    for step in range(1, 7):
        monitor(record(step))
        images.append(monitor.image.value)
        now += 1.0
    assert len(set(images)) == 3
    assert len(monitor.records) == 6
    monitor.refresh()
    assert monitor.image.value != images[-1]
    assert monitor.describe().startswith("Step 6, total 0.167")


def test_the_monitor_raises_the_alarms_of_the_training_loop() -> None:
    monitor = explore.TrainingMonitor(40, patience=3, clock=lambda: 0.0)
    for step in range(1, 5):
        monitor(record(step, perplexity_static=1.2))
    assert len(monitor.alarms) == 1
    monitor.refresh()
    assert 'role="alert"' in monitor.caption.value
    assert "of 40 concepts are in use" in monitor.caption.value


def test_smoothing_is_left_to_the_browser_which_has_all_choices() -> None:
    monitor = explore.TrainingMonitor(10, clock=lambda: 0.0)
    for step in range(1, 30):
        monitor(record(step))
    monitor.refresh()
    assert [value for _, value in monitor.smooth.options] == list(WINDOWS)
    pictures = [child.value for child in monitor.stack.children]
    assert len(set(pictures)) == len(WINDOWS)
    assert monitor.static().axes


def test_a_resumed_run_continues_the_curves_of_its_monitor() -> None:
    monitor = explore.TrainingMonitor(10, clock=lambda: 0.0)
    whole = explore.TrainingMonitor(10, clock=lambda: 0.0)
    for step in range(1, 9):
        whole(record(step))
    for step in (1, 2, 3, 4, 5, 4, 5, 6, 7, 8):  # interrupted at 5, the last checkpoint was at 3
        monitor(record(step))
    assert monitor.steps == list(range(1, 9))
    assert [row["step"] for row in monitor.records] == monitor.steps
    np.testing.assert_array_equal(monitor.render(), whole.render())


def test_a_column_that_begins_late_stays_at_its_steps() -> None:
    monitor = explore.TrainingMonitor(10, clock=lambda: 0.0)
    monitor({"step": 1, "total": 3.0})
    monitor(record(2))
    monitor({"step": 3, "total": 1.0})
    assert {len(values) for values in monitor._columns.values()} == {3}
    assert np.isnan(monitor._columns["feature_std"]).tolist() == [True, False, True]


def test_drawing_takes_a_twentieth_of_the_time_at_most() -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.5  # each look at the clock: a drawing takes half a second
        return now

    monitor = explore.TrainingMonitor(10, seconds=0.1, clock=clock)
    drawn = []
    for step in range(1, 30):
        monitor(record(step))
        drawn.append(monitor.image.value)
    assert len(set(drawn)) == 2


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


def test_the_sinkhorn_explorer_has_the_epsilon_that_was_asked_for() -> None:
    explorer = explore.SinkhornExplorer(torch.eye(4), epsilon=0.037)
    assert explorer.epsilon.value == 0.037
    np.testing.assert_allclose(
        explorer.steps[-1].mass, sinkhorn(torch.eye(4).double(), 0.037, 5).numpy()
    )


def test_without_ipywidgets_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("sdc_lib.explore")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ImportError, match=r"ipywidgets.*-e '\.\[notebooks\]'"):
        importlib.import_module("sdc_lib.explore")


def _leaves(widget: Any) -> list[Any]:
    children = getattr(widget, "children", ())
    return [leaf for child in children for leaf in _leaves(child)] if children else [widget]
