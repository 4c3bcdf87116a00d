"""The states of a run and of a unit, and the transitions between them; every change of a state goes through `move`.

A unit is a checkpoint to compute for a run. It is under way while it is loading or running. What it is stands on the
left, what may become of it above:

                 queued      loading  running   done, failed  interrupted  cancelled
    queued       .           taken    .         ends late     left         dropped
    loading      put back    .        computes  ends          left         dropped
    running      put back    .        computes  ends          left         dropped
    interrupted  taken up    .        .         ends late     .            dropped
    cancelled    taken up    .        .         ends late     .            .
    failed       taken up    .        .         .             .            .
    done         asked anew  .        .         .             .            .

A run is settled (done, failed or cancelled) when no unit of it is queued, under way or interrupted any more:

                 queued      running   interrupted  cancelling  done, failed  cancelled
    queued       .           begun     left         dropped     settled       .
    running      .           begun     left         dropped     settled       .
    interrupted  taken up    .         .            dropped     settled       .
    cancelling   taken up    taken up  .            .           .             settled
    done         .           .         .            .           .             .
    failed       taken up    .         .            .           .             .
    cancelled    taken up    .         .            .           .             .

Put back: it gave way to another, its worker or its runner died, or it was told to stop and is wanted again. Left: by
Ctrl-C. Dropped: by `cancel`. Taken up: by `resume`, `retry` or the same request; a run that was being cancelled is
running then if a unit is under way. Asked anew: its source has changed. Ends late: before its worker hears that it was
left or dropped, and perhaps taken up again.

Between two operations these hold:

- A unit that is queued is of a run that is queued, running or cancelling; one that is under way of one that is running
  or cancelling.
- A unit that is interrupted is of a run that is interrupted; one that is cancelled is of one that is cancelling or
  cancelled.
- A run that is done has units that are done alone; one that failed has one that failed, and others that are done.
- A run that is cancelled has none that is open or interrupted; one that is interrupted has none that is open.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    """Cancelled, while a unit of it is under way still."""
    INTERRUPTED = "interrupted"
    """Left for later: for `resume`, or for the next request that asks the same."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class UnitState(StrEnum):
    QUEUED = "queued"
    LOADING = "loading"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


State = RunState | UnitState

ACTIVE_RUNS = (RunState.QUEUED, RunState.RUNNING)
"""Runs whose queued units are taken."""
OPEN_RUNS = (*ACTIVE_RUNS, RunState.CANCELLING)
"""Runs whose end whoever asked for them waits for."""
UNFINISHED_RUNS = (*ACTIVE_RUNS, RunState.INTERRUPTED)
"""Runs that the same request takes up again."""
DROPPED_RUNS = (RunState.CANCELLING, RunState.CANCELLED)

UNITS_UNDER_WAY = (UnitState.LOADING, UnitState.RUNNING)
OPEN_UNITS = (UnitState.QUEUED, *UNITS_UNDER_WAY)
UNFINISHED_UNITS = (*OPEN_UNITS, UnitState.INTERRUPTED)
"""Units without which a run is not settled."""

_R, _U = RunState, UnitState
RUN_TRANSITIONS: Mapping[RunState, frozenset[RunState]] = {
    _R.QUEUED: frozenset({_R.RUNNING, _R.CANCELLING, _R.INTERRUPTED, _R.DONE, _R.FAILED}),
    _R.RUNNING: frozenset({_R.RUNNING, _R.CANCELLING, _R.INTERRUPTED, _R.DONE, _R.FAILED}),
    _R.CANCELLING: frozenset({_R.QUEUED, _R.RUNNING, _R.CANCELLED}),
    _R.INTERRUPTED: frozenset({_R.QUEUED, _R.CANCELLING, _R.DONE, _R.FAILED}),
    _R.DONE: frozenset(),
    _R.FAILED: frozenset({_R.QUEUED}),
    _R.CANCELLED: frozenset({_R.QUEUED}),
}
_ENDS = frozenset({_U.DONE, _U.FAILED})
UNIT_TRANSITIONS: Mapping[UnitState, frozenset[UnitState]] = {
    _U.QUEUED: _ENDS | {_U.LOADING, _U.INTERRUPTED, _U.CANCELLED},
    _U.LOADING: _ENDS | {_U.RUNNING, _U.QUEUED, _U.INTERRUPTED, _U.CANCELLED},
    _U.RUNNING: _ENDS | {_U.RUNNING, _U.QUEUED, _U.INTERRUPTED, _U.CANCELLED},
    _U.INTERRUPTED: _ENDS | {_U.QUEUED, _U.CANCELLED},
    _U.CANCELLED: _ENDS | {_U.QUEUED},
    _U.FAILED: frozenset({_U.QUEUED}),
    _U.DONE: frozenset({_U.QUEUED}),
}


def one_of(states: Iterable[State]) -> str:
    """SQL: the list of some states."""
    quoted = (f"'{state}'" for state in states)
    return f"({', '.join(quoted)})"


STATE_OF_RUN = "(SELECT state FROM run WHERE id = run_id)"
"""SQL: of a unit's run."""
WAITING = f"unit.state = '{UnitState.QUEUED}' AND run.state IN {one_of(ACTIVE_RUNS)}"
"""SQL: whether a unit may be taken, of `unit JOIN run`."""


def move(
    db: sqlite3.Connection, to: State, where: str, also: str = "", among: Collection[State] | None = None, **given: Any
) -> int:
    """Bring runs (or units) into a state; returns how many came into it. One that may not come there stays as it is.

    Args:
        to: a `RunState` is for runs, a `UnitState` for units.
        where: SQL, which of them.
        also: SQL, what else is set.
        among: those in these states alone.
        given: values of `:name` in that SQL.
    """
    table, allowed = ("run", RUN_TRANSITIONS) if isinstance(to, RunState) else ("unit", UNIT_TRANSITIONS)
    sources = [state for state, next_ones in allowed.items() if to in next_ones and (among is None or state in among)]
    setting = f"state = '{to}'" + (f", {also}" if also else "")
    return db.execute(f"UPDATE {table} SET {setting} WHERE ({where}) AND state IN {one_of(sources)}", given).rowcount
