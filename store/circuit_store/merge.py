"""Take over what another store holds; what its models and tasks are called here, `merge_names` says.

Models, checkpoints, tasks and texts come first, at once. Results follow in batches, each read before the store is held
for writing it, so that others write between them. No result is ever there in part; a merge that was killed leaves whole
ones, and the next goes on behind them as if there had been one merge.
"""

import shlex
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circuit_store import merge_names
from circuit_store.errors import StoreUnusable
from circuit_store.integrity import other_tables
from circuit_store.merge_source import ResultFound, Source, SourceBroken, columns_below
from circuit_store.store import open_to_read
from circuit_store.transactions import snapshot, transaction

_RESULTS, _BYTES = 200, 2**22
"""What is written at once: so many results, or as few as come to so much."""


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
    """Take over models, checkpoints, tasks and results, result by result; what is there already stays. What came over
    before an error or the process's end stays, too, and the same merge goes on from there.

    Raises:
        StoreUnusable: `other` is not a store, damaged, or the same file.
        StoreTooOld, StoreTooNew: another version made it.
    """
    mine = Path(db.execute("PRAGMA database_list").fetchone()["file"])
    with closing(open_to_read(other)) as opened:
        if mine.samefile(other):
            raise StoreUnusable(f"{other} is the store itself: name another store.")
        for wrong in other_tables(opened):
            raise StoreUnusable(f"{other} does not have the tables of this version ({wrong}): name another store.")
        try:
            with snapshot(opened):
                return _Merge(db, Source(opened)).all()
        except (SourceBroken, KeyError, TypeError, sqlite3.IntegrityError) as error:
            why = f"{error}" if isinstance(error, SourceBroken) else f"{type(error).__name__} {error}"
            which = shlex.quote(str(other))
            raise StoreUnusable(
                f"{other} is damaged ({why}): `circuit-tui --store {which} verify` says where."
            ) from None


class _Merge:
    """Ids of the other store and what they are here."""

    def __init__(self, db: sqlite3.Connection, theirs: Source) -> None:
        self.db, self.theirs = db, theirs
        self.checkpoints: dict[int, int] = {}
        self.tasks: dict[int, int] = {}
        self.runs: dict[int, int] = {}
        self.asked = 0
        """What comes over counts as newer than what is here, in its own order."""

    def all(self) -> Merged:
        with transaction(self.db):
            before = self._count("model")
            names = merge_names.of_models(self.db, self.theirs)
            models = self._by("model", "name", name=names)
            self.checkpoints = self._by("checkpoint", "model_id, step", model_id=models)
            self._loaded(self.checkpoints)
            labels = merge_names.of_tasks(self.db, self.theirs)
            self.tasks = self._by("task", "hash", name=labels)
            self._by("text_file", "hash")
            new = self._count("model") - before
        results = self.theirs.ask("SELECT id, key, asked FROM result ORDER BY id")
        self.asked, taken = self._newest({key: asked for _, key, asked in results}), 0
        for batch in self._batches({own: key for own, key, _ in results}):
            with transaction(self.db):
                taken += sum(map(self._put, batch))
        return Merged(new, taken, len(results) - taken, sorted(names.values()), _changed(names), _changed(labels))

    def _newest(self, asked: Mapping[str, int]) -> int:
        """The highest `asked` here of what did not come from there, so that a merge that goes on counts as the one that
        was killed did; of everything, if anything was asked for or came from elsewhere since.

        Args:
            asked: there, by key.
        """
        runs = {self._copy(self.theirs.run(run)) for (run,) in self.theirs.ask("SELECT id FROM run")}
        here = self.db.execute("SELECT key, asked, run_id FROM result").fetchall()
        came = {key: number for key, number, run in here if run in runs and key in asked}
        before = max((number for key, number, _ in here if key not in came), default=0)
        goes_on = all(number == before + asked[key] for key, number in came.items())
        return before if goes_on else max(before, *came.values())

    def _batches(self, keys: Mapping[int, str]) -> Iterator[list[ResultFound]]:
        """What is not here yet, in their order.

        Args:
            keys: of their results, by id.
        """
        batch, size = list[ResultFound](), 0
        for own, key in keys.items():
            if self._held(key):
                continue
            batch.append(self.theirs.result(own))
            size += batch[-1].size
            if len(batch) == _RESULTS or size > _BYTES:
                yield batch
                batch.clear()
                size = 0
        yield batch

    def _held(self, key: str) -> bool:
        return self.db.execute("SELECT 1 FROM result WHERE key = ?", (key,)).fetchone() is not None

    def _put(self, found: ResultFound) -> bool:
        """Within a transaction. Returns whether it was not there yet: others may have written it meanwhile."""
        row = found.row
        if self._held(row["key"]):
            return False
        del row["id"]
        row["checkpoint_id"], row["run_id"] = self.checkpoints[row["checkpoint_id"]], self._run(row["run_id"])
        row["asked"] += self.asked
        row["task_id"] = row["task_id"] and self.tasks[row["task_id"]]
        result = self._insert("result", row)
        for table, rows in found.content.items():
            names = columns_below(table)
            marks = ", ".join("?" * (names.count(",") + 1))
            statement = f"INSERT INTO {table} (result_id, {names}) VALUES (?, {marks})"  # kept, with what it wrote last
            self.db.executemany(statement, ((result, *row) for row in rows))
        return True

    def _run(self, run: int) -> int:
        """The run that a result leads to comes with it, once."""
        if run not in self.runs:
            row = self.theirs.run(run)
            self.runs[run] = self._copy(row) or self._insert("run", row)
        return self.runs[run]

    def _copy(self, row: dict[str, Any]) -> int | None:
        """The number here of a run that came with an earlier merge."""
        same = " AND ".join(f"{name} IS ?" for name in row)
        found = self.db.execute(f"SELECT id FROM run WHERE {same}", tuple(row.values())).fetchone()
        return found and found[0]

    def _count(self, table: str) -> int:
        return self.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def _by(self, table: str, key: str, **refers: Mapping[Any, Any]) -> dict[int, int]:
        """Rows that are not there under their key come over; returns their id -> ours.

        Args:
            refers: of a column, what stands there -> what is to stand here.
        """
        ids: dict[int, int] = {}
        for row in map(dict, self.theirs.ask(f"SELECT * FROM {table}")):
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
        for own, *shown in self.theirs.ask(loaded):
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


def _changed(names: dict[str, str]) -> dict[str, str]:
    return {theirs: here for theirs, here in names.items() if theirs != here}
