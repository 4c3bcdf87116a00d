"""What is looked at: one selection that all panes follow, the way that led to it, and its memory between sessions.

A user's wishes may be empty or name what the store does not hold (yet); `settle` turns them into a selection that it
does hold. So a store that fills while one looks on is followed to its newest checkpoint until one is chosen.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from circuit_store import output_files, private_files, queries
from circuit_store.queue import runs
from circuit_store.queue.places import places
from circuit_tui import paths
from circuit_tui.explorer import role_display

Head = tuple[int, int]
_LONGEST_TRAIL = 100


@dataclass(frozen=True)
class Selection:
    """None: nothing chosen, or nothing there to choose."""

    model: str | None = None
    step: int | None = None
    role: str | None = None
    task: str | None = None
    head: Head | None = None
    marks: tuple[Head, ...] = ()


Row = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """What the store holds of its models, and of one of them: what can be chosen."""

    models: list[Row]
    """The view `models`."""
    model: Row | None = None
    """The one that is looked at."""
    checkpoints: list[queries.CheckpointRow] = field(default_factory=list)
    kinds: list[queries.Holding] = field(default_factory=list)
    role_tasks: queries.RoleTasks = field(default_factory=queries.RoleTasks)
    events: list[queries.Event] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    """Step -> its place in the queue; see `queue.places`."""
    progress: runs.Progress | None = None
    """Of the runs that are open."""

    @property
    def roles(self) -> list[str]:
        return _unique(kind.role for kind in self.kinds if kind.analysis == "heads")

    @property
    def tasks(self) -> list[str]:
        """With results of any kind."""
        return _unique(kind.task for kind in self.kinds)

    @property
    def done_tasks(self) -> list[str]:
        """With behaviour, a circuit or paths."""
        return _unique(kind.task for kind in self.kinds if kind.analysis in ("behaviour", "circuit", "patch"))

    def stamp(self, analyses: tuple[str, ...]) -> tuple[Any, ...]:
        """Changes whenever a result of these is written, replaced or deleted, or other weights are found."""
        found = tuple((c.step, c.status, c.fingerprint) for c in self.checkpoints)
        return (found, *(kind for kind in self.kinds if kind.analysis in analyses))


@dataclass(frozen=True)
class ViewState:
    """A store as it stands and the selection in it."""

    held: Held
    version: tuple[int, int]
    """Changes with every write to the store, and when another is opened."""
    at: Selection


@queries.one_state
def settle(db: sqlite3.Connection, wish: Selection) -> tuple[Held, Selection]:
    """What the store holds, and the selection nearest to `wish` in it."""
    held = _held(db, wish.model)
    at = settled(held, wish)
    if at.head is None and at.model and at.role and at.step is not None:
        values = queries.grid_of(db, at.model, at.step, held.role_tasks.of(at.role, at.task)).values
        head = next(iter(strongest(values, 1)), (0, 0) if values and values[0] else None)
        at = replace(at, head=head)
    return held, at


def _held(db: sqlite3.Connection, wish: str | None) -> Held:
    models = queries.rows(db, queries.view("models"))
    if not models:
        return Held([], progress=runs.progress(db))
    model = next((m for m in models if m["model"] == wish), None) or max(models, key=lambda m: m["computed"] > 0)
    name = model["model"]
    return Held(
        models,
        model,
        queries.checkpoints(db, name),
        queries.holdings(db, name),
        queries.role_tasks(db, name),
        queries.events(db, name),
        places(db, name),
        runs.progress(db),
    )


def settled(held: Held, wish: Selection) -> Selection:
    """The selection nearest to `wish` in the model that is held; no head if none is wished for."""
    if held.model is None:
        return Selection()
    name, steps = held.model["model"], [c.step for c in held.checkpoints]
    computed = [c.step for c in held.checkpoints if c.computed] or steps
    step = wish.step if wish.step in steps else max(computed, default=None)
    shape = (held.model["n_layers"] or 0, held.model["n_heads"] or 0)
    marks = tuple(mark for mark in wish.marks if wish.model in (None, name) and _inside(mark, shape))
    role = _one_of(held.roles, wish.role, "induction")
    return Selection(name, step, role, _task(held, wish.task), _inside(wish.head, shape), marks)


def strongest(values: list[list[float | None]], most: int) -> tuple[Head, ...]:
    """The heads of largest |value|, best first; none that is near 0."""
    every = [(abs(value or 0), (layer, head)) for layer, row in enumerate(values) for head, value in enumerate(row)]
    return tuple(head for size, head in sorted(every, key=lambda e: -e[0])[:most] if size >= role_display.NEAR_ZERO)


def _one_of(held: list[str], wish: str | None, otherwise: str) -> str | None:
    return next((name for name in (wish, otherwise, *held) if name in held), None)


def _task(held: Held, wish: str | None) -> str | None:
    """Any task with results may be wished for; without a wish, one with behaviour or a circuit comes first."""
    if wish and wish in held.tasks:
        return wish
    return _one_of(held.done_tasks, None, "ioi") or _one_of(held.tasks, None, "ioi")


def _unique(names: Iterable[str | None]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name is not None]


def _inside(head: Head | None, shape: tuple[int, int]) -> Head | None:
    return head if head and head[0] < shape[0] and head[1] < shape[1] else None


class Trail:
    """The way that led here: selections that were left, to go back to and forward again.

    Marks are not part of it: they are the model's, wherever one goes.
    """

    def __init__(self) -> None:
        self._past: list[Selection] = []
        self._future: list[Selection] = []

    def leave(self, here: Selection, there: Selection) -> None:
        """Something else was chosen."""
        if replace(here, marks=()) != replace(there, marks=()):
            self._past = [*self._past, here][-_LONGEST_TRAIL:]
            self._future = []

    def back(self, here: Selection) -> Selection | None:
        return self._go(here, self._past, self._future)

    def forward(self, here: Selection) -> Selection | None:
        return self._go(here, self._future, self._past)

    def _go(self, here: Selection, there: list[Selection], behind: list[Selection]) -> Selection | None:
        if not there:
            return None
        behind.append(here)
        return there.pop()


def folder() -> Path:
    """Where the explorer keeps its log and its memory."""
    path = paths.state()
    with suppress(OSError):
        private_files.folder(path)
    return path


def _file(store: Path) -> Path:
    return folder() / f"view-{hashlib.sha256(str(store.absolute()).encode()).hexdigest()[:16]}.json"


def remember(store: Path, wish: Selection, **look: Any) -> None:
    """Raises: StoreError, OSError."""
    with output_files.replacing(_file(store), {}, 0o600) as file:
        file.write(json.dumps({"selection": asdict(wish), **look}).encode())


def recall(store: Path) -> tuple[Selection, dict[str, Any]]:
    """What was looked at last; nothing if the file is not to be read or makes no sense."""
    try:
        held = json.loads(_file(store).read_text())
        given = held.pop("selection")
        wish = Selection(**{f.name: given.get(f.name) for f in fields(Selection)} | _heads(given))
        hash(wish)
        return wish, held
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return Selection(), {}


def _heads(given: dict[str, Any]) -> dict[str, Any]:
    def head(pair: Any) -> Head:
        layer, index = pair
        return int(layer), int(index)

    return {
        "head": head(given["head"]) if given.get("head") else None,
        "marks": tuple(head(pair) for pair in given.get("marks") or ()),
    }
