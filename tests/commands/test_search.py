"""`sdc embed`, `sdc search` and `sdc atlas` from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdc_lib.commands.app import main
from tests.small_gallery import NAMES, folder, weights

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
