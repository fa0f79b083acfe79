"""Numbers that a notebook takes over from another one, or from a record, are the ones there."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from sdc_lib.evaluation.ledger import read_record

ROOT = Path(__file__).resolve().parents[2]
QUOTED = [
    ("00", "the scores themselves tell 54.5 %", "07"),
    ("00", "0.6 times as much as the static one", "08"),
    ("03", "31.5 % in notebook [07]", "07"),
    ("03", "beside 54.5 % for the shape", "07"),
    ("03", "tells it in 71.5 % of the videos", "07"),
    ("04", "71.5 % against 54.5 (notebook 07)", "07"),
    ("04", "have 14.0 in notebook [07]", "07"),
]
RECORDED = [
    ("04", "*Everything* has 38.2", "ablation-everything"),
    ("04", "or 20.8 with the clips of these records", "disentanglement-motion_factors_small"),
    ("05", "with everything (38.2)", "ablation-everything"),
    ("05", "without the filter (38.4)", "ablation-no-concept-filter"),
    ("05", "without the local terms (37.8)", "ablation-no-local-terms"),
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


@pytest.mark.parametrize(("where", "phrase", "record"), RECORDED)
def test_numbers_of_a_record_are_what_it_holds(where: str, phrase: str, record: str) -> None:
    assert phrase in words(where)
    gaps = read_record(ROOT / "results" / f"{record}.json").values["gap"]
    assert NUMBER.findall(phrase) == [f"{sum(gaps) / len(gaps):.1f}"]
