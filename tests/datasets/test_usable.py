"""Only files are used that a manifest or a child process found whole; the others are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdc_lib.config import DataConfig
from sdc_lib.datasets import usable as module
from sdc_lib.datasets.folder import VideoFolder
from sdc_lib.datasets.manifest import MANIFEST_NAME, check_dataset, load_manifest, unopened
from sdc_lib.datasets.usable import open_usable, usable, usable_file
from sdc_lib.video import VideoError
from tests.conftest import NumberedWriter, write_numbered_video


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A good video, one that is cut in the middle, and one that is none."""
    folder = tmp_path / "videos"
    write_numbered_video(folder / "good.mp4", 20)
    whole = write_numbered_video(folder / "cut.mkv", 40).read_bytes()
    (folder / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    (folder / "text.mp4").write_bytes(b"nothing to see here" * 50)
    return folder


@pytest.mark.slow
def test_what_cannot_be_used_is_listed_and_remembered(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = usable(VideoFolder(root, check=unopened), workers=2, progress=False)
    assert [(file.name, file.num_frames) for file in videos] == [("good.mp4", 20)]
    assert [left.name for left in videos.left_out] == ["cut.mkv", "text.mp4"]
    assert all(left.cause.startswith("broken: ") for left in videos.left_out)
    assert load_manifest(root) is not None
    monkeypatch.setattr(module, "check_dataset", None)  # must not be needed again
    again = usable(VideoFolder(root, check=unopened), progress=False)
    assert (again.files, again.left_out) == (videos.files, videos.left_out)


@pytest.mark.slow
def test_only_new_files_are_checked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_dataset(VideoFolder(root, check=unopened), workers=1, progress=False)
    write_numbered_video(root / "new.mp4", 7)
    videos = usable(VideoFolder(root, check=unopened), workers=1, progress=False)
    assert [(file.name, file.num_frames) for file in videos] == [("good.mp4", 20), ("new.mp4", 7)]


@pytest.mark.slow
def test_a_data_set_is_opened_without_what_cannot_be_used(root: Path) -> None:
    videos = open_usable(DataConfig(dataset="folder"), root, "all", 1, progress=False)
    assert [file.name for file in videos] == ["good.mp4"]
    assert len(videos.left_out) == 2


@pytest.mark.slow
def test_one_file_is_checked_alone_and_leaves_nothing(
    root: Path, numbered_video: NumberedWriter
) -> None:
    info = usable_file(root / "good.mp4")
    assert (info.num_frames, info.width, info.height) == (20, 64, 48)
    with pytest.raises(VideoError, match=r"text\.mp4: "):
        usable_file(root / "text.mp4")
    assert not (root / MANIFEST_NAME).exists()


@pytest.mark.slow
def test_one_file_takes_its_verdict_from_the_manifest(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_dataset(VideoFolder(root, check=unopened), workers=1, progress=False)
    monkeypatch.setattr(module, "check_file", None)  # must not be needed
    assert usable_file(root / "good.mp4").num_frames == 20
    with pytest.raises(VideoError, match=r"cut\.mkv: "):
        usable_file(root / "cut.mkv")


@pytest.mark.slow
def test_links_to_nothing_are_listed_like_what_is_broken(root: Path, tmp_path: Path) -> None:
    (root / "circle.mp4").symlink_to(root / "circle.mp4")
    (root / "nothing.mp4").symlink_to(tmp_path / "gone.mp4")
    videos = usable(VideoFolder(root, check=unopened), workers=1, progress=False)
    assert [file.name for file in videos] == ["good.mp4"]
    causes = {left.name: left.cause for left in videos.left_out}
    assert "Too many levels of symbolic links" in causes["circle.mp4"]
    assert causes["nothing.mp4"] == "broken: No such file or directory"
    write_numbered_video(tmp_path / "gone.mp4", 5)
    again = usable(VideoFolder(root, check=unopened), workers=1, progress=False)
    assert [file.name for file in again] == ["good.mp4", "nothing.mp4"]
