"""Rebuild the tables of README.md and of pages in docs/ from results/*.json."""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.loader import report as loader_report
from benchmarks.step_report import report
from benchmarks.versions import report as versions_report
from sdc_lib.evaluation.ledger import stale

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = (
    ROOT / "README.md",
    ROOT / "docs" / "results.md",
    ROOT / "docs" / "real_video.md",
)

SPEED = ROOT / "docs" / "scaling.md"
_PLACE = re.compile(r"(<!-- speed:(?P<name>[\w-]+) -->\n).*?(<!-- /speed -->)", re.DOTALL)


def with_speed(text: str, folder: Path) -> str:
    """A page with what ``benchmark_NAME.json`` holds between its marks."""

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        show = {"loader": loader_report, "versions": versions_report}.get(name, report)
        path = folder / f"benchmark_{name}.json"
        body = f"Not measured yet: `python -m benchmarks.{name.partition('_')[0]}`, `make results`."
        if path.exists():
            body = show(json.loads(path.read_text(encoding="utf-8")))
        return f"{match[1]}{body}\n{match[3]}"

    return _PLACE.sub(fill, text)


def main(argv: Sequence[str] | None = None) -> int:
    """Write stale tables, or only name them with ``--check`` (then status 1 if there are any)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, only compare")
    check = parser.parse_args(argv).check
    wrong = stale(DOCUMENTS, ROOT / "results")
    text = SPEED.read_text(encoding="utf-8")
    if (rebuilt := with_speed(text, ROOT / "results")) != text:
        wrong[SPEED] = rebuilt
    for document, text in wrong.items():
        if not check:
            document.write_text(text, encoding="utf-8")
        print(f"{'differs from the records' if check else 'rebuilt'}: {document.name}")
    if not wrong:
        print("all tables agree with the records")
    return 1 if check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
