"""Features of a frozen network: of evaluation clips, and of training views.

`extract_features` gives one value with names, labels, features and scores of a split's videos;
`cache_views` and `cache_clips` keep what the backbone gives for training heads alone.
"""

from sdc_lib.features.cached_clips import CachedClips, cache_clips, rescore
from sdc_lib.features.cached_views import CachedViews, cache_views
from sdc_lib.features.clips import ClipSettings, ClipSource
from sdc_lib.features.extract import encode_clips, extract_features, weights_hash
from sdc_lib.features.store import Features, load_features, save_features

__all__ = [
    "CachedClips",
    "CachedViews",
    "ClipSettings",
    "ClipSource",
    "Features",
    "cache_clips",
    "cache_views",
    "encode_clips",
    "extract_features",
    "load_features",
    "rescore",
    "save_features",
    "weights_hash",
]
