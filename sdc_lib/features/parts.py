"""Encoded samples in files, part by part, so that hours of encoding survive a crash."""

from collections.abc import Iterator
from pathlib import Path

import torch

from sdc_lib.features.cached_views import EncodedSamples
from sdc_lib.features.store import load_arrays, save_arrays
from sdc_lib.support.files import remove_leftovers


class PartFolder:
    """Files, each named after the number of samples before it.

    Args:
        path: The folder; made when something is written.
        made_from: Identifies weights and videos; files of others are not read, but replaced.
    """

    def __init__(self, path: Path, made_from: str) -> None:
        self.path = path
        self._made_from = made_from

    def read(self) -> Iterator[EncodedSamples]:
        """Parts from the first one on, up to one that is missing, damaged or of something else."""
        done = 0
        while True:
            try:
                facts, groups = load_arrays(self._file(done))
                arrays = {name: torch.from_numpy(rows) for name, rows in groups["views"].items()}
                part = EncodedSamples(arrays["pooled"], arrays.get("local"), arrays["indices"])
            except (FileNotFoundError, ValueError, KeyError):
                return
            if facts.get("made_from") != self._made_from:
                return
            yield part
            done += len(part.indices)

    def write(self, done: int, part: EncodedSamples) -> None:
        """Write a part that comes after so many samples.

        Raises:
            OSError: If it cannot be written.
        """
        remove_leftovers(self.path)
        arrays = {name: rows.numpy() for name, rows in part._asdict().items() if rows is not None}
        save_arrays(self._file(done), {"made_from": self._made_from}, {"views": arrays})

    def _file(self, done: int) -> Path:
        return self.path / f"{done:09}.npz"
