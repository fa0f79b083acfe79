"""The small world, for all tests of this folder."""

from tests.helpers.small_world import make_features, model, world

__all__ = ["make_features", "model", "world"]
