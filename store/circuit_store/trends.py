"""What training as a whole shows: rows that are computed at a run's end from the results of all checkpoints.

Each rests on one configuration, which its row names, and on the results that were there; a view marks it stale
when newer ones are, or when others were asked for.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from circuit_store.transactions import transaction
from circuit_store.views.trends import LAST

Rows = dict[str, list[dict[str, Any]]]
"""Table -> its rows, by column."""
FURTHER = ("logistic", "load", "stability", "similarity", "mean_size")
"""Tables of trends besides `emergence` and `handoff`; their rows all name what their series rests on."""
_OF_STORE = ("id", "model_id", "last_result")
"""Columns that say where a row belongs."""


@dataclass(frozen=True)
class EmergenceRecord:
    """When something came and went; see the view `emergence`."""

    kind: str
    name: str
    layer: int | None = None
    head: int | None = None
    step: int | None = None
    lost_step: int | None = None
    value: float | None = None
    threshold: float | None = None
    reason: str | None = None
    state: str | None = None
    floor: float | None = None
    floor_from: str | None = None
    task: str | None = None
    preset: str | None = None
    text: str | None = None
    dtype: str | None = None
    rests_on: str | None = None
    """A mark of all that its series was computed from: where that is still the same, the row is."""


@dataclass(frozen=True)
class SeriesTrends:
    """The rows of one series, in order."""

    emergences: list[EmergenceRecord]
    handoffs: list[dict[str, Any]]
    """By column of the table `handoff`."""
    further: Rows = field(default_factory=dict)


def last_result(db: sqlite3.Connection, model: str) -> int:
    """Number of what was computed or asked for last of a model (`results.next_asked`); 0 if there is nothing.

    Only what trends rest on counts.
    """
    found = db.execute(f"SELECT {LAST} FROM model WHERE name = ?", (model,)).fetchone()
    return found[0] if found else 0


_REST_ON = (
    f"SELECT coalesce(max(last_result), 0) FROM ("
    f"{' UNION ALL '.join(f'SELECT model_id, last_result FROM {t}' for t in ('emergence', 'handoff', *FURTHER))}"
    ") WHERE model_id = ?"
)
"""Up to which number the rows of a model's trends go; 0 if there are none."""


def held(db: sqlite3.Connection, model: str) -> dict[str, SeriesTrends]:
    """The trends of a model that are there, by what their series rest on."""
    of_model = "SELECT * FROM {} WHERE model_id = (SELECT id FROM model WHERE name = ?) ORDER BY id"
    names, found = [field.name for field in fields(EmergenceRecord)], dict[str, SeriesTrends]()
    of_role: dict[tuple[str, str | None], SeriesTrends] = {}
    for row in db.execute(of_model.format("emergence"), (model,)):
        if row["rests_on"] is not None:
            series = found.setdefault(row["rests_on"], SeriesTrends([], []))
            series.emergences.append(EmergenceRecord(**{name: row[name] for name in names}))
            if row["kind"] == "role":
                of_role[row["name"], row["task"]] = series
    for row in map(dict, db.execute(of_model.format("handoff"), (model,))):
        if series := of_role.get((row["role"], row["task"])):
            series.handoffs.append({name: row[name] for name in row if name not in _OF_STORE})
    for table in FURTHER:
        for row in map(dict, db.execute(of_model.format(table), (model,))):
            series = found.setdefault(row["rests_on"], SeriesTrends([], []))
            series.further.setdefault(table, []).append({n: v for n, v in row.items() if n not in _OF_STORE})
    return found


def replace(
    db: sqlite3.Connection,
    model: str,
    emergences: list[EmergenceRecord],
    handoffs: list[dict[str, Any]],
    last: int,
    further: Mapping[str, list[dict[str, Any]]] | None = None,
) -> None:
    """Put these rows in the place of the model's earlier ones; they rest on what was asked for up to number `last`.

    Roles that one head lost and another gained are given by column of the table `handoff`, others likewise.

    Nothing is done if those there rest on what came later: another process began after this one and was faster.
    """
    rows = {"emergence": list(map(vars, emergences)), "handoff": handoffs}
    rows |= {table: (further or {}).get(table, []) for table in FURTHER}
    with transaction(db):
        (of,) = db.execute("SELECT id FROM model WHERE name = ?", (model,)).fetchone()
        (there,) = db.execute(_REST_ON, (of,)).fetchone()
        if last < there <= last_result(db, model):
            return
        for table, given in rows.items():
            put(db, table, {"model_id": of}, [{"last_result": last, **row} for row in given])


def put(db: sqlite3.Connection, table: str, of: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Rows in the place of those of a model or a suite, in order, by column; what a row does not name is NULL."""
    db.execute(f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in of)}", tuple(of.values()))
    if rows:
        names = list(dict.fromkeys(name for row in rows for name in {**of, **row}))
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        db.executemany(statement, [tuple(map({**of, **row}.get, names)) for row in rows])


def mean_sizes(db: sqlite3.Connection, suite: str) -> list[dict[str, Any]]:
    """Of the models of a suite: model, family, size, variant, params, task, and the mean nodes of its circuits."""
    found = db.execute(
        "SELECT name AS model, family, size, variant, params, task, nodes FROM mean_size"
        " JOIN model ON model.id = model_id WHERE suite = ? ORDER BY variant, task, name",
        (suite,),
    )
    return list(map(dict, found))


def stale(db: sqlite3.Connection, model: str) -> bool:
    """Whether a model has results that its trends do not rest on."""
    (of,) = db.execute("SELECT id FROM model WHERE name = ?", (model,)).fetchone()
    (there,) = db.execute(_REST_ON, (of,)).fetchone()
    return there < last_result(db, model)


def touched(db: sqlite3.Connection, run: int) -> list[str]:
    """The models for which a run has results."""
    found = db.execute(
        "SELECT DISTINCT model.name FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
        " JOIN model ON model.id = model_id WHERE run_id = ? ORDER BY 1",
        (run,),
    )
    return [row[0] for row in found]
