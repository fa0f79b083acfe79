"""Every keyword passed to PyAV exists in every PyAV that requirements.lock installs."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest

from sdc_lib.video.container import convert_options, open_options
from tools.pyav_signatures import (
    ANYTHING,
    TARGET,
    installed_stubs,
    keyword_calls,
    locked_versions,
    signatures,
)

TABLE = {
    version: {name: set(words) for name, words in known.items()}
    for version, known in json.loads(TARGET.read_text(encoding="utf-8")).items()
}
INSTALLED = signatures(installed_stubs(Path(av.__file__).parent))
# `VideoFrame.to_ndarray` hands its keywords to `reformat`.
PASSED_ON = {"to_ndarray": "reformat"}


def test_the_table_is_that_of_the_lock() -> None:
    assert tuple(TABLE) == locked_versions(), "run python -m tools.pyav_signatures"


@pytest.mark.parametrize("version", TABLE)
def test_every_keyword_exists(version: str) -> None:
    taken = TABLE[version]
    ours = keyword_calls(INSTALLED)
    assert {"add_stream", "av.open", "reformat", "seek"} <= set(ours)
    for name, words in ours.items():
        assert name in taken, f"{name} is new here: run python -m tools.pyav_signatures"
        accepted = taken[name] | taken.get(PASSED_ON.get(name, name), set())
        anything = ANYTHING in accepted and name not in PASSED_ON
        assert anything or words <= accepted, f"PyAV {version}: {name} takes no {words - accepted}"


@pytest.mark.parametrize("version", TABLE)
def test_keywords_that_depend_on_the_version(version: str) -> None:
    assert set(open_options(version)) <= TABLE[version]["av.open"]
    assert set(convert_options(version)) <= TABLE[version]["reformat"]
    # where the keyword exists, it is needed: by default titles are decoded strictly
    assert ("metadata_errors" in TABLE[version]["av.open"]) == bool(open_options(version))


def test_versions_before_those_of_the_lock() -> None:
    assert open_options("14.0.0") == {"metadata_errors": "ignore"}
    assert convert_options("16.1.0") == {}


def test_the_table_agrees_with_the_installed_version() -> None:
    if av.__version__ not in TABLE:
        pytest.skip(f"PyAV {av.__version__} is not in requirements.lock")
    for name, words in TABLE[av.__version__].items():
        assert words == INSTALLED.get(name, set()), name
