"""Lists as people write them: any encoding, separator and first line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdc_lib.datasets.table import Table, read_lines, read_table


def table(tmp_path: Path, content: str | bytes) -> Table:
    path = tmp_path / "list.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path)


def cells(tmp_path: Path, content: str | bytes) -> list[tuple[str, ...]]:
    return [row.cells for row in table(tmp_path, content).rows]


TWO = [("a.mp4", "0"), ("sub/b b.mp4", "10")]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", ", ", "  \t "])
@pytest.mark.parametrize("first", ["", "path{}label\n", "Video{}class\n", "# file name{}label\n"])
def test_separators_and_first_lines(tmp_path: Path, separator: str, first: str) -> None:
    if separator == " ":
        first = first.replace("file name", "filename")
    text = first.format(separator) + "".join(f"{separator.join(row)}\n" for row in TWO)
    assert cells(tmp_path, text) == TWO


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    text = f"path,label{end}{end}é.mp4,café{end}ü.mp4,x{end}\x1a"
    assert cells(tmp_path, text.encode(encoding)) == [("é.mp4", "café"), ("ü.mp4", "x")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a, b.mp4\nc.mp4\n", [("a, b.mp4",), ("c.mp4",)]),
        ("path\na, b.mp4\n", [("a, b.mp4",)]),
        ('"a, b.mp4"\n', [("a, b.mp4",)]),
        ('"a, b.mp4",x\n', [("a, b.mp4", "x")]),
        ("a.mp4;run, fast\n", [("a.mp4", "run, fast")]),
        ('"a b.mp4"\tx\n', [("a b.mp4", "x")]),
        ("a.mp4 apply eye makeup\n", [("a.mp4", "apply eye makeup")]),
        ("my.mp4 copy.mp4 0\n", [("my.mp4 copy.mp4", "0")]),
        ("v_01 0\nv_02 1\n", [("v_01", "0"), ("v_02", "1")]),
        ("v_01,0\nv_02,1\n", [("v_01", "0"), ("v_02", "1")]),
        ("sep=;\na.mp4;x\n", [("a.mp4", "x")]),
        ("path,label\na.mp4,x,,\n,,,\n", [("a.mp4", "x")]),
        ("a.mp4,clip\nb.mp4,name\n", [("a.mp4", "clip"), ("b.mp4", "name")]),
        ("path label scene\na b.mp4 x y\n", [("a b.mp4", "x", "y")]),
        ("B.MP4,x\n", [("B.MP4", "x")]),
    ],
)
def test_what_is_meant(tmp_path: Path, text: str, expected: list[tuple[str, ...]]) -> None:
    assert cells(tmp_path, text) == expected


def test_roles_of_columns(tmp_path: Path) -> None:
    found = table(tmp_path, "Label;File-Name;subset;name;group\n0;a.mp4;val;x;g\n")
    assert found.columns == ("label", "file_name", "subset", "name", "group")
    assert found.roles == {"path": 1, "label": 0, "split": 2, "group": 4}
    assert found.rows[0].line == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        (" \n,,\n", "is empty"),
        ("clips,kind\na.mp4,x\n", "line 1: 'clips,kind' names no column of paths; call it path"),
        ("path,label,label\n", "line 1: two columns are called 'label'"),
        ("path,label\na.mp4\n", "line 2: 1 cells, 2 expected: 'a.mp4'"),
        ("path\na.mp4,0\n", "line 2: 2 cells, 1 expected"),
        ("a.mp4,x\n\nb.mp4;y\n", "line 3: 1 cells, 2 expected"),
        ("a.mp4 100 5\n", "line 1: 3 cells; more than path, label need a first line"),
        ('a.mp4,x\n"b.mp4,y\n', "line 2: unexpected end of data"),
        (b"PK\x03\x04 spreadsheet", r"line 1: holds the character U\+0003; a text file is"),
        (b"\x00\x01\x02\x03\x04\x05", r"line 1: holds the character U\+0001"),
        (b"\xff\xfea\x00b", "is not a text file, though it begins like one in utf-16-le"),
    ],
)
def test_one_line_for_what_cannot_be_read(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(ValueError, match=rf"list\.csv.*{said}") as caught:
        table(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_lines_keep_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("\n a \n\nb")
    assert [tuple(line) for line in read_lines(tmp_path / "x.txt")] == [(2, "a"), (4, "b")]
