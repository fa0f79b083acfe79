"""The model: a shared backbone, and heads that turn its features into concepts.

Losses live in `sdc_lib.objective`: the model only computes.
"""

from sdc_lib.model.heads import ConceptHeads, Descriptors, HeadsOutput
from sdc_lib.model.network import SDC, Encoded, build_model
from sdc_lib.model.released import load_released_weights, released_name

__all__ = [
    "SDC",
    "ConceptHeads",
    "Descriptors",
    "Encoded",
    "HeadsOutput",
    "build_model",
    "load_released_weights",
    "released_name",
]
