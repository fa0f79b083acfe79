"""`import sdc_lib` is light, and gives every public name when it is asked for."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import sdc_lib


@pytest.mark.parametrize("name", sdc_lib.__all__)
def test_every_public_name_is_there(name: str) -> None:
    home = f"sdc_lib.{sdc_lib._MODULE_OF[name]}"
    assert getattr(sdc_lib, name) is getattr(importlib.import_module(home), name)
    assert name in dir(sdc_lib)


def test_type_checkers_see_the_same_names() -> None:
    source = Path(sdc_lib.__file__).read_text(encoding="utf-8")
    (block,) = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {name: f"sdc_lib.{home}" for name, home in sdc_lib._MODULE_OF.items()}
    assert sorted(seen) == sorted(sdc_lib.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'pretend'"):
        _ = sdc_lib.pretend
