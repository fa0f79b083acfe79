"""Any folder of videos, with or without one subfolder per class."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from sdc_lib.datasets.base import LeftOut, VideoDataset, VideoFile
from sdc_lib.video import VideoError, VideoInfo, probe

VIDEO_SUFFIXES = frozenset({".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg"}) | frozenset(
    {".mpg", ".ogv", ".ts", ".webm", ".wmv", ".3gp"}
)


class VideoFolder(VideoDataset):
    """All videos below a folder.

    Where every video is inside a subfolder, the names of the top subfolders are the classes;
    where any video lies directly in the folder, there are no labels. Hidden files are ignored,
    files without a video's suffix too. Files that cannot be opened are left out, and listed.

    Args:
        root: The folder.
        split: Name given to it.
        check: Called with every file, returns its description or raises ``VideoError``.
        progress: Show a bar when it takes more than two seconds.

    Raises:
        ValueError: ``root`` is no folder, holds no videos, or none that can be read.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "all",
        check: Callable[[Path], VideoInfo] = probe,
        progress: bool = True,
    ) -> None:
        folder = Path(root)
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a folder of videos")
        paths = find_videos(folder)
        if not paths:
            raise ValueError(f"{folder} holds no videos ({', '.join(sorted(VIDEO_SUFFIXES))})")
        names = [path.relative_to(folder).as_posix() for path in paths]
        in_classes = all("/" in name for name in names)
        classes = sorted({name.split("/")[0] for name in names}) if in_classes else []
        files: list[VideoFile] = []
        left_out: list[LeftOut] = []
        bar = tqdm(paths, desc="checking videos", unit="video", delay=2, disable=not progress)
        for path, name in zip(bar, names, strict=True):
            try:
                info = check(path)
            except VideoError as error:
                left_out.append(LeftOut(name, error.cause))
                continue
            label = classes.index(name.split("/")[0]) if in_classes else None
            files.append(VideoFile(path, name, label, num_frames=info.num_frames))
        if not files:
            first = left_out[0]
            raise ValueError(
                f"{folder}: none of {len(paths)} videos can be read; {first.name}: {first.cause}"
            )
        super().__init__(folder.resolve().name, folder, split, files, classes, left_out=left_out)


def find_videos(folder: Path) -> list[Path]:
    """Files with a video's suffix below a folder, sorted by name, without hidden ones."""
    found: list[Path] = []
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link back up would go round for ever
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(parent, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_SUFFIXES
        ]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def sample_clips(root: Path | None = None) -> dict[str, Path]:
    """Find the small real clips that are part of the repository, in ``data/clips``.

    Args:
        root: Folder of the clips; by default that of the checkout this package is imported from.

    Returns:
        Paths by name without suffix, such as ``"pedestrians"`` and ``"big_buck_bunny"``.

    Raises:
        ValueError: The folder is not there, as when the package was installed without a checkout.
    """
    folder = root or Path(__file__).resolve().parents[2] / "data" / "clips"
    clips = {path.stem: path for path in sorted(folder.glob("*.mp4"))}
    if not clips:
        raise ValueError(
            f"{folder} holds no clips: they come with the repository, not with the installed "
            "package; clone it, or use a video of your own"
        )
    return clips
