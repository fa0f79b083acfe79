"""Figures in one look: every function returns a matplotlib figure, `show` puts it on the page.

Needs the extra ``notebooks``. A figure of the page ends with ``plots.show(figure, alt="...")``; a
clip that plays is the value of ``plots.player(clip, alt="...")``.
"""

try:
    import matplotlib  # noqa: F401
    import PIL  # noqa: F401
except ImportError as error:
    raise ImportError(
        "sdc_lib.plots needs matplotlib and Pillow: pip install -e '.[notebooks]' in the clone"
    ) from error

from sdc_lib.plots.architecture import architecture
from sdc_lib.plots.blocks import PARTS
from sdc_lib.plots.codebooks import codebooks
from sdc_lib.plots.concepts import (
    SinkhornStep,
    codebook_usage,
    perplexity,
    sinkhorn_steps,
    sinkhorn_trace,
)
from sdc_lib.plots.curves import ablation_bars, log_columns, loss_curves, moving_average
from sdc_lib.plots.dots import ablation_dots, factorial_cosines, filter_ranks
from sdc_lib.plots.frames import (
    concept_maps,
    difference_profile,
    retrieval_grid,
    show_clip,
    show_views,
    view_frames,
)
from sdc_lib.plots.galleries import AtlasRow, Hit, concept_atlas, retrieval_by_halves
from sdc_lib.plots.ghosts import ghost
from sdc_lib.plots.grid import image_grid
from sdc_lib.plots.learning import Onset, learning_order, onsets, progress
from sdc_lib.plots.pixels import difference_frames, overlay, to_frames
from sdc_lib.plots.players import Player, player
from sdc_lib.plots.showing import figure_image, figure_svg, image_tag, show
from sdc_lib.plots.style import (
    MARKERS,
    PALETTE,
    STREAM_COLOURS,
    STREAM_LINES,
    STREAM_TINTS,
    new_figure,
    use_style,
)
from sdc_lib.plots.tables import (
    confusion,
    disentanglement_table,
    embedding_2d,
    similarity_matrix,
)
from sdc_lib.plots.term_table import TermTable, term_table

__all__ = [
    "MARKERS",
    "PALETTE",
    "PARTS",
    "STREAM_COLOURS",
    "STREAM_LINES",
    "STREAM_TINTS",
    "AtlasRow",
    "Hit",
    "Onset",
    "Player",
    "SinkhornStep",
    "TermTable",
    "ablation_bars",
    "ablation_dots",
    "architecture",
    "codebook_usage",
    "codebooks",
    "concept_atlas",
    "concept_maps",
    "confusion",
    "difference_frames",
    "difference_profile",
    "disentanglement_table",
    "embedding_2d",
    "factorial_cosines",
    "figure_image",
    "figure_svg",
    "filter_ranks",
    "ghost",
    "image_grid",
    "image_tag",
    "learning_order",
    "log_columns",
    "loss_curves",
    "moving_average",
    "new_figure",
    "onsets",
    "overlay",
    "perplexity",
    "player",
    "progress",
    "retrieval_by_halves",
    "retrieval_grid",
    "show",
    "show_clip",
    "show_views",
    "similarity_matrix",
    "sinkhorn_steps",
    "sinkhorn_trace",
    "term_table",
    "to_frames",
    "use_style",
    "view_frames",
]
