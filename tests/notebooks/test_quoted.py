"""Numbers that a notebook takes over from another one, or from a record, are the ones there."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from sdc_lib.evaluation.ledger import read_record

ROOT = Path(__file__).resolve().parents[2]
QUOTED = [
    ("00", "0.6 times as much as the static one", "08"),
]
SHIPPED, EVERYTHING = "disentanglement-motion_factors_small", "ablation-everything"
UNALIGNED = "ablation-no-alignment"
HEADS = f"{SHIPPED}_decorrelated-heads-on-small"
BOTH_30 = "ablation-shared-codebooks--own-projections--decorrelation-30"
SPLIT = "ablation-shared-codebooks-and-own-projections--ours"
GRID = "real_video_grid-motion_factors_small_decorrelated-stride4"
GESTURES = "real_video_heads-gestures_same_frames-K32-decorrelation"
PAIRS = "real_video_gestures-gestures_"
SHAPE = "dynamic half, appearance"
RECORDED = [
    ("00", "tells the shape (87.5 %)", "static half, appearance", [SHIPPED]),
    ("00", "than the scene (16.5 %)", "static half, scene", [SHIPPED]),
    ("03", "softmax distribution: 37.5 %", "dynamic half, motion", [SHIPPED]),
    ("03", "beside 61.0 % for the shape", SHAPE, [SHIPPED]),
    ("04", "*Everything* has 38.2", "gap", [EVERYTHING]),
    ("04", "have 21.0 by the same measurement", "gap", [SHIPPED]),
    (
        "04",
        "halves it, from 69.2 to 35.0",
        SHAPE,
        [EVERYTHING, f"{EVERYTHING}-and-decorrelation-30--ours"],
    ),
    ("04", "50.2 instead of 28.2", SHAPE, [f"{BOTH_30}--K-32--ours", f"{BOTH_30}--ours"]),
    ("04", "52.0 against 61.0", SHAPE, [f"{SHIPPED}_decorrelated", SHIPPED]),
    ("04", "the static half tells 12.0", "static half, motion", [EVERYTHING]),
    ("04", "the dynamic one 5.7", "dynamic half, scene", [EVERYTHING]),
    ("04", "(43.7 without alignment, 43.5", "static half, scene", [UNALIGNED, EVERYTHING]),
    ("04", "(66.0 without, 50.5 with", "dynamic half, motion", [UNALIGNED, EVERYTHING]),
    ("04", "67.9 (the mean of three", SHAPE, [HEADS]),
    ("04", "of its heads) beside 68.5", SHAPE, [f"{SHIPPED}-on-small"]),
    ("04", "hardly falls (67.9 beside 68.5)", SHAPE, [HEADS, f"{SHIPPED}-on-small"]),
    (
        "07",
        "by half (69.2 to 35.0,",
        SHAPE,
        [EVERYTHING, f"{EVERYTHING}-and-decorrelation-30--ours"],
    ),
    ("07", "61.3 to 28.2)", SHAPE, [SPLIT, f"{BOTH_30}--ours"]),
    ("07", "much of it back (50.2)", SHAPE, [f"{BOTH_30}--K-32--ours"]),
    ("07", "(52.0 beside 61.0)", SHAPE, [f"{SHIPPED}_decorrelated", SHIPPED]),
    ("07", "67.9 (three seeds) beside 68.5", SHAPE, [HEADS, f"{SHIPPED}-on-small"]),
    ("07", "it reads even more, 82.1", SHAPE, [f"{HEADS}-one-temperature"]),
    ("07", "64.8 % of the motion without it, 12.0", "static half, motion", [UNALIGNED, EVERYTHING]),
    (
        "07",
        "44.5 % of the scene, with everything 5.7",
        "dynamic half, scene",
        [UNALIGNED, EVERYTHING],
    ),
    ("07", "keep 11.6 % of the gestures", "dynamic half, gesture", [GRID]),
    ("07", "and 89.1 % of the scenes", "dynamic half, scene", [GRID]),
    ("07", "64.5 % of the gestures", "dynamic half, gesture", [f"{GESTURES}30"]),
    ("07", "30.4 % of the scenes", "dynamic half, scene", [f"{GESTURES}30"]),
    ("07", "it is 10.9 %", "dynamic half, gesture", [f"{GESTURES}0"]),
    ("07", "and 80.4 %", "dynamic half, scene", [f"{GESTURES}0"]),
    ("08", "71.5 % of the gestures", "linear, difference", [f"{PAIRS}same_frames-stride4"]),
    ("08", "beside 40.5 with", "linear, difference", [f"{PAIRS}consecutive-stride4"]),
    ("05", "with everything (38.2)", "gap", [EVERYTHING]),
    ("05", "without the filter (38.4)", "gap", ["ablation-no-concept-filter"]),
    ("05", "without the local terms (37.8)", "gap", ["ablation-no-local-terms"]),
]
NUMBER = re.compile(r"\d+\.\d+")


def cells(number: str) -> list[nbformat.NotebookNode]:
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    return list(nbformat.read(path, as_version=4).cells)


def words(number: str) -> str:
    """The prose of a notebook on one line."""
    prose = (cell.source.split() for cell in cells(number) if cell.cell_type == "markdown")
    return " ".join(" ".join(line) for line in prose)


def printed(number: str) -> set[str]:
    """Every decimal number that the cells of a notebook have printed or shown in tables."""
    outputs = [o for cell in cells(number) for o in cell.get("outputs", [])]
    texts = [o.get("text", "") for o in outputs]
    for output in outputs:
        shown = output.get("data", {})
        texts += [
            shown.get("text/plain", ""),
            re.sub("base64,[^\"']+", "", shown.get("text/html", "")),
        ]
    return set(NUMBER.findall(" ".join(texts)))


@pytest.mark.parametrize(("where", "phrase", "source"), QUOTED)
def test_numbers_of_another_notebook_are_what_it_shows(
    where: str, phrase: str, source: str
) -> None:
    assert phrase in words(where)
    assert set(NUMBER.findall(phrase)) <= printed(source)


@pytest.mark.parametrize(("where", "phrase", "metric", "records"), RECORDED)
def test_numbers_of_a_record_are_what_it_holds(
    where: str, phrase: str, metric: str, records: list[str]
) -> None:
    assert phrase in words(where)
    values = [read_record(ROOT / "results" / f"{name}.json").values[metric] for name in records]
    assert NUMBER.findall(phrase) == [f"{sum(seeds) / len(seeds):.1f}" for seeds in values]
