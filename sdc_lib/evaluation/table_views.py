"""Further tables of the ledger: some metrics, or some records, of another table."""

from typing import NamedTuple

CELLS = tuple(
    f"{half} half, {factor}" for half in ("static", "dynamic") for factor in ("scene", "motion")
)
_FACTORS = ("scene", "motion", "appearance")
HALVES = tuple(f"{half} half, {factor}" for half in ("static", "dynamic") for factor in _FACTORS)
_STREAMS = ("video", "static", "dynamic")
FEATURES = tuple(f"{s} feature, {factor}" for s in _STREAMS for factor in _FACTORS)
_REAL = [f"{part}, {factor}" for part in ("half", "feature") for factor in ("scene", "gesture")]


class View(NamedTuple):
    """The records of a table, but only some of their metrics, or of them."""

    table: str
    metrics: tuple[str, ...]
    names: tuple[str, ...] = ()
    """Of the records that are shown; all when empty."""


VIEWS = {
    **{
        f"{table}_{part}": View(table, metrics)
        for table in ("disentanglement", "disentanglement_val", "from_scratch")
        for part, metrics in (
            ("halves", (*HALVES, "gap", "gap of raw scores")),
            ("features", FEATURES),
        )
    },
    "readme": View(
        "disentanglement",
        (*CELLS, "gap"),
        (
            "disentanglement-motion_factors_small",
            "disentanglement-motion_factors_small_decorrelated",
            "baseline-random-motion_factors_tiny",
            "baseline-supervised-motion_factors_tiny",
        ),
    ),
    "real_video_features": View(
        "real_video_grid",
        tuple(f"{stream} {c}" for stream in _STREAMS for c in _REAL[2:]),
    ),
    "real_video_halves": View(
        "real_video_grid",
        (*(f"{half} {cell}" for half in ("static", "dynamic") for cell in _REAL[:2]), "gap"),
    ),
}
