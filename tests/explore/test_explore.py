"""All explorers follow their controls, are described in the page, and have a static twin."""

from __future__ import annotations

import html
import importlib
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from matplotlib.figure import Figure

from sdc_lib import explore, plots
from tests.explore.examples import (
    attention_explorer,
    clip_explorer,
    codebook_explorer,
    neighbour_explorer,
    picture,
    sinkhorn_explorer,
    training_monitor,
)

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


def test_without_ipywidgets_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("sdc_lib.explore")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ImportError, match=r"ipywidgets.*-e '\.\[notebooks\]'"):
        importlib.import_module("sdc_lib.explore")


def _leaves(widget: Any) -> list[Any]:
    children = getattr(widget, "children", ())
    return [leaf for child in children for leaf in _leaves(child)] if children else [widget]
