"""Any folder of videos, with or without one subfolder per class, in one part or in splits."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from sdc_lib.datasets.base import LeftOut, VideoDataset, VideoFile
from sdc_lib.datasets.files import Walk, videos_below
from sdc_lib.datasets.manifest import nearest_manifest
from sdc_lib.datasets.splits import (
    SplitFile,
    refuse_shared_videos,
    refuse_unequal_classes,
    split_named,
)
from sdc_lib.video import VideoError, VideoInfo, probe

Check = Callable[[Path], VideoInfo]


class _Video(NamedTuple):
    path: Path
    name: str
    split: str | None
    """``None`` outside the folders of splits."""
    label: str | None
    """Name of the class; ``None`` beside the folders of classes."""


class VideoFolder(VideoDataset):
    """All videos below a folder.

    The names of the top subfolders are the classes; a video beside them has none. Where there are
    no subfolders, there are no labels. Folders ``train``, ``val`` and ``test`` at the top are
    splits with the same classes each, numbered alike. Hidden files are ignored; what cannot be
    opened, links in a circle and files without a video's suffix are counted and named.

    Args:
        root: The folder.
        split: ``"train"``, ``"val"``, ``"test"`` or ``"all"``; a folder without splits is all for
            training.
        check: Called with every file, returns its description or raises ``VideoError``; by
            default what ``sdc data check`` wrote down, or else `probe`.
        progress: Show a bar when it takes more than two seconds.

    Raises:
        ValueError: ``root`` is no folder, holds no videos, or none that can be read; there is no
            such split, or val or test differ from train in their classes or share a video with it.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "all",
        check: Check | None = None,
        progress: bool = True,
    ) -> None:
        folder = Path(root)
        found = videos_below(folder)
        split_of = _split_folders(folder)
        videos = [_Video(p, *_place(p.relative_to(folder), split_of)) for p in found.videos]
        by_split = _class_names(videos, found, folder, split_of)
        if split_of and split in ("val", "test"):
            advice = "add an empty folder for a class that is missing on purpose"
            refuse_unequal_classes(by_split, str(folder), advice)
            files = [SplitFile(v.split, v.name, v.path) for v in videos if v.split]
            refuse_shared_videos(files, str(folder))
        classes = sorted(set().union(*by_split.values()))
        chosen = _of_split(videos, split, folder, split_of)
        opened, broken = _open(chosen, classes, check or _default_check(folder), progress)
        if not opened:
            raise ValueError(
                f"{folder}: none of {len(chosen)} videos can be read; {broken[0].name}: "
                f"{broken[0].cause}"
            )
        super().__init__(
            folder.resolve().name,
            folder,
            split,
            opened,
            classes,
            left_out=broken,
            notes=[
                *_out_of_place(videos, chosen, split_of),
                *_not_entered(found, split, split_of),
                *found.notes(),
            ],
        )

    @staticmethod
    def splits_in(root: str | os.PathLike[str]) -> tuple[str, ...]:
        """The parts of a folder; a folder without splits is all for training."""
        folder = Path(root)
        found = _split_folders(folder).values() if folder.is_dir() else ()
        return tuple(split for split in ("train", "val", "test") if split in found) or ("train",)


def _split_folders(folder: Path) -> dict[str, str]:
    """The split of every subfolder that is one; empty where the subfolders are classes."""
    folders = [p.name for p in sorted(folder.iterdir()) if p.is_dir() and p.name[0] != "."]
    split_of = {name: split for name in folders if (split := split_named(name))}
    for split in set(split_of.values()):
        names = [name for name in split_of if split_of[name] == split]
        if len(names) > 1:
            raise ValueError(f"{folder} holds two folders for {split}: {', '.join(names)}")
    splits = set(split_of.values())
    return split_of if "train" in splits or len(split_of) == len(folders) else {}


def _place(inside: Path, split_of: Mapping[str, str]) -> tuple[str, str | None, str | None]:
    """Name, split and class of a video by its path below the folder."""
    folders: Sequence[str] = inside.parts[:-1]
    split = None
    if split_of:
        split = split_of.get(folders[0]) if folders else None
        folders = folders[1:] if split else ()
    label = unicodedata.normalize("NFC", folders[0]) if folders else None
    return inside.as_posix(), split, label


def _class_names(
    videos: Iterable[_Video], found: Walk, folder: Path, split_of: Mapping[str, str]
) -> dict[str, set[str]]:
    """The classes of every split, those of empty folders included."""
    classes: dict[str, set[str]] = {split: set() for split in split_of.values()} or {"all": set()}
    for video in videos:
        if video.label and (video.split or not split_of):
            classes[video.split or "all"].add(video.label)
    for path in found.empty:
        _, split, label = _place(path.relative_to(folder) / "nothing", split_of)
        if split and label:
            classes[split].add(label)
    return classes


def _of_split(
    videos: list[_Video], split: str, folder: Path, split_of: Mapping[str, str]
) -> list[_Video]:
    if split == "all" or (split == "train" and not split_of):
        return videos
    if not split_of:
        raise ValueError(
            f"{folder} has no split {split!r}, for it has no parts: only train and all"
        )
    chosen = [video for video in videos if video.split == split]
    if not chosen:
        known = ", ".join(sorted({video.split for video in videos if video.split}))
        raise ValueError(f"{folder} holds no videos in a folder {split}; it has {known or 'none'}")
    return chosen


def _default_check(folder: Path) -> Check:
    known = nearest_manifest(folder)
    return probe if known is None else known.check


def _open(
    videos: list[_Video], classes: Sequence[str], check: Check, progress: bool
) -> tuple[list[VideoFile], list[LeftOut]]:
    """Look at every file once; files that can be used, and those that cannot."""
    files: list[VideoFile] = []
    broken: list[LeftOut] = []
    for video in tqdm(videos, "checking videos", unit="video", delay=2, disable=not progress):
        try:
            info = check(video.path)
        except VideoError as error:
            broken.append(LeftOut(video.name, error.cause))
            continue
        label = classes.index(video.label) if video.label else None
        length = info.num_frames
        files.append(VideoFile(video.path, video.name, label, num_frames=length, info=info))
    return files, broken


def _out_of_place(
    videos: Sequence[_Video], chosen: Sequence[_Video], split_of: Mapping[str, str]
) -> list[str]:
    """Notes on videos beside the folders of splits or classes."""
    notes = []
    outside = {video.name: None for video in videos if split_of and not video.split}
    if outside:
        notes.append(f"{len(outside)} videos are in no split, the first: {next(iter(outside))}")
    beside = [video.name for video in chosen if not video.label and video.name not in outside]
    if beside and len(beside) < len(chosen):
        notes.append(f"{len(beside)} videos have no class, in no folder of one: {beside[0]}")
    return notes


def _not_entered(found: Walk, split: str, split_of: Mapping[str, str]) -> list[str]:
    """A note on folders whose videos are not known; those of other splits do not count."""
    inside = {out.name: split_of.get(out.name.split("/")[0], split) for out in found.left_out}
    named = [out for out in found.left_out if split == "all" or inside[out.name] == split]
    if not named:
        return []
    first = f"{named[0].name}: {named[0].cause}"
    return [f"folders that were not entered: {len(named)}, the first: {first}"]


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
