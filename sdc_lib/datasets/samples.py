"""The small real clips that are part of the repository."""

from __future__ import annotations

from pathlib import Path


def sample_clips(root: Path | None = None) -> dict[str, Path]:
    """Find the clips in ``data/clips``.

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
