"""The heads of two checkpoints: one role score by score, where the models have one shape; of two shapes, in each role
the head of the highest score with its place in depth, since head numbers do not carry over.

    depth   layer / (number of layers - 1): 0 the first layer, 1 the last; 0 in a model of one layer
"""

import sqlite3
from dataclasses import dataclass, fields

from circuit_store import queries
from circuit_store.queries.heads import MEASUREMENTS

Grid = list[list[float | None]]


@dataclass(frozen=True)
class RolePair:
    """The scores of one role at A and at B."""

    a: queries.HeadGrid
    b: queries.HeadGrid

    @property
    def alike(self) -> bool:
        """Whether the models have one shape."""
        return [len(row) for row in self.a.values] == [len(row) for row in self.b.values]

    @property
    def difference(self) -> Grid:
        """[layer][head]: B's score minus A's; None where one of them is not known. Of models of one shape."""
        pairs = zip(self.a.values, self.b.values, strict=True)
        return [[_difference(*pair) for pair in zip(*layers, strict=True)] for layers in pairs]

    @property
    def unlike(self) -> list[str]:
        """What the scores do not have in common, a sentence each."""
        if self.a.of is None or self.b.of is None:
            return []
        both = (
            (field.name, getattr(self.a.of, field.name), getattr(self.b.of, field.name)) for field in fields(self.a.of)
        )
        return [f"The scores differ in {name}: {x or 'none'} and {y or 'none'}." for name, x, y in both if x != y]


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else b - a


@dataclass(frozen=True)
class Best:
    """The head with the highest score in a role."""

    layer: int
    head: int
    score: float
    depth: float


@dataclass(frozen=True)
class RoleDepth:
    """Where a role is in two models; None where it has no score."""

    role: str
    a: Best | None
    b: Best | None

    @property
    def difference(self) -> float | None:
        """B's depth minus A's."""
        return None if self.a is None or self.b is None else self.b.depth - self.a.depth


def role_depths(db: sqlite3.Connection, a: tuple[list[int], int], b: tuple[list[int], int]) -> list[RoleDepth]:
    """Every role that either has; what is measured of a head and is no role (`MEASUREMENTS`) is left out.

    Args:
        a: the results whose scores are shown at A (`RoleTasks.at`), and the layers of its model.
    """
    one, other = _best(db, *a), _best(db, *b)
    names = (name for name in {**one, **other} if not name.startswith(MEASUREMENTS))
    return [RoleDepth(name, one.get(name), other.get(name)) for name in names]


def _best(db: sqlite3.Connection, results: list[int], layers: int) -> dict[str, Best]:
    found = queries.best_heads(db, results).items()
    return {role: Best(layer, head, score, layer / max(1, layers - 1)) for role, (layer, head, score) in found}
