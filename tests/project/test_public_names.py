"""`import sdc_lib` is light, and gives every public name when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sdc_lib


@pytest.mark.parametrize("name", sdc_lib.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(sdc_lib, name) is not None
    assert name in dir(sdc_lib)


def test_names_of_the_readme_and_the_notebooks_are_public() -> None:
    wanted = {"SDC", "ConceptHeads", "SDCObjective", "build_backbone", "load", "normalize"}
    assert wanted | {"read_clip", "pretrain", "six_views", "sinkhorn"} <= set(sdc_lib.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="attribute pretend"):
        _ = sdc_lib.pretend  # type: ignore[attr-defined]


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, sdc_lib; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
