"""Evaluation of pretrained networks: probes, fine-tuning, retrieval, disentanglement, concepts.

`evaluate` in `sdc_lib.evaluation.run` does all of it by name, from files. Notebook 07 explains this
package.
"""

from sdc_lib.evaluation.baselines import pixel_features, random_model, train_supervised
from sdc_lib.evaluation.classification import Classification
from sdc_lib.evaluation.concepts import (
    ConceptReport,
    Stability,
    analyse_concepts,
    concept_maps,
    stability,
)
from sdc_lib.evaluation.disentanglement import (
    Disentanglement,
    disentanglement,
    measure_disentanglement,
)
from sdc_lib.evaluation.linear import LinearProbeConfig, linear_probe
from sdc_lib.evaluation.online import FINETUNE, OnlineConfig, finetune, linear_online
from sdc_lib.evaluation.retrieval import Retrieval, knn, retrieve
from sdc_lib.evaluation.splits import carve_validation
from sdc_lib.features.clips import ClipSettings
from sdc_lib.features.extract import extract_features
from sdc_lib.features.store import Features, load_features, save_features

__all__ = [
    "FINETUNE",
    "Classification",
    "ClipSettings",
    "ConceptReport",
    "Disentanglement",
    "Features",
    "LinearProbeConfig",
    "OnlineConfig",
    "Retrieval",
    "Stability",
    "analyse_concepts",
    "carve_validation",
    "concept_maps",
    "disentanglement",
    "extract_features",
    "finetune",
    "knn",
    "linear_online",
    "linear_probe",
    "load_features",
    "measure_disentanglement",
    "pixel_features",
    "random_model",
    "retrieve",
    "save_features",
    "stability",
    "train_supervised",
]
