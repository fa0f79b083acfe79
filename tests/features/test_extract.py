from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sdc_lib.augment import normalize
from sdc_lib.datasets.base import LeftOut, VideoDataset, VideoFile
from sdc_lib.datasets.clips import EvalClips, EvalSample
from sdc_lib.evaluation import ClipSettings, extract_features, load_features, save_features
from sdc_lib.evaluation.localisation import untrained_heads
from sdc_lib.evaluation.opening import open_weights
from sdc_lib.features.extract import feature_key, weights_hash
from sdc_lib.model import SDC, build_model
from sdc_lib.presets import PRESETS
from sdc_lib.video import VideoError
from sdc_lib.weights import export_model, load
from tests.helpers.small_runs import changed
from tests.helpers.small_world import CLIPS

World = tuple[VideoDataset, VideoDataset]


def test_a_video_feature_is_the_mean_of_unit_clip_features(model: SDC, world: World) -> None:
    features = extract_features(model, world[1], CLIPS)
    sample = EvalClips(world[1], num_frames=4, size=16)[2]
    model.eval()
    with torch.no_grad():
        pooled, _, scores = model.encode(normalize(sample.clips), "dynamic")
    unit = pooled / pooled.norm(dim=1, keepdim=True)
    assert len(sample.clips) > 5
    np.testing.assert_allclose(features.pooled["dynamic"][2], unit.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(features.scores["dynamic"][2], scores.mean(0), rtol=1e-4, atol=1e-6)
    assert features.names == tuple(file.name for file in world[1])
    assert features.targets("motion").tolist() == [0, 0, 1, 1]
    assert features.targets().tolist() == [0, 1, 0, 1]


def test_differences_begin_as_they_did_in_training(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = changed(data={"boundary": "zero"})
    saved = export_model(build_model(config.model), config, tmp_path / "zero.safetensors", {})
    zero, wrap = load(saved), load(saved)
    assert zero.boundary == "zero"
    wrap.boundary = "wrap"
    cache = tmp_path / "cache"
    first = extract_features(zero, world[1], CLIPS, cache_dir=cache).pooled
    other = extract_features(wrap, world[1], CLIPS, cache_dir=cache).pooled
    np.testing.assert_array_equal(first["video"], other["video"])
    assert np.abs(first["dynamic"] - other["dynamic"]).max() > 1e-4
    assert untrained_heads(zero, config.model).boundary == "zero"
    monkeypatch.setitem(PRESETS, "zero", config)
    assert open_weights("random:zero")[0].boundary == "zero"


def test_extraction_leaves_the_network_bit_identical_and_in_its_mode(
    model: SDC, world: World
) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    extract_features(model, world[1], CLIPS)
    assert model.training
    assert any("running_mean" in name for name in before)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_weights_in_float64_are_evaluated_in_float64(model: SDC, world: World) -> None:
    single = extract_features(model, world[1], CLIPS)
    double = extract_features(model.double(), world[1], CLIPS)
    for stream in single.pooled:
        np.testing.assert_allclose(double.pooled[stream], single.pooled[stream], atol=1e-5)
        np.testing.assert_allclose(double.scores[stream], single.scores[stream], atol=1e-5)
    clips = torch.rand(2, 3, 4, 16, 16)
    assert model.eval().encode(clips, "dynamic").scores.dtype == torch.float64


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 0), (7, 0), (64, 2)])
def test_neither_batch_size_nor_workers_change_features(
    model: SDC, world: World, batch_size: int, workers: int
) -> None:
    usual = extract_features(model, world[1], CLIPS)
    other = extract_features(model, world[1], CLIPS, batch_size=batch_size, workers=workers)
    for stream in ("video", "static", "dynamic"):
        np.testing.assert_allclose(usual.pooled[stream], other.pooled[stream], atol=1e-6)
        np.testing.assert_allclose(usual.scores[stream], other.scores[stream], atol=1e-6)


def test_further_videos_do_not_change_the_features_of_others(model: SDC, world: World) -> None:
    few = extract_features(model, world[0].subset(range(3)), CLIPS)
    all_of_them = extract_features(model, world[0], CLIPS)
    np.testing.assert_allclose(few.pooled["video"], all_of_them.pooled["video"][:3], atol=1e-6)


