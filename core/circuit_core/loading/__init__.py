"""A checkpoint becomes a model that can be taken apart: load it, make its readers hookable, guard its logits."""

from circuit_core.loading.checkpoint_loader import as_bridge, graph_of, load, wrap
from circuit_core.loading.standing_model import StandingModel

__all__ = ["StandingModel", "as_bridge", "graph_of", "load", "wrap"]
