"""Rebuild the list of files in docs/modules.md from their docstrings (part of ``make results``)."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "modules.md"
MARKS = re.compile(r"(<!-- modules -->\n).*?(<!-- /modules -->)", re.DOTALL)


def first_line(path: Path) -> str:
    """The first line of a module's docstring, without its full stop."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].removesuffix(".").replace("``", "`")


def listing(package: Path, base: Path = ROOT) -> str:
    """One Markdown line a file, one heading a folder, folders after the files of their parent."""
    lines = [f"### `{package.relative_to(base).as_posix()}/`", ""]
    lines += [f"{first_line(package / '__init__.py')}.", ""]
    for path in sorted(package.glob("*.py")):
        if not path.name.startswith("__"):
            link = f"[`{path.name}`](../{path.relative_to(base).as_posix()})"
            lines.append(f"- {link}: {first_line(path)}")
    parts = ["\n".join(lines)]
    folders = sorted(p.parent for p in package.glob("*/__init__.py"))
    return "\n\n".join([*parts, *(listing(folder, base) for folder in folders)])


def with_listing(page: str, package: Path = ROOT / "sdc_lib") -> str:
    """The page with its list of files as it should be."""
    return MARKS.sub(lambda m: f"{m[1]}\n{listing(package)}\n\n{m[2]}", page)


def main() -> int:
    """Write the page if it is stale."""
    before = PAGE.read_text(encoding="utf-8")
    after = with_listing(before)
    if after != before:
        PAGE.write_text(after, encoding="utf-8")
    print(f"{PAGE.name} {'agrees with the files' if after == before else 'rebuilt'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
