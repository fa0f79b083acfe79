"""Files of a data set: which are videos, what lies below a folder, where a listed name is.

Nothing is passed over without a word: folders that cannot be read, links that lead in a circle and
files that are no videos are counted and named.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sdc_lib.datasets.base import LeftOut

VIDEO_SUFFIXES = frozenset(
    (
        *(".264", ".265", ".3g2", ".3gp", ".asf", ".avi", ".divx", ".f4v", ".flv", ".h264"),
        *(".h265", ".hevc", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4", ".mpe", ".mpeg"),
        *(".mpg", ".mts", ".mxf", ".ogv", ".qt", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
    )
)
"""How the names of video files end, in lower case."""

OWN_FILES = frozenset({"sdc_manifest.csv", "sdc_prepared.json"})
"""What `sdc data` writes beside the videos."""


def is_video(name: str | os.PathLike[str]) -> bool:
    """Whether a name ends like that of a video file."""
    return os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES


@dataclass(frozen=True)
class Walk:
    """What lies below a folder; hidden files and folders do not count.

    Attributes:
        videos: Files that end like videos, sorted by name.
        others: All other files, sorted by name.
        empty: Folders without anything in them.
        left_out: Folders that were not entered, and why.
    """

    videos: tuple[Path, ...]
    others: tuple[Path, ...]
    empty: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]

    def notes(self) -> tuple[str, ...]:
        """One line about files that are no videos, if there are any."""
        ends = Counter(path.suffix.lower() or "no suffix" for path in self.others)
        if not ends:
            return ()
        kinds = ", ".join(f"{number} {end}" for end, number in sorted(ends.items()))
        return (f"no videos by their names, not looked at: {kinds}",)


def walk(folder: Path) -> Walk:
    """List a folder and all folders below it, links to folders included.

    A link that leads back to a folder around it is not followed.
    """
    videos: list[Path] = []
    others: list[Path] = []
    empty: list[Path] = []
    left_out: list[LeftOut] = []

    def unreadable(error: OSError) -> None:
        name = Path(os.path.relpath(error.filename, folder)).as_posix()
        left_out.append(LeftOut(name, f"the folder cannot be read: {error.strerror}"))

    for parent, folders, names in os.walk(folder, onerror=unreadable, followlinks=True):
        if not folders and not names:
            empty.append(Path(parent))
        entered = []
        for name in sorted(folders):
            path = os.path.join(parent, name)
            if name.startswith("."):
                continue
            if os.path.islink(path) and _leads_back(path):
                inside = Path(os.path.relpath(path, folder)).as_posix()
                left_out.append(LeftOut(inside, "a link back to a folder around it"))
            else:
                entered.append(name)
        folders[:] = entered
        for name in names:
            if not name.startswith(".") and name not in OWN_FILES:
                (videos if is_video(name) else others).append(Path(parent, name))

    def in_order(paths: list[Path]) -> tuple[Path, ...]:
        return tuple(sorted(paths, key=lambda path: path.relative_to(folder).as_posix()))

    return Walk(in_order(videos), in_order(others), tuple(sorted(empty)), tuple(left_out))


def videos_below(folder: Path) -> Walk:
    """`walk` a folder that must hold videos.

    Raises:
        ValueError: It is no folder, or holds none; the message says what else is there.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder of videos")
    found = walk(folder)
    if not found.videos:
        reasons = [*found.notes(), *(f"{out.name}: {out.cause}" for out in found.left_out[:3])]
        ends = ", ".join(sorted(VIDEO_SUFFIXES))
        raise ValueError(f"{folder} holds no videos ({'; '.join([ends, *reasons])})")
    return found


def _leads_back(link: str) -> bool:
    """Whether a link to a folder leads to one that it lies in, on the way that led to it."""
    target = os.path.realpath(link)
    above = os.path.abspath(os.path.dirname(link))
    while True:
        if os.path.realpath(above) == target:
            return True
        if os.path.dirname(above) == above:
            return False
        above = os.path.dirname(above)


class FileFinder:
    """Finds listed files below a folder, reading every folder only once.

    A name matches exactly, or else with other capitals (``HandStandPushups`` is in a folder
    ``HandstandPushups``), other composition of accents or another encoding of the name on disk, or
    else with another video suffix (prepared or converted copies).

    Args:
        folder: Where to look.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listings: dict[str, dict[str, str]] = {}
        self._unreadable: dict[str, str] = {}

    def find(self, names: Iterable[str]) -> Path | None:
        """The first of some relative paths, with forward slashes, that exists, or ``None``."""
        for name in names:
            *folders, last = name.split("/")
            place: str | None = os.fspath(self._folder)
            for part in folders:
                place = self._entry(place, part) if place else None
            found = self._file(place, last) if place else None
            if found:
                return Path(found)
        return None

    def absence(self, name: str) -> str:
        """Why a name is not found: a folder on the way that cannot be read, or nothing there."""
        place: str | None = os.fspath(self._folder)
        for part in name.split("/"):
            found = self._entry(place, part) if place else None
            if place in self._unreadable:
                return f"the folder {place} cannot be read: {self._unreadable[place]}"
            place = found
        return f"missing: {self._folder / name}"

    def _entry(self, folder: str, name: str) -> str | None:
        listing = self._listing(folder)
        actual = listing.get(name) or listing.get(_alike(name))
        return None if actual is None else os.path.join(folder, actual)

    def _file(self, folder: str, name: str) -> str | None:
        exact = self._entry(folder, name)
        if exact:
            return exact
        stem = os.path.splitext(name)[0] if is_video(name) else name
        others = (self._entry(folder, f"{stem}{end}") for end in sorted(VIDEO_SUFFIXES))
        return next((path for path in others if path), None)

    def _listing(self, folder: str) -> dict[str, str]:
        """Names in a folder, each under itself and under what `_alike` makes of it."""
        if folder not in self._listings:
            try:
                names = sorted(os.listdir(folder))
            except (FileNotFoundError, NotADirectoryError):
                names = []
            except OSError as error:
                names = []
                self._unreadable[folder] = error.strerror or str(error)
            alike = {_alike(name): name for name in reversed(names)}
            self._listings[folder] = alike | {name: name for name in names}
        return self._listings[folder]


def _alike(name: str) -> str:
    """A name without what differs between systems: capitals, accents in two parts, encoding."""
    raw = os.fsencode(name)
    with_accents = name if raw.isascii() or _is_utf8(raw) else raw.decode("latin-1")
    return unicodedata.normalize("NFC", with_accents).casefold()


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