def test_the_cache_depends_on_weights_videos_and_clips(
    model: SDC, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = extract_features(model, world[1], CLIPS, cache_dir=tmp_path)
    key = feature_key(model, world[1], CLIPS, ["video"])
    assert key != feature_key(model, world[0], CLIPS, ["video"])
    assert key != feature_key(model, world[1], ClipSettings(4, 16, clips="ten"), ["video"])
    monkeypatch.setattr("sdc_lib.features.extract.encode_clips", None)  # must not be needed
    again = extract_features(model, world[1], CLIPS, cache_dir=tmp_path)
    assert str(first) == str(again)
    np.testing.assert_array_equal(first.scores["static"], again.scores["static"])
    before = weights_hash(model)
    with torch.no_grad():
        model.backbone.get_buffer("stem.1.running_mean")[0] += 1
    assert weights_hash(model) != before


def test_unreadable_videos_are_counted_and_named(model: SDC, world: World, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    files = [*world[1], VideoFile(broken, "broken.mp4", 0, factors={"appearance": 0, "motion": 0})]
    dataset = VideoDataset(
        "world",
        tmp_path,
        "test",
        files,
        world[1].class_names,
        world[1].factor_names,
        [LeftOut("gone.mp4", "missing")],
    )
    features = extract_features(model, dataset, CLIPS)
    assert len(features) == 4
    assert features.official == 6
    assert "4 of 6 videos" in str(features)
    assert features.left_out[0] == "gone.mp4: missing"
    assert "broken.mp4" in features.left_out[1]


def test_a_video_that_vanished_is_left_out_with_a_cache_too(
    model: SDC, world: World, tmp_path: Path
) -> None:
    gone = VideoFile(tmp_path / "gone.mp4", "gone.mp4", 0, factors={"appearance": 0, "motion": 0})
    names = world[1].class_names, world[1].factor_names
    dataset = VideoDataset("world", tmp_path, "test", [*world[1], gone], *names)
    for _ in range(2):
        features = extract_features(model, dataset, CLIPS, cache_dir=tmp_path / "cache")
        (line,) = features.left_out
        assert "gone.mp4" in line
        assert (len(features), features.official) == (4, 5)
    gone.path.write_bytes(world[1][0].path.read_bytes())
    whole = extract_features(model, dataset, CLIPS, cache_dir=tmp_path / "cache")
    assert (len(whole), whole.left_out) == (5, ())


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), VideoError("000.mp4", "x")])
def test_what_could_not_be_read_once_is_read_the_next_time(
    error: Exception, model: SDC, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: EvalClips, index: int) -> EvalSample:
        if index == 2:
            raise error
        return read(self, index)

    read = EvalClips.__getitem__
    with monkeypatch.context() as patched:
        patched.setattr(EvalClips, "__getitem__", fail)
        few = extract_features(model, world[1], CLIPS, cache_dir=tmp_path)
    assert (len(few), len(few.left_out)) == (3, 1)
    for _ in range(2):
        whole = extract_features(model, world[1], CLIPS, cache_dir=tmp_path)
        assert (len(whole), whole.left_out) == (4, ())
    assert len(list(tmp_path.glob("*.npz"))) == 1


def test_no_readable_video_is_an_error(model: SDC, world: World, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    dataset = VideoDataset("bad", tmp_path, "test", [VideoFile(broken, "broken.mp4")])
    with pytest.raises(ValueError, match=r"no video of bad/test could be read.*broken\.mp4"):
        extract_features(model, dataset, CLIPS)
    with pytest.raises(ValueError, match="has no videos"):
        extract_features(model, VideoDataset("none", tmp_path, "test", []), CLIPS)


def test_features_survive_a_file_and_a_subset(model: SDC, world: World, tmp_path: Path) -> None:
    features = extract_features(model, world[1], CLIPS)
    save_features(tmp_path / "f.npz", features)
    loaded = load_features(tmp_path / "f.npz")
    assert loaded.classes == features.classes
    assert loaded.groups == features.groups
    part = loaded.subset([3, 1])
    np.testing.assert_array_equal(part.pooled["video"], features.pooled["video"][[3, 1]])
    assert part.names == (features.names[3], features.names[1])
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"bad\.npz holds no features"):
        load_features(tmp_path / "bad.npz")
    with pytest.raises(ValueError, match="no labels 'colour'; it has: label, appearance, motion"):
        features.targets("colour")
