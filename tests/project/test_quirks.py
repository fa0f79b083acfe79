"""docs/quirks.md lists every setting in which the release made a choice, with its value."""

import dataclasses
import inspect
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sdc_lib.config import PretrainConfig, from_dict
from sdc_lib.presets import RELEASED_KINETICS400, RELEASED_UCF101

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "quirks.md").read_text(encoding="utf-8")


class Quirk(NamedTuple):
    """One row of the table."""

    group: str
    name: str
    released: Any
    alternative: Any
    notebook: str


def parse(text: str) -> Any:
    """A number, a truth value or a word."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


QUIRKS = [
    Quirk(group, name, parse(released), parse(alternative), notebook)
    for group, name, released, alternative, notebook in re.findall(
        r"^\| `(\w+)\.(\w+)` \| `(.+?)` \| `(.+?)` \| .+ \| `?(\w+)`? \|$", PAGE, re.MULTILINE
    )
]
NAMES = [f"{quirk.group}.{quirk.name}" for quirk in QUIRKS]


@pytest.mark.parametrize("quirk", QUIRKS, ids=NAMES)
def test_released_presets_hold_the_released_value(quirk: Quirk) -> None:
    for preset in (RELEASED_UCF101, RELEASED_KINETICS400):
        assert getattr(getattr(preset, quirk.group), quirk.name) == quirk.released


@pytest.mark.parametrize("quirk", QUIRKS, ids=NAMES)
def test_the_alternative_is_another_valid_value(quirk: Quirk) -> None:
    config = from_dict(PretrainConfig, {quirk.group: {quirk.name: quirk.alternative}})
    assert getattr(getattr(config, quirk.group), quirk.name) == quirk.alternative
    assert quirk.alternative != quirk.released


@pytest.mark.parametrize("quirk", QUIRKS, ids=NAMES)
def test_the_notebook_speaks_of_the_setting(quirk: Quirk) -> None:
    if quirk.notebook != "none":
        cells = json.loads((ROOT / "notebooks" / f"{quirk.notebook}.ipynb").read_text())["cells"]
        assert any(quirk.name in "".join(cell["source"]) for cell in cells)


def test_no_choice_of_the_release_is_left_out() -> None:
    """Every setting whose explanation speaks of the release, or calls itself ours, is listed."""
    expected = set()
    for group in dataclasses.fields(PretrainConfig):
        kind = type(getattr(RELEASED_UCF101, group.name))
        if not dataclasses.is_dataclass(kind):
            continue
        source = inspect.getsource(kind)
        explained = re.findall(r'^    (\w+): .+\n    """(.+?)"""', source, re.MULTILINE)
        expected |= {
            f"{group.name}.{name}"
            for name, text in explained
            if re.search(r"\breleased?\b|\(ours\)|\bour\b", text)
        }
    assert "data.boundary" in expected
    assert sorted(expected - set(NAMES)) == []
