"""Evaluation of pretrained networks: probes, fine-tuning, retrieval, disentanglement, concepts.

Notebook 07 explains this package.
"""

from sdc_lib.evaluation.classification import Classification
from sdc_lib.evaluation.clip_source import ClipSettings
from sdc_lib.evaluation.disentanglement import (
    Disentanglement,
    disentanglement,
    measure_disentanglement,
)
from sdc_lib.evaluation.feature_store import Features, load_features, save_features
from sdc_lib.evaluation.features import extract_features
from sdc_lib.evaluation.linear import LinearProbeConfig, linear_probe

__all__ = [
    "Classification",
    "ClipSettings",
    "Disentanglement",
    "Features",
    "LinearProbeConfig",
    "disentanglement",
    "extract_features",
    "linear_probe",
    "load_features",
    "measure_disentanglement",
    "save_features",
]
