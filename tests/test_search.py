"""A folder of videos becomes vectors, and a video finds itself among them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdc_lib import VideoError
from sdc_lib.features.store import load_arrays, save_arrays
from sdc_lib.search import (
    Embeddings,
    embed_videos,
    load_embeddings,
    save_embeddings,
    search,
)
from tests.helpers.small_gallery import NAMES, folder, gallery, save_weights, weights

__all__ = ["folder", "gallery", "weights"]


def test_every_video_has_a_vector_for_every_stream(gallery: Embeddings) -> None:
    assert gallery.names == NAMES
    assert set(gallery.vectors) == {"video", "static", "dynamic"}
    assert all(len(vectors) == len(gallery) == 3 for vectors in gallery.vectors.values())
    assert gallery.scores["video"].shape == (3, 8)
    assert (gallery.clips.num_frames, gallery.clips.size) == (4, 32)


@pytest.mark.parametrize("stream", ["video", "static", "dynamic"])
def test_a_video_finds_itself_first(stream: str, gallery: Embeddings, folder: Path) -> None:
    for name in NAMES:
        matches = search(gallery, folder / name, stream=stream, top=2)  # type: ignore[arg-type]
        assert len(matches) == 2
        assert matches[0].name == name
        assert matches[0].similarity == pytest.approx(1.0, abs=1e-5)
        assert matches[1].similarity <= matches[0].similarity


def test_neighbours_are_those_of_the_stream(gallery: Embeddings, folder: Path) -> None:
    """The query's own vector stands at another video for every stream."""
    streams = list(gallery.vectors)
    vectors = {
        stream: np.stack([own[0] if row == place else -own[0] for row in range(3)])
        for place, (stream, own) in enumerate(gallery.vectors.items())
    }
    made = replace(gallery, vectors=vectors)
    found = [search(made, folder / NAMES[0], stream=s, top=1)[0] for s in streams]  # type: ignore[arg-type]
    assert [match.name for match in found] == list(NAMES)
    assert [match.similarity for match in found] == pytest.approx([1.0] * 3, abs=1e-5)


def test_file_gives_back_what_was_saved(gallery: Embeddings, tmp_path: Path) -> None:
    path = save_embeddings(tmp_path / "new" / "videos.npz", gallery)
    loaded = load_embeddings(path)
    assert [file.name for file in path.parent.iterdir()] == ["videos.npz"]
    for stream, vectors in gallery.vectors.items():
        np.testing.assert_array_equal(loaded.vectors[stream], vectors)
        np.testing.assert_array_equal(loaded.scores[stream], gallery.scores[stream])
    for field in ("names", "root", "weights", "sha256", "clips", "left_out"):
        assert getattr(loaded, field) == getattr(gallery, field)


def test_broken_videos_are_listed(weights: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "good.mp4").write_bytes((folder / NAMES[0]).read_bytes())
    (tmp_path / "torn.mp4").write_bytes(b"nothing to see here" * 50)
    made = embed_videos(weights, tmp_path, progress=False)
    assert made.names == ("good.mp4",)
    assert [line.split(":")[0] for line in made.left_out] == ["torn.mp4"]


def test_other_weights_are_refused(gallery: Embeddings, folder: Path, tmp_path: Path) -> None:
    other = save_weights(tmp_path / "other.safetensors", seed=1)
    with pytest.raises(ValueError, match="not the weights that made the embeddings"):
        search(gallery, folder / NAMES[0], weights=other)


def test_same_weights_elsewhere_are_fine(
    gallery: Embeddings, weights: Path, folder: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved.safetensors"
    moved.write_bytes(weights.read_bytes())
    assert search(gallery, folder / NAMES[1], weights=moved)[0].name == NAMES[1]


def test_embeddings_are_searched_from_another_folder(
    weights: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    given = Path(os.path.relpath(weights)), folder.name
    made = embed_videos(*given, progress=False)
    assert (Path(made.root), Path(made.weights)) == (folder.resolve(), weights.resolve())
    monkeypatch.chdir(tmp_path)
    assert search(made, folder / NAMES[2])[0].name == NAMES[2]


def test_weights_that_ship_are_kept_by_their_name(folder: Path) -> None:
    made = embed_videos("motion_factors_small", folder / NAMES[0], progress=False)
    assert made.weights == "motion_factors_small"


def test_a_run_is_never_kept_by_its_name(
    weights: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("model", "motion_factors_small"):
        Path(name).mkdir()
        file = Path(name, "model.safetensors")
        file.write_bytes(weights.read_bytes())
        made = embed_videos(name, folder / NAMES[0], progress=False)
        assert Path(made.weights) == file.resolve()


def test_weights_that_are_gone_are_asked_for(gallery: Embeddings, folder: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.safetensors made .* with weights= or --weights"):
        search(replace(gallery, weights="gone.safetensors"), folder / NAMES[0])


def test_what_cannot_be_searched(gallery: Embeddings, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="top is 0"):
        search(gallery, folder / NAMES[0], top=0)
    with pytest.raises(ValueError, match="stream is 'sound'"):
        search(gallery, folder / NAMES[0], stream="sound")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="there is none at"):
        search(gallery, tmp_path / "gone.mp4")
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(b"nothing to see here" * 50)
    with pytest.raises(VideoError, match=r"torn\.mp4"):
        search(gallery, torn)


def test_files_that_hold_no_embeddings(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", vectors=np.zeros(3))
    (tmp_path / "text.npz").write_text("no", encoding="utf-8")
    for name in ("other.npz", "text.npz"):
        with pytest.raises(ValueError, match=f"{name} holds no embeddings"):
            load_embeddings(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"no embeddings at .*gone\.npz; make it with sdc"):
        load_embeddings(tmp_path / "gone.npz")


def test_embeddings_replace_nothing_but_embeddings(
    gallery: Embeddings, folder: Path, tmp_path: Path
) -> None:
    path = save_embeddings(tmp_path / "videos.npz", gallery)
    assert save_embeddings(path, gallery) == path
    video = tmp_path / "v.mp4"
    video.write_bytes((folder / NAMES[0]).read_bytes())
    before = video.read_bytes()
    for target in (video, path.with_name("other.npz")):
        if target != video:
            np.savez(target, vectors=np.zeros(3))
        with pytest.raises(ValueError, match=rf"{target.name} is there and holds no embeddings"):
            save_embeddings(target, gallery)
    assert video.read_bytes() == before


def test_embeddings_of_an_earlier_version_load(gallery: Embeddings, tmp_path: Path) -> None:
    path = save_embeddings(tmp_path / "videos.npz", gallery)
    facts, groups = load_arrays(path)
    facts["checkpoint"] = facts.pop("weights")
    save_arrays(path, facts, groups)
    assert load_embeddings(path).weights == gallery.weights


def test_a_broken_archive_is_one_line(gallery: Embeddings, tmp_path: Path) -> None:
    path = save_embeddings(tmp_path / "videos.npz", gallery)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"videos\.npz holds no embeddings \(") as error:
        load_embeddings(path)
    assert "pickle" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_device_is_chosen_or_refused_by_name(
    gallery: Embeddings, folder: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    query = folder / gallery.names[0]
    assert search(gallery, query, device="auto")[0].name == gallery.names[0]
    with pytest.raises(ValueError, match="torch finds 0 CUDA devices; use auto or cpu"):
        embed_videos(weights, query, device="cuda", progress=False)
