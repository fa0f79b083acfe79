"""Weights: write and load files to share, and load those of the authors' code."""

from sdc_lib.model import load_released_weights, released_name
from sdc_lib.weights.files import (
    available,
    export_model,
    is_written,
    load,
    load_config,
    read_about,
    resolve,
)

__all__ = [
    "available",
    "export_model",
    "is_written",
    "load",
    "load_config",
    "load_released_weights",
    "read_about",
    "released_name",
    "resolve",
]
