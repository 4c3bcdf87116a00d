"""A result that cannot be stored costs its own analysis alone; a store that takes nothing ends the runner."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import recorded

from circuit_store import models
from circuit_store.queue import requests, units
from circuit_store.results import Record, TableRows
from circuit_store.store import open_to_write
from circuit_sweep.planning.model_sources import describe
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots
from circuit_sweep.runner.unit_lifecycle import RunningUnit
from circuit_sweep.worker.messages import CheckpointLoaded, Result, UnitFinished

NAN = float("nan")
FINE = recorded.behaviour(1.0, 0.1, 0.8, 1.2, 70, 1.0)


@pytest.fixture
def db(tmp_path):
    with closing(open_to_write(tmp_path / "x.db")) as db:
        yield db


@pytest.fixture
def taken(db, tmp_path):
    """A unit of three analyses, loaded."""
    model, found = describe(db, "sample-0.1m")
    ids = models.add_model(db, model, [models.CheckpointRecord(f.step, None, f.revision) for f in found[-1:]])
    request = Request(tasks=("ioi", "greater_than", "subject_verb"), analyses=("behaviour",))
    requests.add_run(db, vars(request), list(ids.values()))
    unit: Any = units.take_unit(db)
    taken = RunningUnit(db, tmp_path / "x.db", unit)
    order: Any = taken.order(Slots().slots()[0], None)
    taken.say(CheckpointLoaded(unit.id, taken.source.fingerprint, "cpu", 1))
    return taken, order.analyses


def state(db) -> tuple[str, str | None]:
    return tuple(db.execute("SELECT state, error FROM unit").fetchone())


@pytest.mark.parametrize(
    "record, params, says",
    [
        (recorded.head_scores([(NAN, 0, 0.5, None, None)]), {}, "NOT NULL constraint failed: head_score.layer"),  # type: ignore
        (recorded.head_scores([(0, 0, object(), None, None)]), {}, "type 'object' is not supported"),  # type: ignore
        (FINE, {"threshold": NAN}, "Out of range float values are not JSON compliant"),
        (Record((TableRows.of("behaviour", {"valu": 1.0}),)), {}, "the table behaviour has no column valu"),
    ],
    ids=["null", "type", "json", "column"],
)
def test_the_other_results_of_the_unit_are_kept(db, taken, record, params, says):
    """Invariant: the unit fails with the analysis and the reason; asked again, that analysis alone is missing."""
    under_way, analyses = taken
    wrong = replace(analyses[1], params=params)
    for analysis, found in ((analyses[0], FINE), (wrong, record), (analyses[2], FINE)):
        under_way.say(Result(under_way.unit.id, analysis, found, 0.1))
    assert under_way.say(UnitFinished(under_way.unit.id))
    failed, error = state(db)
    assert failed == "failed" and error and error.startswith("behaviour greater_than cannot be stored: ")
    assert says in error
    assert [row[0] for row in db.execute("SELECT task.name FROM behaviour JOIN result ON result.id = result_id"
                                         " JOIN task ON task.id = task_id")] == ["ioi", "subject_verb"]  # fmt: skip
    assert db.execute("SELECT count(*) FROM result").fetchone()[0] == 2
    again = RunningUnit(db, under_way.store, under_way.unit).order(Slots().slots()[0], None)
    assert again and [analysis.task and analysis.task.name for analysis in again.analyses] == ["greater_than"]


def test_a_store_that_takes_nothing_is_the_runners_concern(db, taken):
    """Invariant: what SQLite says of the file is raised, and no unit is blamed for it."""
    under_way, analyses = taken
    db.execute("PRAGMA query_only=ON")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        under_way.say(Result(under_way.unit.id, analyses[0], FINE, 0.1))
    assert state(db) == ("loading", None) or state(db) == ("running", None)
    assert under_way.unwritten is None
