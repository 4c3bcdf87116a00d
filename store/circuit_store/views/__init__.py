"""Every table a person sees, once, by name; see `view` for what a view is."""

from collections.abc import Mapping

from circuit_store.views.algorithm import ALGORITHM, DETAILS, GREATER_THAN, PATCH, PATCHES
from circuit_store.views.circuit_parts import CIRCUIT, COMPOSITION, FAITHFULNESS, NODES
from circuit_store.views.circuit_trends import SIMILARITY, SIZE, SIZE_CORRELATION
from circuit_store.views.circuits import CIRCUITS
from circuit_store.views.heads import ATTENTION, BEHAVIOUR, HEADS, HISTORY
from circuit_store.views.models import CHECKPOINTS, MODELS, UNITS
from circuit_store.views.replicates import SEEDS
from circuit_store.views.role_trends import LOAD, LOGISTIC, STABILITY
from circuit_store.views.trends import EMERGENCE, HANDOFFS
from circuit_store.views.view import Column, View

__all__ = ["VIEWS", "Column", "View"]

VIEWS: Mapping[str, View] = {
    v.name: v
    for v in (
        *(MODELS, CHECKPOINTS, BEHAVIOUR, HEADS, HISTORY, ATTENTION),
        *(CIRCUITS, CIRCUIT, FAITHFULNESS, COMPOSITION, NODES),
        *(DETAILS, ALGORITHM, GREATER_THAN, PATCHES, PATCH, EMERGENCE, HANDOFFS, LOGISTIC, LOAD, STABILITY),
        *(SIZE, SIMILARITY, SIZE_CORRELATION, SEEDS, UNITS),
    )
}
