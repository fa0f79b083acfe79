"""Dotted names in docs, notebooks and docstrings mean something that exists."""

import importlib
import importlib.util
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"(?<![\w./-])(?:sdc_lib|benchmarks|tools)(?:\.[A-Za-z_]\w*)+")
IMPORT = re.compile(r"^ *from (sdc_lib[\w.]*) import ([\w, ]+)$", re.MULTILINE)
TEXTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
    *(
        path
        for folder in ("sdc_lib", "benchmarks", "tools")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ),
]


def text_of(path: Path) -> str:
    """The file as it is, or the cells of a notebook without their outputs."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


def names_in(text: str) -> set[str]:
    """Dotted names, and those that imports take from a module."""
    names = set(NAME.findall(text))
    for module, imported in IMPORT.findall(text):
        names |= {f"{module}.{name.split(' as ')[0].strip()}" for name in imported.split(",")}
    return names


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        try:
            if importlib.util.find_spec(module) is None:
                continue
        except ModuleNotFoundError:
            continue
        found: object = importlib.import_module(module)
        for attribute in parts[length:]:
            fields = getattr(found, "__dataclass_fields__", {})
            if not hasattr(found, attribute) and attribute not in fields:
                return False
            found = getattr(found, attribute, None)
        return True
    return False


def test_a_name_that_does_not_exist_is_found() -> None:
    text = "`sdc_lib.video.read.nothing()`\nfrom sdc_lib.video import probe, nothing\n"
    missing = {name for name in names_in(text) if not exists(name)}
    assert missing == {"sdc_lib.video.read.nothing", "sdc_lib.video.nothing"}


def test_names_exist() -> None:
    names = {str(path.relative_to(ROOT)): names_in(text_of(path)) for path in TEXTS}
    assert len(names) > 100
    missing = {name for name in set().union(*names.values()) if not exists(name)}
    assert {file: found & missing for file, found in names.items() if found & missing} == {}
