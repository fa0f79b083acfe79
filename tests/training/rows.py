"""Rows of a log."""

from sdc_lib.training.log import COLUMNS, Row

HEALTHY = {
    "align_static": 1.0,
    "align_dynamic": 1.2,
    "perplexity_static": 9.0,
    "perplexity_dynamic": 8.0,
    "top_share": 0.3,
    "feature_std": 0.6,
}


def log_row(step: int, **changes: float) -> Row:
    row = dict.fromkeys(COLUMNS, 0.5)
    return {
        **row,
        "step": step,
        "epoch": (step - 1) // 4,
        "samples_per_s": 10,
        **HEALTHY,
        **changes,
    }
