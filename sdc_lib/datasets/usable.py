"""Only what can be used: by the manifest beside the data, or else by a check in child processes.

Evaluation, embedding and search open no video that was not checked: a damaged file may crash the
process that decodes it, and with it hours of work.
"""

from __future__ import annotations

from pathlib import Path

from sdc_lib.config import DataConfig
from sdc_lib.datasets.base import VideoDataset
from sdc_lib.datasets.manifest import (
    Manifest,
    apply_manifest,
    check_dataset,
    nearest_manifest,
)
from sdc_lib.datasets.names import Split, open_dataset
from sdc_lib.datasets.verdicts import check_file
from sdc_lib.video import VideoInfo


def open_usable(
    config: DataConfig,
    data_dir: str | Path,
    split: Split,
    workers: int = 0,
    progress: bool = True,
) -> VideoDataset:
    """`open_dataset`, without files that cannot be used; see `usable`.

    MotionFactors is checked while it is made, and not again.
    """
    if config.dataset == "motion-factors":
        return open_dataset(config, data_dir, split)
    return usable(open_dataset(config, data_dir, split, checked=False), workers, progress=progress)


def usable(
    videos: VideoDataset,
    workers: int = 0,
    timeout: float = 120.0,
    progress: bool = True,
) -> VideoDataset:
    """The same data set without files that cannot be used; they are listed in ``left_out``.

    Files without a settled verdict in the manifest are decoded once in child processes, and the
    manifest keeps what was found; one that took too long is tried again where there is more time.

    Args:
        videos: The files, opened or not.
        workers: Child processes; 0 for one a core.
        timeout: Seconds that one file may take.
        progress: Show a bar.

    Raises:
        OSError: If the manifest cannot be written.
    """
    manifest = nearest_manifest(videos.root)
    if manifest is None or not all(_is_settled(manifest, file.path, timeout) for file in videos):
        manifest = check_dataset(videos, workers, timeout, progress)
    return apply_manifest(videos, manifest)


def _is_settled(manifest: Manifest, path: Path, timeout: float) -> bool:
    verdict = manifest.of(path)
    return verdict is not None and verdict.is_settled(path, timeout)


def usable_file(path: Path, timeout: float = 120.0) -> VideoInfo:
    """Describe one file, from the manifest beside it or else after a check in a child process.

    Raises:
        VideoError: If it cannot be used.
    """
    manifest = nearest_manifest(path.parent)
    if manifest is not None and _is_settled(manifest, path, timeout):
        return manifest.check(path)
    return check_file(path, timeout).info(path)
