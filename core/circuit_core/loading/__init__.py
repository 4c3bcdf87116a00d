"""A checkpoint becomes a model that can be taken apart: load it, make its readers hookable, guard its logits."""

from circuit_core.loading.checkpoint_loader import LoadedModel, as_bridge, graph_of, load, wrap

__all__ = ["LoadedModel", "as_bridge", "graph_of", "load", "wrap"]
