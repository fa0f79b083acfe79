"""The public names and the modules they live in; `sdc_lib/__init__.py` reads this file."""

from .attention import ConceptAttention as ConceptAttention
from .attention import local_contrast as local_contrast
from .attention import select_concepts as select_concepts
from .augment import ClipAugment as ClipAugment
from .augment import denormalize as denormalize
from .augment import normalize as normalize
from .backbones import build_backbone as build_backbone
from .codebook import ConceptCodebook as ConceptCodebook
from .codebook import ScoreQueue as ScoreQueue
from .codebook import alignment as alignment
from .codebook import sinkhorn as sinkhorn
from .config import AugmentConfig as AugmentConfig
from .config import CurriculumConfig as CurriculumConfig
from .config import DataConfig as DataConfig
from .config import LossWeights as LossWeights
from .config import ModelConfig as ModelConfig
from .config import ObjectiveConfig as ObjectiveConfig
from .config import OptimConfig as OptimConfig
from .config import PretrainConfig as PretrainConfig
from .contrast import info_nce as info_nce
from .model import SDC as SDC
from .model import ConceptHeads as ConceptHeads
from .model import HeadsOutput as HeadsOutput
from .model import build_model as build_model
from .model import load_released_weights as load_released_weights
from .objective import LossTerms as LossTerms
from .objective import SDCObjective as SDCObjective
from .presets import PRESETS as PRESETS
from .pretraining import PretrainResult as PretrainResult
from .pretraining import pretrain as pretrain
from .regularizers import decorrelation as decorrelation
from .regularizers import diversity as diversity
from .regularizers import fidelity as fidelity
from .video import VideoError as VideoError
from .video import VideoInfo as VideoInfo
from .video import probe as probe
from .video import read_clip as read_clip
from .views import assemble_views as assemble_views
from .views import frame_difference as frame_difference
from .views import six_views as six_views
from .views import static_view as static_view
from .weights import export_model as export_model
from .weights import load as load

__all__: list[str]
