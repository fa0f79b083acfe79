"""Evaluation of pretrained networks: probes, fine-tuning, retrieval, disentanglement, concepts.

`evaluate` does all of it by name, from files, as ``sdc evaluate`` does. Notebook 07 explains this
package.
"""

from sdc_lib.evaluation.baselines import pixel_features, random_model, train_supervised
from sdc_lib.evaluation.classification import Classification
from sdc_lib.evaluation.concepts import (
    ConceptReport,
    Stability,
    analyse_concepts,
    attention_maps,
    stability,
)
from sdc_lib.evaluation.disentanglement import (
    Disentanglement,
    disentanglement,
    disentanglement_by_folds,
    measure_disentanglement,
)
from sdc_lib.evaluation.linear import LinearProbeConfig, linear_probe
from sdc_lib.evaluation.localisation import Localisation, localisation, untrained_heads
from sdc_lib.evaluation.online import FINETUNE, OnlineConfig, finetune, linear_online
from sdc_lib.evaluation.retrieval import Retrieval, knn, retrieve
from sdc_lib.evaluation.run import Evaluation, evaluate
from sdc_lib.evaluation.splits import carve_validation
from sdc_lib.features import (
    ClipSettings,
    Features,
    extract_features,
    load_features,
    save_features,
)

__all__ = [
    "FINETUNE",
    "Classification",
    "ClipSettings",
    "ConceptReport",
    "Disentanglement",
    "Evaluation",
    "Features",
    "LinearProbeConfig",
    "Localisation",
    "OnlineConfig",
    "Retrieval",
    "Stability",
    "analyse_concepts",
    "attention_maps",
    "carve_validation",
    "disentanglement",
    "disentanglement_by_folds",
    "evaluate",
    "extract_features",
    "finetune",
    "knn",
    "linear_online",
    "linear_probe",
    "load_features",
    "localisation",
    "measure_disentanglement",
    "pixel_features",
    "random_model",
    "retrieve",
    "save_features",
    "stability",
    "train_supervised",
    "untrained_heads",
]
