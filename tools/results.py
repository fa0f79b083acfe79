"""Rebuild the tables of README.md and docs/results.md from results/*.json (``make results``)."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sdc_lib.evaluation.ledger import stale

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "results.md")


def main(argv: Sequence[str] | None = None) -> int:
    """Write stale tables, or only name them with ``--check`` (then status 1 if there are any)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, only compare")
    check = parser.parse_args(argv).check
    wrong = stale(DOCUMENTS, ROOT / "results")
    for document, text in wrong.items():
        if not check:
            document.write_text(text, encoding="utf-8")
        print(f"{'differs from the records' if check else 'rebuilt'}: {document.name}")
    if not wrong:
        print("all tables agree with the records")
    return 1 if check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
