"""A merge in parts: killed at any of its steps, with others who write between, and of a store that breaks off."""

import os
import random
import signal
import sqlite3
import weakref
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from circuit_store import maintenance, merge, store
from circuit_store.connection import Connection
from circuit_store.errors import StoreUnusable
from circuit_store.results import keys
from circuit_store.transactions import snapshot

VALUES = [("eap", 0), ("eap", 10), ("exact", 10), ("eap", 20)]


def dumped(path: Path) -> list[str]:
    """All that a store holds, with the numbers of its rows."""
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


@pytest.fixture
def two(toy, tmp_path, empty_store, monkeypatch):
    """A store with something in every view, and a way to make one that has a little already; batches are small."""
    monkeypatch.setattr(merge, "_RESULTS", 3)
    other = type(toy)(tmp_path / "other.db").full()
    again = [other.score(step, step / 20, {"method": name}) for name, step in VALUES]
    keys.ask_again(other.db, "toy", again[:1])
    store.close_writer(other.db)
    toy.behaviour(0, -0.5)
    toy.score(10, 0.75, {"method": "own"})
    store.close_writer(toy.db)
    return toy.path, other.path


def merged(into: Path, other: Path, watch: Callable[[str], None] | None = None) -> merge.Merged:
    with closing(store.open_to_write(into)) as db:
        db.set_trace_callback(watch)
        return merge.merge(db, other)


def copied(path: Path, name: str) -> Path:
    made = path.with_name(name)
    made.write_bytes(path.read_bytes())
    return made


def killed(into: Path, other: Path, at: int) -> bool:
    """A merge in a process of its own that dies before a certain statement; False if it has not so many."""
    child = os.fork()
    if child == 0:
        seen = [0]

        def count(statement: str) -> None:
            seen[0] += 1
            if seen[0] == at:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            merged(into, other, count)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def sound(path: Path) -> list[str]:
    with closing(store.open_to_read(path)) as db:
        return maintenance.faults(db)


