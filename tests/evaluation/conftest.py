"""The small world, and small weights to evaluate on it, for all tests of this folder."""

from tests.helpers.evaluations import opened, weights
from tests.helpers.small_world import make_features, model, world

__all__ = ["make_features", "model", "opened", "weights", "world"]
