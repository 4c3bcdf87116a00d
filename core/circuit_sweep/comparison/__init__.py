"""Two circuits side by side: of two checkpoints, models, tasks, methods, or of a file and a computation.

`sides` finds the two, `edges` compares circuits of models of one shape edge by edge, `parts` those of other shapes by
role, depth and port, since head numbers do not carry over. `heads` has the scores of roles at both, `training` all
circuits of a model beside one.
"""

from circuit_sweep.comparison.compared import Comparison, beside, compare
from circuit_sweep.comparison.edges import EDGES
from circuit_sweep.comparison.heads import RoleDepth, RolePair, role_depths
from circuit_sweep.comparison.parts import PARTS
from circuit_sweep.comparison.sides import Side, side_at
from circuit_sweep.comparison.training import over_training

__all__ = [
    "EDGES",
    "PARTS",
    "Comparison",
    "RoleDepth",
    "RolePair",
    "Side",
    "beside",
    "compare",
    "over_training",
    "role_depths",
    "side_at",
]
