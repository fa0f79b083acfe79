"""`sdc embed`, `sdc search` and `sdc atlas` from the command line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sdc_lib.commands.app import main
from tests.helpers.small_gallery import NAMES, folder, weights

__all__ = ["folder", "weights"]


def test_embed_and_search_from_the_command_line(
    weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "videos.npz"
    options = ["--out", str(out), "--workers", "0", "--device", "cpu"]
    assert main(["embed", str(weights), str(folder), *options]) == 0
    assert f"3 of 3 videos are in {out}" in capsys.readouterr().out
    assert main(["search", str(out), str(folder / NAMES[2]), "--top", "1", "--device", "cpu"]) == 0
    assert capsys.readouterr().out.split() == ["1", "1.000", str(folder / NAMES[2])]
    assert main(["search", str(out), str(tmp_path / "gone.mp4")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_match_is_one_line_whatever_its_name(
    weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "videos" / "a\n\x1bé.mp4"
    odd.parent.mkdir()
    shutil.copy(folder / NAMES[2], odd)
    out = str(tmp_path / "videos.npz")
    embed = ["embed", str(weights), str(odd.parent), "--out", out, "--workers", "0"]
    assert main([*embed, "--device", "cpu"]) == 0
    capsys.readouterr()
    assert main(["search", out, str(folder / NAMES[2]), "--device", "cpu"]) == 0
    assert capsys.readouterr().out == f"  1   1.000  {odd.parent}{os.sep}a\\n\\x1bé.mp4\n"


def test_atlas_from_the_command_line(
    weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "atlas.html"
    data = ["--dataset", "folder", "--data-dir", str(folder), "--split", "all"]
    assert (
        main(
            [
                "atlas",
                str(weights),
                "--out",
                str(out),
                "--top",
                "1",
                "--workers",
                "0",
                "--device",
                "cpu",
                *data,
            ]
        )
        == 0
    )
    assert f"wrote {out}" in capsys.readouterr().out
    assert any(name in out.read_text(encoding="utf-8") for name in NAMES)


def test_atlas_looks_through_the_size_that_is_asked_for(weights: Path, tmp_path: Path) -> None:
    page = tmp_path / "atlas.html"
    options = ["--out", str(page), "--data-dir", str(tmp_path), "--device", "cpu"]
    assert main(["atlas", str(weights), "--size", "toy", "--top", "1", *options]) == 0
    assert "of motion-factors-toy/test" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("target", ["video", "weights", "folder", "file below"])
def test_embed_never_writes_over_an_input(
    target: str, weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = tmp_path / "v.mp4"
    video.write_bytes((folder / NAMES[0]).read_bytes())
    out = {"video": video, "weights": weights, "folder": tmp_path, "file below": video / "x.npz"}
    before = video.read_bytes(), weights.read_bytes()
    assert main(["embed", str(weights), str(video), "--out", str(out[target])]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(out[target]) in error
    assert (video.read_bytes(), weights.read_bytes()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]


def test_embed_lists_what_it_leaves_out(
    weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "good.mp4").write_bytes((folder / NAMES[0]).read_bytes())
    (tmp_path / "videos" / "torn.mp4").write_bytes(b"nothing to see here" * 50)
    out = tmp_path / "v.npz"
    options = ["--out", str(out), "--workers", "0", "--device", "cpu"]
    assert main(["embed", str(weights), str(tmp_path / "videos"), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("left out: torn.mp4: broken: ")
    assert lines[1:] == [f"1 of 2 videos are in {out}"]


def test_atlas_replaces_nothing_but_a_page(
    weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    data = ["--dataset", "folder", "--data-dir", str(folder), "--device", "cpu"]
    assert main(["atlas", str(weights), "--out", str(notes), *data]) == 1
    assert capsys.readouterr().err == f"sdc: {notes} is there and is no page; give a new name\n"
    assert notes.read_text() == "mine"
