"""Interactive figures for notebooks: every explorer follows its sliders without lag.

Needs the extra ``notebooks``. An explorer as the last value of a cell shows itself;
``explorer.show(alt="...")`` adds its static twin, ``explorer.static()`` is that figure alone.
"""

try:
    import ipywidgets  # noqa: F401
except ImportError as error:
    raise ImportError(
        "sdc_lib.explore needs ipywidgets: pip install -e '.[notebooks]' in the clone"
    ) from error

from sdc_lib.explore.attention import AttentionExplorer
from sdc_lib.explore.base import Explorer
from sdc_lib.explore.clip import ClipExplorer
from sdc_lib.explore.codebook import CodebookExplorer
from sdc_lib.explore.neighbours import NeighbourExplorer
from sdc_lib.explore.sinkhorn import SinkhornExplorer
from sdc_lib.explore.training import TrainingMonitor

__all__ = [
    "AttentionExplorer",
    "ClipExplorer",
    "CodebookExplorer",
    "Explorer",
    "NeighbourExplorer",
    "SinkhornExplorer",
    "TrainingMonitor",
]
