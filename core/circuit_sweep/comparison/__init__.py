"""Two circuits side by side: of two checkpoints, models, tasks, methods, or of a file and a computation.

`sides` finds the two, `edges` compares circuits of models of one shape edge by edge, `parts` those of other shapes by
role, depth and port, since head numbers do not carry over.
"""

from circuit_sweep.comparison.compared import Comparison, compare
from circuit_sweep.comparison.edges import EDGES
from circuit_sweep.comparison.parts import PARTS

__all__ = ["EDGES", "PARTS", "Comparison", "compare"]
