"""The parameters of a notebook: checked where they are read, with one line for a wrong one."""

from collections.abc import Sequence
from pathlib import Path

from sdc_lib.datasets.names import known, open_dataset, own_folder
from sdc_lib.presets import PRESETS
from sdc_lib.support.devices import pick_device

PROFILES = ("cpu", "gpu", "rehearsal")


class ParameterError(ValueError):
    """A parameter of a notebook is wrong; Jupyter shows the message and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def check_parameters(
    profile: str = "cpu",
    device: str = "auto",
    data_dir: str = "data",
    profiles: Sequence[str] = PROFILES,
) -> str:
    """Check what a notebook was given, before anything is computed.

    Args:
        profile: The notebook's ``PROFILE``.
        device: Its ``DEVICE``; in the profile ``"gpu"``, ``"auto"`` must find one.
        data_dir: Its ``DATA_DIR``.
        profiles: Those that it has.

    Returns:
        The device as torch knows it.

    Raises:
        ParameterError: Which parameter is wrong, its value, and what would be right.
    """
    if profile not in profiles:
        raise ParameterError(f"PROFILE is {profile!r}; it must be one of {', '.join(profiles)}")
    if not Path(data_dir).is_dir():
        raise ParameterError(
            f"DATA_DIR is {data_dir!r}, but there is no such folder; it must be the folder in "
            "which data sets are, or are to be made"
        )
    try:
        found = pick_device(device)
    except ValueError as error:
        raise ParameterError(f"DEVICE: {error}") from None
    if profile == "gpu" and device == "auto" and found == "cpu":
        raise ParameterError(
            "PROFILE is 'gpu', but torch finds no GPU here; use PROFILE='rehearsal' to try the "
            "same cells at toy size, or DEVICE='cpu' if you mean it"
        )
    return found


def choose_preset(preset: str, data_dir: str, otherwise: str = "motion_factors") -> str:
    """The preset that was asked for, or the one for the data that is there; its data is opened.

    Args:
        preset: The notebook's ``PRESET``; empty for a choice by data.
        data_dir: Where data sets are.
        otherwise: What is chosen where there is no UCF-101.

    Returns:
        ``preset``; or ``"ucf101"`` where the folder holds UCF-101; or ``otherwise``.

    Raises:
        ParameterError: If there is no such preset, or not all of its data: what was expected where.
    """
    if not preset:
        found = own_folder(Path(data_dir), "ucf101") != Path(data_dir)
        preset = "ucf101" if found else otherwise
    if preset not in PRESETS:
        raise ParameterError(f"PRESET is {preset!r}; it must be one of {', '.join(PRESETS)}")
    data = PRESETS[preset].data
    if known(data.dataset).videos:  # MotionFactors is made where it is missing
        try:
            open_dataset(data, data_dir, checked=False)
        except ValueError as error:
            raise ParameterError(f"DATA_DIR is {data_dir!r}: {error}") from None
    return preset
