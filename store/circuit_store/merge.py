"""Take over what another store holds.

A name does not tell which models of two stores are one: `run FOLDER` calls a model after its folder. One model has one
shape, and the same weights (fingerprints) at every step that both stores loaded. It comes from one place, a suite or a
folder, unless such weights show it to be the same in two folders. A model whose name is another's here gets a number
(`mine~2`). A task of a file is what the file holds: if the name is another file's here it gets one, too, and a file
that is known here under another name keeps that one.
"""

import shlex
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from circuit_store import task_files
from circuit_store.errors import StoreUnusable
from circuit_store.integrity import other_tables
from circuit_store.maintenance import CONTENT
from circuit_store.queue.states import RunState
from circuit_store.store import open_to_read
from circuit_store.transactions import transaction

_SHAPE = ("params", "n_layers", "n_heads", "d_model", "parallel")


@dataclass(frozen=True)
class Merged:
    """What came over."""

    models: int
    results: int
    held: int
    """Results that were there already."""
    names: list[str]
    """Names here of all models that the other store holds."""
    renamed_models: dict[str, str]
    """Its name of a model -> the name here, where they differ."""
    renamed: dict[str, str]
    """Its name of a task -> the name here, where they differ."""


def merge(db: sqlite3.Connection, other: Path) -> Merged:
    """Take over models, checkpoints, tasks and results, all or nothing; what is there already stays.

    Raises:
        StoreUnusable: `other` is not a store, damaged, or the same file.
        StoreTooOld, StoreTooNew: another version made it.
    """
    mine = Path(db.execute("PRAGMA database_list").fetchone()["file"])
    with closing(open_to_read(other)) as theirs:
        if mine.samefile(other):
            raise StoreUnusable(f"{other} is the store itself: name another store.")
        for wrong in other_tables(theirs):
            raise StoreUnusable(f"{other} does not have the tables of this version ({wrong}): name another store.")
        try:
            with transaction(db):
                return _Merge(db, theirs).all()
        except (KeyError, TypeError, sqlite3.IntegrityError) as error:
            why, which = f"{type(error).__name__} {error}", shlex.quote(str(other))
            raise StoreUnusable(
                f"{other} is damaged ({why}): `circuit-tui --store {which} verify` says where."
            ) from None


