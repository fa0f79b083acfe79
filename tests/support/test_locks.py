"""A folder belongs to one process at a time, and to nobody once that one has ended."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sdc_lib.support.locks import alone_in

HOLD = """
import sys
from pathlib import Path
from sdc_lib.support.locks import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_refused_in_one_line_that_names_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        said = rf"^another process \({holder.pid}\) is working in {re.escape(str(folder))}; wait"
        for _ in range(2):  # having asked changes nothing
            with pytest.raises(ValueError, match=said), alone_in(folder):
                pass
        holder.kill()
    with alone_in(folder):
        pass


def test_it_is_free_after_an_error(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(LookupError), alone_in(tmp_path):
            raise LookupError


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OSError, match=r"cannot write .*file/folder"),
        alone_in(tmp_path / "file" / "folder"),
    ):
        pass
