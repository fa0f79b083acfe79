"""Files are whole or not there, and errors name them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from sdc_lib.support.files import (
    check_writable,
    first_line,
    read_facts,
    remove_leftovers,
    type_and_first_line,
    write_atomically,
    written_beside,
)
from tests.helpers.processes import ended_process

ROOT = Path(__file__).resolve().parents[2]
LEFT = (("a", ".mp4"), ("b", ".mp4"), ("a", ""))
WRITE = """
import sys
from pathlib import Path
from sdc_lib.support.files import write_atomically
for n in range(10**9):
    write_atomically(Path(sys.argv[1]), bytes([65 + n % 26]) * 300_000)
    sys.stdout.write(".")
    sys.stdout.flush()
"""


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.bin"
    write_atomically(path, b"one")
    write_atomically(path, memoryview(b"two"))
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["a.bin"]


def test_a_full_disk_is_named_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def full(_: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: .*a\.bin"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_whether_a_file_can_be_written_is_known_before(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "newer" / "a.bin")
    assert os.listdir(tmp_path) == []
    with pytest.raises(IsADirectoryError, match=f"a folder, a file is needed: '{tmp_path}'"):
        check_writable(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"file/a\.bin"):
        check_writable(tmp_path / "file" / "a.bin")
    for path in (tmp_path / "new" / ("n" * 256), tmp_path / ("n" * 256) / "a.bin"):
        with pytest.raises(OSError, match=r"too long: .*n{256}"):
            check_writable(path)


def test_the_first_line_of_an_error() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"
    assert first_line(OSError(36, "File name too long", "a")) == "File name too long: 'a'"
    assert type_and_first_line(ValueError("one\ntwo")) == "ValueError: one"
    assert type_and_first_line(KeyError()) == "KeyError"


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")

    def fail() -> None:
        with written_beside(path) as beside:
            assert (beside.parent, beside.suffix) == (path.parent, path.suffix)
            beside.write_bytes(b"ha")
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        fail()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_errors_about_what_is_read_keep_their_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"), written_beside(tmp_path / "a"):
        (tmp_path / "missing").read_bytes()


@pytest.mark.parametrize(
    "name",
    ["a" * 251 + ".mp4", "é" * 125 + ".mp4", "a" * 255, "a." + "b" * 253, "a" * 200 + "." * 55],
)
def test_the_longest_names_have_room(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_atomically(path, b"all")
    assert path.read_bytes() == b"all"
    assert os.listdir(tmp_path) == [name]


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    gone = ended_process()
    of_a, of_b, other = (f".{name}.{gone}.part{end}" for name, end in LEFT)
    names = ["a.mp4", "b.mp4", of_a, of_b, other, ".hidden"]
    for name in names:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path / "a.mp4")
    assert sorted(os.listdir(tmp_path)) == sorted({*names} - {of_a})
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".hidden", "a.mp4", "b.mp4"]
    remove_leftovers(tmp_path / "missing" / "a.mp4")


def test_what_a_living_writer_has_begun_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with written_beside(path) as beside:
        beside.write_bytes(b"all")
        os.utime(beside, (5, 5))  # as a copy has the time of its original
        remove_leftovers(path)
        remove_leftovers(tmp_path)
    assert path.read_bytes() == b"all"


@pytest.mark.skipif(os.name != "posix", reason="signals of Unix")
def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path, whole = tmp_path / "run.json", {bytes([65 + n]) * 300_000 for n in range(26)}
    rng = np.random.default_rng(0)
    left = 0
    for _ in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE, str(path)], cwd=ROOT, stdout=subprocess.PIPE
        )
        with writer:
            assert writer.stdout is not None
            writer.stdout.read(int(rng.integers(1, 20)))  # one for each file that is written
            time.sleep(float(rng.uniform(0, 0.01)))
            writer.kill()
        assert path.read_bytes() in whole
        left += len(list(tmp_path.glob(".*.part*")))
        remove_leftovers(tmp_path)
        assert os.listdir(tmp_path) == ["run.json"]
    assert left > 0  # some were in the middle of it


def test_facts_are_names_with_values(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_facts(path) == {"a": 1}
    for text in (b"", b"{", b"[1]", b"\xff\xfe"):
        path.write_bytes(text)
        with pytest.raises(
            ValueError, match=r"^[^\n]*facts\.json (is not JSON|holds a list)[^\n]*$"
        ):
            read_facts(path)
