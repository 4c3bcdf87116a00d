"""Look after a store as a whole: check it, copy it while it is in use, take over what another holds."""

import shlex
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circuit_store import model_matching, output_files, task_files
from circuit_store.errors import OutputUnwritten, StoreUnusable
from circuit_store.integrity import broken_json, other_kinds, other_tables
from circuit_store.mismatches import misfits
from circuit_store.queue.states import RunState
from circuit_store.store import open_to_read
from circuit_store.transactions import transaction

CONTENT = (
    *("behaviour", "head_score", "head_detail", "head_by_prompt"),
    *("circuit", "circuit_edge", "node_score", "faithfulness", "stage"),
    *("year_node", "patch", "patch_effect", "attention_row"),
)
"""Tables of what results found; each row belongs to a result."""
_EMPTY = " AND ".join(f"NOT EXISTS (SELECT 1 FROM {t} WHERE result_id = result.id)" for t in CONTENT)
_HOMELESS = {
    "results of no run": "SELECT count(*) FROM result WHERE run_id NOT IN (SELECT id FROM run)",
    "results of no checkpoint": "SELECT count(*) FROM result WHERE checkpoint_id NOT IN (SELECT id FROM checkpoint)",
    "results without content or reason": f"SELECT count(*) FROM result WHERE reason IS NULL AND {_EMPTY}",
    **{
        f"rows of {table} without a result": f"SELECT count(*) FROM {table} WHERE result_id NOT IN"
        " (SELECT id FROM result)"
        for table in CONTENT
    },
}


def faults(db: sqlite3.Connection) -> list[str]:
    """What is wrong with a store, a sentence each; empty if it is sound."""
    return list(_faults(db))


def _faults(db: sqlite3.Connection) -> Iterator[str]:
    try:
        if others := list(other_tables(db)):
            yield from others  # nothing more can be asked of them
            return
        for (said,) in db.execute("PRAGMA integrity_check"):
            if said != "ok":
                yield f"integrity: {said}"
        for table, row, parent, _ in db.execute("PRAGMA foreign_key_check"):
            yield f"row {row} of {table} refers to a {parent} that is not there"
        for what, query in _HOMELESS.items():
            if count := db.execute(query).fetchone()[0]:
                yield f"{count} {what}"
        yield from other_kinds(db)
        yield from broken_json(db)
        yield from misfits(db)
    except sqlite3.DatabaseError as error:
        yield f"the file cannot be read to its end: {error}"


def backup(db: sqlite3.Connection, path: Path, taken: output_files.Taken | None = None) -> None:
    """Copy a store that may be written meanwhile; the copy is for the user alone.

    Args:
        taken: what the copy must not be; no companion of the store in any case.

    Raises:
        StoreUnusable: the file exists.
        OutputRefused, OutputUnwritten: no file can be there, or it cannot be written; nothing is left of it.
    """
    mine = Path(db.execute("PRAGMA database_list").fetchone()["file"])
    try:
        with output_files.new(path, {**(taken or {}), **output_files.of_store(mine)}, 0o600) as file:
            with closing(sqlite3.connect(file.name)) as copy:
                copy.execute("PRAGMA journal_mode=MEMORY")
                db.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
    except FileExistsError:
        raise StoreUnusable(f"{path} exists: name a file that does not, nothing is overwritten.") from None
    except sqlite3.Error as error:
        raise OutputUnwritten(f"{path} cannot be written ({error}): make room, or name another file.") from None


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

    A model whose name is another's here gets a number (`mine~2`, see `model_matching`). A task of a file is what the
    file holds: if the name is another file's here it gets one, too, and a file that is known here under another name
    keeps that one.

    Raises:
        StoreUnusable: `other` is not a store, damaged, or the same file.
        StoreTooOld, StoreTooNew: another version made it.
    """
    mine = Path(db.execute("PRAGMA database_list").fetchone()["file"])
    with closing(open_to_read(other)) as theirs:
        if mine.samefile(other):
            raise StoreUnusable(f"{other} is the store itself: name another store.")
        _refuse_others(theirs, other)
        with transaction(db):
            return _merged(db, theirs, other)


def _refuse_others(theirs: sqlite3.Connection, other: Path) -> None:
    """Raises: StoreUnusable, if it is not of this version's tables."""
    for wrong in other_tables(theirs):
        raise StoreUnusable(f"{other} does not have the tables of this version ({wrong}): name another store.")


def _merged(db: sqlite3.Connection, theirs: sqlite3.Connection, other: Path) -> "Merged":
    try:
        return _Merge(db, theirs).all()
    except (KeyError, TypeError, sqlite3.IntegrityError) as error:
        why = f"{type(error).__name__} {error}"
        raise StoreUnusable(
            f"{other} is damaged ({why}): `circuit-tui --store {shlex.quote(str(other))} verify` says where."
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
        names = model_matching.names(self.db, self.theirs)
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

    def _labels(self) -> dict[str, str]:
        """Their name of each task with results -> its name here; what the files hold decides."""
        files = task_files.take_over(self.db, self.theirs)
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
