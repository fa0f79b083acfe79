"""Parts of one's own data: their names, and that no video is in two."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdc_lib.datasets import splits
from sdc_lib.datasets.splits import (
    SplitFile,
    refuse_shared_videos,
    refuse_unequal_classes,
    split_named,
)


@pytest.mark.parametrize(
    ("word", "split"),
    [("train", "train"), (" Training", "train"), ("VALID", "val"), ("test", "test"), ("x", None)],
)
def test_words_for_splits(word: str, split: str | None) -> None:
    assert split_named(word) == split


def test_classes_must_be_the_same_unless_there_are_none() -> None:
    refuse_unequal_classes({"train": "ab", "test": "ba", "val": ""}, "here", "do")
    with pytest.raises(ValueError, match=r"here: class 'c' is in val .* train \(2 such.*; do it"):
        refuse_unequal_classes({"train": "ab", "val": "abcd"}, "here", "do it")


def shared(root: Path, **contents: bytes) -> None:
    """Write ``train_1=...`` as a file 1 of train, and look for twins."""
    files = []
    for name, content in contents.items():
        path = root / name
        path.write_bytes(content)
        files.append(SplitFile(name.partition("_")[0], name, path))
    refuse_shared_videos([*files, SplitFile("test", "gone", root / "gone")], "here")


def test_the_same_content_in_two_splits(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"'train_a' \(train\) and 'test_b' \(test\).*1 such in all"
    ):
        shared(tmp_path, train_a=b"one", train_c=b"two", test_b=b"one")


def test_what_has_the_same_ends_is_read_whole_and_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splits, "_END_BYTES", 2)
    read: list[str] = []
    digest = splits._digest

    def noted(path: Path) -> bytes:
        read.append(path.name)
        return digest(path)

    monkeypatch.setattr(splits, "_digest", noted)
    alike = {"train_a": b"aa1bb", "test_a": b"aa2bb", "test_b": b"aa3bb"}
    shared(tmp_path, **alike, test_d=b"cc1bb", train_c=b"", test_c=b"")
    assert sorted(read) == ["test_a", "test_b", "train_a"]
    with pytest.raises(ValueError, match=r"'train_a' \(train\) and 'test_b' \(test\)"):
        shared(tmp_path, **{**alike, "test_b": b"aa1bb"})


def test_twins_within_one_split_are_no_fault_of_the_splits(tmp_path: Path) -> None:
    twins = [SplitFile("train", name, tmp_path / name) for name in ("a", "b")]
    for file in twins:
        file.path.write_bytes(b"one")
    assert splits._across_splits(twins, splits._digest) == []
    divided = [twins[0], twins[1]._replace(split="test")]
    assert splits._across_splits(divided, splits._digest) == [divided]


def test_only_twins_in_size_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(splits, "_digest_of_ends", lambda path: read.append(path.name))
    shared(tmp_path, train_a=b"one", train_b=b"two", test_a=b"four", test_b=b"fifth")
    assert read == []
