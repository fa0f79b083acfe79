"""Static and dynamic concepts from video without labels.

The method of Qian et al., ECCV 2022 (arXiv 2207.12795), complete: data, views, objective,
pretraining and evaluation.

Names are imported from their modules when they are first used, so that ``sdc --help`` answers at
once and ``sdc doctor`` works where a package is broken. The list of them is in ``__init__.pyi``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
