from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from sdc_lib.evaluation.ledger import (
    Record,
    current_commit,
    markdown_table,
    read_record,
    read_records,
    rebuild,
    record_name,
    stale,
    write_record,
)
from tools.results import DOCUMENTS, ROOT

OURS = Record(
    name="ours-linear",
    table="linear",
    row="ours",
    values={"top-1": [50.0, 54.0]},
    dataset="motion-factors/test",
    protocol="linear, dense clips",
    column="trained here",
    seeds=[0, 1],
    config="abc",
    commit="def",
    device="CPU (x86_64, 2 threads)",
    wall_time=12.5,
    evaluated=199,
    official=200,
)
THEIRS = Record(
    name="theirs",
    table="linear",
    row="CoCLR",
    values={"top-1": [46.8], "R@1": [33.1]},
    dataset="ucf101/test",
    protocol="linear",
    column="published",
    source="their README",
)


def test_the_tables_in_the_documents_agree_with_the_records() -> None:
    wrong = stale(DOCUMENTS, ROOT / "results")
    assert not wrong, f"run `make results`: {', '.join(path.name for path in wrong)} differ"


def test_every_record_of_the_repository_is_complete() -> None:
    names = [record.name for record in read_records(ROOT / "results")]
    files = [path.stem for path in (ROOT / "results").glob("*.json")]
    assert sorted(names) == sorted(name for name in files if not name.startswith("benchmark_"))


def test_records_survive_a_file(tmp_path: Path) -> None:
    single = replace(
        OURS, values={"gap": [61.0]}, seeds=[3], intervals={"gap": (55.0, 66.0)}, name="one"
    )
    for record in (OURS, THEIRS, single):
        assert read_record(write_record(record, tmp_path / "new")) == record
    assert [record.name for record in read_records(tmp_path / "new")] == [
        "one",
        "ours-linear",
        "theirs",
    ]
    assert read_records(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "a/b"}, "it must be a file name"),
        ({"values": {}}, "at least one value"),
        ({"values": {"top-1": [float("nan"), 1.0]}}, "not finite"),
        ({"values": {"top-1": [1.0]}}, "1 values for 2 seeds"),
        ({"commit": ""}, "commit is not stated"),
        ({"official": None}, "official is not stated"),
        ({"column": "guessed"}, "none of published"),
        ({"column": "published"}, "needs its source"),
        ({"intervals": {"gap": (1.0, 2.0)}}, "an interval for 'gap'"),
    ],
)
def test_incomplete_records_are_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_record(replace(OURS, **change), tmp_path)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_files_that_are_not_records_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for content, message in (
        ("{", "x.json is not a record"),
        ('{"name": "x", "colour": 1}', "unknown field 'colour'"),
        ('{"name": "x"}', "missing"),
        ("[]", "not a record"),
    ):
        path.write_text(content)
        with pytest.raises(ValueError, match=message):
            read_record(path)
    write_record(OURS, tmp_path)
    (tmp_path / "other.json").write_text((tmp_path / "ours-linear.json").read_text())
    with pytest.raises(ValueError, match="file and record must agree"):
        read_record(tmp_path / "other.json")


def test_tables_state_spread_interval_data_and_origin() -> None:
    single = replace(
        OURS,
        name="b",
        row="b|c",
        values={"top-1": [61.0]},
        seeds=[3],
        intervals={"top-1": (55, 66)},
    )
    lines = markdown_table(
        [single, OURS, THEIRS, replace(OURS, table="knn")], "linear"
    ).splitlines()
    assert lines[0] == "|  | top-1 | R@1 | data (N of official) | seeds | from |"
    assert lines[2] == "| CoCLR | 46.8 | 33.1 | ucf101/test |  | published: their README |"
    assert lines[3].startswith(
        "| b\\|c | 61.0 [55.0, 66.0] |  | motion-factors/test (199 of 200) | 1"
    )
    assert lines[4].startswith("| ours | 52.0 ± 2.8 |")
    assert lines[4].endswith("trained here, CPU (x86_64, 2 threads), commit def |")
    assert len(lines) == 5
    assert markdown_table([], "linear") == ""


def test_names_of_records_fit_and_stay_different() -> None:
    assert record_name("a b", "ucf101", "knn") == "a_b-ucf101-knn"
    long = [record_name(letter * 300, "ucf101", last) for letter in "wé動" for last in ("a", "b")]
    assert len(set(long)) == 6
    assert all(len(f"{name}.json".encode()) < 220 for name in long)


def test_a_view_shows_some_metrics_of_another_table() -> None:
    shown = replace(
        OURS,
        name="baseline-random-motion_factors_tiny",
        table="disentanglement",
        values={"gap": [60.0, 62.0], "video feature, motion": [9, 9]},
    )
    other = replace(shown, name="disentanglement-mine")
    lines = markdown_table([shown, other, THEIRS], "readme").splitlines()
    assert lines[0].split(" | ")[-4] == "gap"
    assert "61.0 ± 1.4" in lines[2]
    assert "video feature" not in lines[0]
    assert len(lines) == 3


def test_only_what_is_between_markers_changes(tmp_path: Path) -> None:
    text = "before\n<!-- results:linear -->\nold\n<!-- /results:linear -->\nafter\n"
    rebuilt = rebuild(text, [THEIRS])
    assert rebuilt.startswith("before\n<!-- results:linear -->\n|  | top-1")
    assert rebuilt.endswith("|\n<!-- /results:linear -->\nafter\n")
    assert rebuild(rebuilt, [THEIRS]) == rebuilt
    with pytest.raises(ValueError, match="needs its own"):
        rebuild("<!-- results:linear -->\n<!-- /results:other -->\n", [])
    write_record(THEIRS, tmp_path / "results")
    document = tmp_path / "doc.md"
    document.write_text(text)
    assert stale([document, tmp_path / "missing.md"], tmp_path / "results") == {document: rebuilt}
    document.write_text(rebuilt)
    assert stale([document], tmp_path / "results") == {}


def test_circumstances_are_described() -> None:
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    commit = current_commit()
    assert commit == "unknown" or head.stdout.startswith(commit.rstrip("+"))


def test_the_commit_of_another_repository_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (
        ["init"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--allow-empty", "-m", "a"],
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    installed = tmp_path / "venv" / "sdc_lib" / "evaluation" / "ledger.py"
    installed.parent.mkdir(parents=True)
    monkeypatch.setattr("sdc_lib.evaluation.ledger.__file__", str(installed))
    assert current_commit() == "unknown"
