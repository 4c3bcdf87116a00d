"""What the compare screen asks of the store, in a thread: the selection B beside the baseline A.

Circuits are compared by `circuit_sweep.comparison`, which imports numpy and is imported here when it is first needed.
A circuit that was read stays: of two neighbours that are compared one was there a step before.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any, TypeVar

from circuit_store import queries
from circuit_store.errors import UnknownName
from circuit_tui.explorer import role_display
from circuit_tui.explorer.state import Baseline, Head, Selection, ViewState, strongest
from circuit_tui.explorer.widgets.notation import STATUS_MARKS, address, finite

if TYPE_CHECKING:
    from circuit_sweep.comparison import Comparison, RoleDepth, RolePair, Side

T = TypeVar("T")
_KEPT = 3
"""Scores of a role that stay in memory."""
Grid = list[list[float | None]]
Row = dict[str, Any]


def baseline_of(look: ViewState) -> Baseline | None:
    """A: what is pinned, else the checkpoint before; None at the first."""
    at = look.at
    if at.baseline or at.model is None or at.step is None:
        return at.baseline
    before = [c.step for c in look.held.checkpoints if c.step < at.step and c.computed and c.status not in STATUS_MARKS]
    return Baseline(at.model, max(before), at.task) if before else None


@dataclass(frozen=True)
class Beside:
    """A and B, as they are shown."""

    a: Baseline
    b: Baseline
    pinned: bool
    heads: "RolePair | None" = None
    difference: Grid = field(default_factory=list)
    """[layer][head]: B's score minus A's, of models of one shape."""
    changed: tuple[Head, ...] = ()
    """The heads whose scores differ most."""
    depths: "list[RoleDepth]" = field(default_factory=list)
    """Of models of two shapes."""
    circuits: "Comparison | None" = None
    reason: str = ""
    """Why circuits are not compared."""
    roles: dict[Head, tuple[str, ...]] = field(default_factory=dict)
    """Those that B's heads have."""

    @property
    def alike(self) -> bool:
        """Whether the models have one shape."""
        return self.heads is not None and self.heads.alike


class Circuits:
    """What was read of checkpoints that are compared, the last of it."""

    def __init__(self) -> None:
        self._held: dict[tuple[Any, ...], Side] = {}
        self._roles: tuple[Any, queries.RoleTasks] = None, queries.RoleTasks()
        self._grids: dict[tuple[Any, ...], queries.HeadGrid] = {}

    def grid(self, db: Connection, place: Baseline, role: str, version: tuple[int, int]) -> queries.HeadGrid:
        """The scores of a role there, those that can be shown."""
        key = (version, place, role)
        found = self._grids.pop(key, None)
        if found is None:
            found = queries.head_grid(db, place.model, place.step, role, place.task)
            found = replace(found, values=[[finite(value) for value in row] for row in found.values])
        return _keep(self._grids, key, found)

    def scores(self, db: Connection, place: Baseline, version: tuple[int, int]) -> list[int]:
        """The results whose scores of heads are shown there."""
        key = (version, place.model)
        if self._roles[0] != key:
            self._roles = key, queries.role_tasks(db, place.model)
        return self._roles[1].at(place.step, place.task)

    def pair(self, db: Connection, places: tuple[Baseline, ...], version: tuple[int, int]) -> "list[Side]":
        """The circuits there; no others stay, since scores of all edges of a model are megabytes.

        Raises:
            UnknownName: there is none at one of them.
        """
        from circuit_sweep import comparison

        keys = [(version, place) for place in places]
        self._held = {key: side for key, side in self._held.items() if key in keys}
        for key, place in zip(keys, places, strict=True):
            if key not in self._held:
                self._held[key] = comparison.side_at(db, place._asdict())
        return [self._held[key] for key in keys]


def _keep(held: dict[Any, T], key: Any, found: T) -> T:
    """The newest few."""
    held[key] = found
    for old in list(held)[:-_KEPT]:
        del held[old]
    return found


def question(look: ViewState, circuits: Circuits) -> Callable[[Connection], Beside | None]:
    """A and B beside each other; None where one of them is not there."""
    a, b, role = baseline_of(look), look.at.here, look.at.role
    scores = look.held.role_tasks.at(look.at.step, look.at.task)

    @queries.one_state
    def ask(db: Connection) -> Beside | None:
        from circuit_sweep import comparison

        if a is None or b is None:
            return None
        found = _heads(db, Beside(a, b, look.at.baseline is not None), role, circuits, look.version)
        found = replace(found, **_circuits(db, found, circuits, look.version))
        if found.heads and not found.alike:
            layers = (len(found.heads.a.values), len(found.heads.b.values))
            results = (circuits.scores(db, a, look.version), scores)
            return replace(found, depths=comparison.role_depths(db, *zip(results, layers, strict=True)))
        strong = queries.strong_in(db, scores)
        roles = {head: tuple(filter(role_display.is_role, held)) for head, held in strong.items()}
        return replace(found, roles=roles)

    return ask


def _heads(db: Connection, found: Beside, role: str | None, circuits: Circuits, version: tuple[int, int]) -> Beside:
    from circuit_sweep import comparison

    pair = comparison.RolePair(*(circuits.grid(db, place, role or "", version) for place in (found.a, found.b)))
    difference = pair.difference if pair.alike else []
    return replace(found, heads=pair, difference=difference, changed=strongest(difference, 4))


def _circuits(db: Connection, found: Beside, circuits: Circuits, version: tuple[int, int]) -> dict[str, Any]:
    from circuit_sweep import comparison

    if found.a.task is None or found.b.task is None:
        return {"reason": "Circuits are of a task: none is computed yet."}
    try:
        a, b = circuits.pair(db, (found.a, found.b), version)
    except UnknownName as error:
        return {"reason": str(error)}
    return {"circuits": comparison.beside(a, b, ranks=False)}


@dataclass(frozen=True)
class Curve:
    """How alike circuits are over training."""

    of: tuple[str | None, str | None] = (None, None)
    """Model and task."""
    to: Baseline | None = None
    """The baseline, or None: each beside the one before."""
    rows: list[Row] = field(default_factory=list)
    """Of each checkpoint `step`, and of each kind `KIND_jaccard` and `KIND_floor_low`."""
    reason: str = ""
    """Why they are not compared with the baseline."""


def curve(at: Selection) -> Callable[[Connection], Curve]:
    """Each circuit of the selected model and task beside the pinned one, or beside the one before it."""

    @queries.one_state
    def ask(db: Connection) -> Curve:
        if at.model is None or at.task is None:
            return Curve((at.model, at.task))
        reason = ""
        if at.baseline and at.baseline.task:
            from circuit_sweep import comparison

            try:
                base = comparison.side_at(db, at.baseline._asdict())
                rows = comparison.over_training(db, base, at.model, at.task)
                if rows is not None:
                    return Curve((at.model, at.task), at.baseline, rows)
                reason = f"{address(*at.baseline)} is of another shape: here is each beside the one before."
            except UnknownName as error:
                reason = str(error)
        filters = {"model": at.model, "task": at.task, "against": "neighbour"}
        rows = queries.rows(db, queries.view("similarity"), filters)
        rows = [{**row, "step": row["step_b"]} for row in rows if row["step_b"] is not None]
        return Curve((at.model, at.task), None, rows, reason)

    return ask