class _Merge:
    """Ids of the other store and what they are here."""

    def __init__(self, db: sqlite3.Connection, theirs: sqlite3.Connection) -> None:
        self.db, self.theirs = db, theirs
        self.runs: dict[int, int] = {}
        self.asked = db.execute("SELECT coalesce(max(asked), 0) FROM result").fetchone()[0]
        """What comes over counts as newer than what is here, in its own order."""

    def all(self) -> Merged:
        before = self._count("model")
        names = self._names()
        models = self._by("model", "name", name=names)
        checkpoints = self._by("checkpoint", "model_id, step", model_id=models)
        self._loaded(checkpoints)
        labels = self._labels()
        tasks = self._by("task", "hash", name=labels)
        self._by("text_file", "hash")
        taken = held = 0
        for row in map(dict, self.theirs.execute("SELECT * FROM result ORDER BY id").fetchall()):
            if self.db.execute("SELECT 1 FROM result WHERE key = ?", (row["key"],)).fetchone():
                held += 1
                continue
            self._result(row, checkpoints, tasks)
            taken += 1
        new = self._count("model") - before
        return Merged(new, taken, held, sorted(names.values()), _changed(names), _changed(labels))

    def _names(self) -> dict[str, str]:
        """Their name of each model -> the name here: their own, numbered where another model has it."""
        found: dict[str, str] = {}
        for model in self.theirs.execute("SELECT * FROM model ORDER BY id").fetchall():
            numbered = (f"{model['name']}~{i}" for i in count(2))
            names = (name for name in chain([model["name"]], numbered) if name not in found.values())
            found[model["name"]] = next(name for name in names if self._may_be(name, model))
        return found

    def _may_be(self, name: str, model: sqlite3.Row) -> bool:
        """Whether a name is free here, or that model's. Sizes that are not known contradict nothing."""
        held = self.db.execute("SELECT * FROM model WHERE name = ?", (name,)).fetchone()
        if held is None:
            return True
        if any(held[size] != model[size] for size in _SHAPE if None not in (held[size], model[size])):
            return False
        here, there = _fingerprints(self.db, held), _fingerprints(self.theirs, model)
        both = here.keys() & there.keys()
        in_one_place = held["source"] == model["source"] or "folder" not in (held["suite"], model["suite"])
        return all(here[step] == there[step] for step in both) and (in_one_place or bool(both))

    def _labels(self) -> dict[str, str]:
        """Their name of each task with results -> its name here; what the files hold decides."""
        held = self.theirs.execute("SELECT name, hash, format, content FROM task_file")
        files = {row["name"]: task_files.add_task_file(self.db, task_files.TaskFile(*row)) for row in held}
        files |= {f"{name}+bos": f"{here}+bos" for name, here in files.items()}
        labels: list[str] = [row[0] for row in self.theirs.execute("SELECT name FROM task")]
        return {label: files.get(label, label) for label in labels}

    def _count(self, table: str) -> int:
        return self.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def _by(self, table: str, key: str, **refers: Mapping[Any, Any]) -> dict[int, int]:
        """Rows that are not there under their key come over; returns their id -> ours.

        Args:
            refers: of a column, what stands there -> what is to stand here.
        """
        ids: dict[int, int] = {}
        for row in map(dict, self.theirs.execute(f"SELECT * FROM {table}").fetchall()):
            own = row.pop("id", None)
            row |= {column: to[row[column]] for column, to in refers.items()}
            self._insert(table, row, "OR IGNORE ")
            if own is not None:
                names = key.split(", ")
                where = " AND ".join(f"{name} = ?" for name in names)
                found = self.db.execute(f"SELECT id FROM {table} WHERE {where}", [row[name] for name in names])
                ids[own] = found.fetchone()[0]
        return ids

    def _loaded(self, checkpoints: dict[int, int]) -> None:
        """What loading showed there, where it is not known here."""
        loaded = "SELECT id, fingerprint, status, detail, present FROM checkpoint"
        for own, *shown in self.theirs.execute(loaded).fetchall():
            self.db.execute(
                "UPDATE checkpoint SET fingerprint = ?, status = ?, detail = ?, present = ?"
                " WHERE id = ? AND status IS NULL",
                (*shown, checkpoints[own]),
            )

    def _insert(self, table: str, row: dict[str, Any], or_else: str = "") -> int:
        marks = ", ".join("?" * len(row))
        cursor = self.db.execute(
            f"INSERT {or_else}INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
        )
        return cursor.lastrowid or 0

    def _result(self, row: dict[str, Any], checkpoints: dict[int, int], tasks: dict[int, int]) -> None:
        own = row.pop("id")
        row["checkpoint_id"], row["run_id"] = checkpoints[row["checkpoint_id"]], self._run(row["run_id"])
        row["asked"] += self.asked
        row["task_id"] = row["task_id"] and tasks[row["task_id"]]
        result = self._insert("result", row)
        for table in CONTENT:
            for found in map(dict, self.theirs.execute(f"SELECT * FROM {table} WHERE result_id = ?", (own,))):
                self._insert(table, found | {"result_id": result})

    def _run(self, run: int) -> int:
        """The run that a result leads to comes with it, as a settled one without units."""
        if run not in self.runs:
            row = dict(self.theirs.execute("SELECT * FROM run WHERE id = ?", (run,)).fetchone())
            del row["id"]
            self.runs[run] = self._insert("run", row | {"state": RunState.DONE, "hidden": 1, "log": None})
        return self.runs[run]


def _changed(names: dict[str, str]) -> dict[str, str]:
    return {theirs: here for theirs, here in names.items() if theirs != here}


def _fingerprints(db: sqlite3.Connection, model: sqlite3.Row) -> dict[int, str]:
    """Step -> fingerprint, of the checkpoints that were loaded."""
    known = "SELECT step, fingerprint FROM checkpoint WHERE model_id = ? AND fingerprint IS NOT NULL"
    return dict(db.execute(known, (model["id"],)).fetchall())