@pytest.mark.processes
def test_a_merge_that_is_killed_goes_on(two):
    """Invariant: wherever it dies, what is there is whole, and a second merge leaves the store that one would have."""
    into, other = two
    whole = copied(into, "whole.db")
    taken = merged(whole, other).results
    assert taken > 9
    statements: list[str] = []
    merged(copied(into, "counted.db"), other, statements.append)
    left, expected = set(), dumped(whole)
    for at in range(1, len(statements), max(1, len(statements) // 40)):
        part = copied(into, f"part{at}.db")
        assert killed(part, other, at) and sound(part) == []
        left.add(rest := merged(part, other).results)
        assert dumped(part) == expected, (at, statements[at - 1])
        assert rest <= taken
    assert len(left) > 3 and taken in left


@pytest.mark.slow
def test_twenty_kills_of_one_merge_lose_nothing(toy, two):
    """Invariant: one merge that dies twenty times, each time somewhere in its next steps, ends as one that did not."""
    into, other = two
    with closing(type(toy)(other).db) as db:
        toy.db = db
        for i in range(60):
            toy.score(VALUES[i % 4][1], i / 100, {"method": f"own {i}"})
        store.close_writer(db)
    whole, chance = copied(into, "whole.db"), random.Random(0)
    taken, held = merged(whole, other).results, list[int]()
    for left in range(20, 0, -1):
        statements: list[str] = []
        merged(copied(into, "counted.db"), other, statements.append)
        assert killed(into, other, chance.randrange(1, len(statements) * 2 // (left + 2))) and sound(into) == []
        with closing(sqlite3.connect(into)) as db:
            held.append(merge_count(db))
    assert merged(into, other).results < taken - 20 and dumped(into) == dumped(whole)
    assert held == sorted(held) and len(set(held)) > 5


def test_others_write_between_batches(toy, two):
    """Invariant: the store is free while the next results are read, and what others write there stays."""
    into, other = two
    numbers: list[int] = []
    with closing(type(toy)(into).db) as db, closing(store.open_to_write(into)) as free:
        free.execute("PRAGMA busy_timeout=0")

        def between(statement: str) -> None:
            if not db.in_transaction and statement.startswith("SELECT 1 FROM result"):
                free.execute("UPDATE model SET tokens_per_step = tokens_per_step + 1")
                numbers.append(merge_count(free))

        db.set_trace_callback(between)
        taken = merge.merge(db, other).results
        db.set_trace_callback(None)
        assert len(set(numbers)) > 3 and numbers == sorted(numbers)
        (tokens,) = db.execute("SELECT tokens_per_step FROM model").fetchone()
        assert tokens == 100 + len(numbers) and numbers[0] + taken == merge_count(db)


def merge_count(db: sqlite3.Connection) -> int:
    return db.execute("SELECT count(*) FROM result").fetchone()[0]


def test_of_what_was_written_only_the_last_is_kept(two, monkeypatch):
    """Invariant: results are written by one statement for each table: a statement that is kept holds what it wrote,
    which may be the scores of millions of edges. Of those that were read no batch is held but the one at work.
    """
    into, other = two
    said: list[str] = []
    write, read, alive = Connection.executemany, merge.ResultFound, list[weakref.ref[merge.ResultFound]]()

    def found(*args) -> merge.ResultFound:
        made = read(*args)
        alive.append(weakref.ref(made))
        return made

    def written(db: Connection, statement: str, rows) -> sqlite3.Cursor:
        said.append(statement)
        assert sum(one() is not None for one in alive) <= 3
        return write(db, statement, rows)

    monkeypatch.setattr("circuit_store.merge_source.ResultFound", found)
    monkeypatch.setattr(Connection, "executemany", written, raising=False)
    assert merged(into, other).results > 9
    assert len(said) > len(set(said)) == len({statement.split()[2] for statement in said})


def test_a_long_read_that_another_holds_does_not_wait(two):
    """Invariant: who reads all the while sees the store as it was; the merge comes to the end that it has alone."""
    into, other = two
    whole = copied(into, "whole.db")
    taken = merged(whole, other).results
    with closing(store.open_to_read(into)) as reader, snapshot(reader):
        before = merge_count(reader)
        assert merged(into, other).results == taken and merge_count(reader) == before
    assert dumped(into) == dumped(whole)


def test_a_result_that_came_meanwhile_stays(toy, two):
    """Invariant: of a key that another wrote while its batch was read, the other's result is kept."""
    into, other = two
    with closing(store.open_to_read(other)) as theirs:
        key, step = theirs.execute(
            "SELECT key, step FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
            " WHERE analysis = 'behaviour' AND step = 10"
        ).fetchone()
    meanwhile, begun = type(toy)(into), list[str]()
    with closing(store.open_to_write(into)) as db, closing(meanwhile.db):

        def between(statement: str) -> None:
            if statement.startswith("BEGIN"):
                begun.append(statement)
                if len(begun) == 2:  # the first batch is read
                    meanwhile.behaviour(step, 77.0, key)

        db.set_trace_callback(between)
        merge.merge(db, other)
        held = db.execute("SELECT value FROM behaviour JOIN result ON id = result_id WHERE key = ?", (key,)).fetchall()
        assert [row[0] for row in held] == [77.0] and maintenance.faults(db) == []


def test_a_store_that_breaks_off_leaves_what_is_whole(two, monkeypatch):
    """Invariant: results before the damage came over and stay; mended, the same merge ends as one that was whole."""
    monkeypatch.setattr(merge, "_RESULTS", 1)
    into, other = two
    whole = copied(into, "whole.db")
    taken = merged(whole, other).results
    with closing(sqlite3.connect(other)) as db, db:
        (last, run) = db.execute("SELECT max(id), run_id FROM result").fetchone()
        db.execute("UPDATE result SET run_id = 99 WHERE id = ?", (last,))
    with pytest.raises(StoreUnusable, match="damaged .there is no run 99.: .* says where"):
        merged(into, other)
    assert sound(into) == []
    with closing(sqlite3.connect(other)) as db, db:
        db.execute("UPDATE result SET run_id = ? WHERE id = ?", (run, last))
    assert (merged(into, other).results, taken > 9) == (1, True) and dumped(into) == dumped(whole)


@pytest.mark.parametrize("table", ["result", "head_score", "circuit_edge"])
def test_a_damaged_page_is_the_other_stores(two, table):
    """Invariant: the sentence names the store that is damaged; the one that is written stays sound."""
    into, other = two
    with closing(sqlite3.connect(other)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with open(other, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(StoreUnusable, match="other.db is damaged .database disk image is malformed.: .* says where"):
        merged(into, other)
    assert sound(into) == []


def test_a_disk_that_fills_up_leaves_what_is_whole(two):
    """Invariant: a merge that finds no room ends with the store's own error; with room again it ends as one would."""
    into, other = two
    with closing(sqlite3.connect(other)) as db, db:
        db.execute("UPDATE result SET reason = printf('%.8000c', 'x')")
    whole = copied(into, "whole.db")
    taken, rest = merged(whole, other).results, set[int]()
    for more in range(0, 2 * taken, 5):
        part = copied(into, f"part{more}.db")
        with closing(store.open_to_write(part)) as db:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            db.execute(f"PRAGMA max_page_count={pages + more}")
            with pytest.raises(sqlite3.OperationalError, match="full"):
                merge.merge(db, other)
        assert sound(part) == []
        rest.add(merged(part, other).results)
        assert dumped(part) == dumped(whole)
    assert taken in rest and len(rest) > 2
