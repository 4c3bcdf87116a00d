"""What is read of one head: over training, which holds at every checkpoint, and at the checkpoint that is shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from sqlite3 import Connection
from typing import Any

from circuit_store import queries
from circuit_store.queue import runs
from circuit_tui.explorer import role_display
from circuit_tui.explorer.state import Head, Selection, ViewState
from circuit_tui.explorer.widgets.notation import head_name

Row = dict[str, Any]


@dataclass(frozen=True)
class Course:
    """A role's score over training, and when the head has the role."""

    role: str
    task: str | None
    """Whose prompts were used, if any were."""
    scores: Mapping[int, queries.Score]
    """Step -> the score there."""
    emergence: Row | None
    handoffs: tuple[Row, ...]
    """That this head is one end of."""

    @property
    def values(self) -> dict[int, float | None]:
        return {step: score.value for step, score in self.scores.items()}

    @property
    def alive(self) -> bool:
        """Whether the score is ever anything but near zero."""
        return any(abs(value or 0) >= role_display.NEAR_ZERO for value in self.values.values())

    @property
    def defined(self) -> bool:
        return any(value is not None for value in self.values.values())


@dataclass(frozen=True)
class OverTraining:
    of: tuple[Any, ...]
    """State of the store, model, head and task."""
    courses: list[Course]
    circuits: list[queries.ShownCircuit]
    """Of the model, task by task along training."""
    within: set[int]
    """Those that the head is in."""


@dataclass(frozen=True)
class OneHead:
    head: Head
    over: OverTraining
    circuit: queries.ShownCircuit | None
    """Of the task here."""
    edges: queries.HeadEdges
    roles: dict[Head, tuple[str, ...]]
    """The strong roles of each head here."""
    attended: queries.Attended | None
    patches: dict[str, queries.PatchOf | None]
    """By their receivers."""
    failed: dict[str, str] = field(default_factory=dict)
    """Receivers -> why the run that was to patch paths to them did not."""


def receivers(head: Head) -> list[str]:
    """The logits, and the head's ports, if any head precedes it."""
    ports = [f"{head_name(head)}<{port}>" for port in "qkv"] if head[0] else []
    return [*ports, "logits"]


Patched = tuple[dict[str, queries.PatchOf | None], dict[str, str]]


@queries.one_state
def patched(db: Connection, at: Selection, head: Head, computing: dict[str, int]) -> Patched:
    """Receivers -> what is stored of them, and -> why the run that was to compute them failed.

    Args:
        computing: receivers -> the run that computes them.
    """
    if at.model is None or at.step is None or at.task is None:
        return {}, {}
    found = {to: queries.patch(db, at.model, at.step, at.task, to) for to in receivers(head)}
    failed = {to: runs.failures(db, run) for to, run in computing.items()}
    return found, {to: units[0][2] for to, units in failed.items() if units}


def question(
    look: ViewState, before: OverTraining | None, computing: dict[str, int]
) -> Callable[[Connection], OneHead | None]:
    """What is asked of the store; None if no head is looked at.

    Args:
        before: what was read before: what still holds of it is not read again.
        computing: receivers -> the run that patches paths to them.
    """
    if look.at.model is None or look.at.step is None or look.at.head is None:
        return lambda db: None
    return partial(_read, at=look.at, look=look, before=before, computing=computing)


@queries.one_state
def _read(
    db: Connection, at: Selection, look: ViewState, before: OverTraining | None, computing: dict[str, int]
) -> OneHead:
    assert at.model and at.step is not None and at.head
    over = _over(db, look, before)
    circuit = next((c for c in over.circuits if (c.task, c.step) == (at.task, at.step)), None)
    inside = circuit is not None and circuit.result in over.within
    edges = queries.edges_of_head(db, circuit.result, *at.head) if circuit and inside else queries.HeadEdges([], [])
    strong = queries.strong_in(db, look.held.role_tasks.at(at.step, at.task)) if inside else {}
    roles = {head: tuple(filter(role_display.is_role, held)) for head, held in strong.items()}
    attended = queries.attended(db, at.model, at.step, at.task, at.head)
    return OneHead(at.head, over, circuit, edges, roles, attended, *patched(db, at, at.head, computing))


def _over(db: Connection, look: ViewState, before: OverTraining | None) -> OverTraining:
    at = look.at
    assert at.model and at.head
    of = (look.version, at.model, at.head, at.task)
    if before and before.of == of:
        return before
    same = before is not None and before.of[:2] == of[:2]
    circuits = before.circuits if before and same else queries.circuits_of_model(db, at.model)
    within = queries.circuits_with(db, at.model, (c.result for c in circuits), *at.head)
    return OverTraining(of, _courses(db, look, at.model, at.head), circuits, within)


def _courses(db: Connection, look: ViewState, model: str, head: Head) -> list[Course]:
    of_role = look.held.role_tasks.beside(look.at.task)
    results = look.held.role_tasks.over(look.at.task)
    scores: dict[str, dict[int, queries.Score]] = {role: {} for role in of_role}
    for result, score in queries.scores_over_training(db, results, *head).items():
        role, step = results[result]
        scores[role][step] = score
    emergence, handoffs = _trends(db, model, head)
    return [
        Course(
            role,
            of_role[role],
            scores[role],
            next((row for row in emergence if (row["name"], row["task"]) == (role, of_role[role])), None),
            tuple(row for row in handoffs if (row["role"], row["task"]) == (role, of_role[role])),
        )
        for role in role_display.ordered(of_role)
    ]


def _trends(db: Connection, model: str, head: Head) -> tuple[list[Row], list[Row]]:
    """When the head gains and loses roles, and the hand-offs that it is one end of."""
    of = {"model": model, "kind": "head", "layer": head[0], "head": head[1]}
    emergence = queries.rows(db, queries.view("emergence"), of)
    ends = ({f"{end}_layer": head[0], f"{end}_head": head[1]} for end in ("from", "to"))
    handoffs = [row for end in ends for row in queries.rows(db, queries.view("handoffs"), {"model": model, **end})]
    return emergence, handoffs
