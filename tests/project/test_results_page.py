"""docs/results.md: the table of goals says what the records say."""

import re
import statistics
from pathlib import Path

import pytest

from sdc_lib.evaluation.ledger import read_record

ROOT = Path(__file__).resolve().parents[2]
_ROW = re.compile(
    r"^\| (?P<measure>[^|]+) \| (?P<sign>[≥≤]) (?P<goal>[\d.]+) \| (?P<value>[\d.]+) "
    r"\| (?P<met>yes|no) \| (?P<seeds>\d+) \| \[`(?P<name>[^`]+)`\]\((?P<link>[^)]+)\) \|$",
    re.MULTILINE,
)
_PAGE = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
GOALS = [match.groupdict() for match in _ROW.finditer(_PAGE)]


def test_the_page_has_its_goals() -> None:
    assert len(GOALS) >= 13
    assert {"yes", "no"} == {goal["met"] for goal in GOALS}


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: f"{goal['name']}-{goal['measure']}")
def test_a_goal_and_what_its_record_says(goal: dict[str, str]) -> None:
    path = ROOT / "docs" / goal["link"]
    assert path.stem == goal["name"]
    record = read_record(path)
    numbers = record.values[goal["measure"]]
    assert int(goal["seeds"]) == len(record.seeds)
    mean = statistics.fmean(numbers)
    assert goal["value"] == f"{mean:.1f}"
    met = mean >= float(goal["goal"]) if goal["sign"] == "≥" else mean <= float(goal["goal"])
    assert goal["met"] == ("yes" if met else "no")
