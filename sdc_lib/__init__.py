"""Static and dynamic concepts from video without labels.

The method of Qian et al., ECCV 2022 (arXiv 2207.12795), complete: data, views, objective,
pretraining and evaluation.

Names are imported from their modules when they are first used, so that ``sdc --help`` answers at
once and ``sdc doctor`` works where a package is broken.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdc_lib.attention import ConceptAttention, local_contrast, select_concepts
    from sdc_lib.augment import ClipAugment, denormalize, normalize
    from sdc_lib.backbones import build_backbone
    from sdc_lib.codebook import ConceptCodebook, ScoreQueue, alignment, sinkhorn
    from sdc_lib.config import (
        AugmentConfig,
        CurriculumConfig,
        DataConfig,
        LossWeights,
        ModelConfig,
        ObjectiveConfig,
        OptimConfig,
        PretrainConfig,
    )
    from sdc_lib.contrast import info_nce
    from sdc_lib.model import SDC, ConceptHeads, HeadsOutput, build_model
    from sdc_lib.objective import LossTerms, SDCObjective
    from sdc_lib.presets import PRESETS
    from sdc_lib.pretraining import PretrainResult, pretrain
    from sdc_lib.regularizers import decorrelation, diversity, fidelity
    from sdc_lib.video import VideoError, VideoInfo, probe, read_clip
    from sdc_lib.views import assemble_views, frame_difference, six_views, static_view
    from sdc_lib.weights import export_model, load, load_released_weights

__all__ = [
    "PRESETS",
    "SDC",
    "AugmentConfig",
    "ClipAugment",
    "ConceptAttention",
    "ConceptCodebook",
    "ConceptHeads",
    "CurriculumConfig",
    "DataConfig",
    "HeadsOutput",
    "LossTerms",
    "LossWeights",
    "ModelConfig",
    "ObjectiveConfig",
    "OptimConfig",
    "PretrainConfig",
    "PretrainResult",
    "SDCObjective",
    "ScoreQueue",
    "VideoError",
    "VideoInfo",
    "alignment",
    "assemble_views",
    "build_backbone",
    "build_model",
    "decorrelation",
    "denormalize",
    "diversity",
    "export_model",
    "fidelity",
    "frame_difference",
    "info_nce",
    "load",
    "load_released_weights",
    "local_contrast",
    "normalize",
    "pretrain",
    "probe",
    "read_clip",
    "select_concepts",
    "sinkhorn",
    "six_views",
    "static_view",
]

_MODULES = {
    "attention": (
        "ConceptAttention",
        "local_contrast",
        "select_concepts",
    ),
    "augment": (
        "ClipAugment",
        "denormalize",
        "normalize",
    ),
    "backbones": ("build_backbone",),
    "weights": (
        "export_model",
        "load",
        "load_released_weights",
    ),
    "codebook": (
        "ConceptCodebook",
        "ScoreQueue",
        "alignment",
        "sinkhorn",
    ),
    "config": (
        "AugmentConfig",
        "CurriculumConfig",
        "DataConfig",
        "LossWeights",
        "ModelConfig",
        "ObjectiveConfig",
        "OptimConfig",
        "PretrainConfig",
    ),
    "contrast": ("info_nce",),
    "model": (
        "ConceptHeads",
        "HeadsOutput",
        "SDC",
        "build_model",
    ),
    "objective": (
        "LossTerms",
        "SDCObjective",
    ),
    "presets": ("PRESETS",),
    "pretraining": (
        "PretrainResult",
        "pretrain",
    ),
    "regularizers": (
        "decorrelation",
        "diversity",
        "fidelity",
    ),
    "video": (
        "VideoError",
        "VideoInfo",
        "probe",
        "read_clip",
    ),
    "views": (
        "assemble_views",
        "frame_difference",
        "six_views",
        "static_view",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, imported or not."""
    return sorted({*globals(), *__all__})
