"""What leaves by a command: never over a file of the program's own, whole or not at all, in JSON that is valid."""

import json
import os
import sqlite3
import stat
import weakref
from contextlib import closing
from functools import partial
from tempfile import SpooledTemporaryFile

import pytest
from room import room

from circuit_store import export, models, output_files, results
from circuit_store.queue import requests
from circuit_store.store import open_to_write
from circuit_sweep.planning import texts
from circuit_tui.terminal import console

OLD = "of before\n" * 100
HANGS = "a" * 5000 + "!"


@pytest.fixture
def held(fresh):
    """A store of a thousand models, without results: 50 kB as CSV."""
    with closing(open_to_write(fresh.store)) as db:
        for number in range(1000):
            model = models.Model(
                f"toy-{number}", "folder", f"models/toy-{number}", 1000, 2, 2, 8, True, tokens_per_step=100
            )
            models.add_model(db, model, [])
        requests.add_run(db, {"models": ["toy-1"]}, [])
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return fresh


def changed(shell, statement: str) -> None:
    with closing(sqlite3.connect(shell.store)) as db, db:
        db.execute(statement)


def strictly(text: str):
    """JSON, of which NaN and Infinity are no part."""

    def refuse(word: str):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


COMMANDS = [
    ("export", "models", "--output"),
    ("circuit", "export", "toy-1@final/ioi", "--format", "dot", "--output"),
    ("backup",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("name", ["store.db", "store.db-wal", "store.db-journal", "a/../store.db.lock", "link", "hard"])
def test_no_output_is_of_the_store(held, command, name):
    """Invariant: refused with exit 2 and one sentence, by path, link or hard link; nothing is written."""
    (held.folder / "a").mkdir()
    (held.folder / "link").symlink_to("store.db-shm")
    (held.folder / "hard").hardlink_to(held.store)
    before, there = held.store.read_bytes(), set(held.folder.iterdir())
    sentence = held.refused(*command, name)
    assert f"{name} is " in sentence and "the store" in sentence and "name another file" in sentence
    assert held.store.read_bytes() == before and {p for p in held.folder.iterdir() if "-" not in p.name} <= there


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_no_output_is_the_log(held, command):
    """Invariant: the runner's and the explorer's are refused, there or not yet."""
    state = held.folder / "state" / "circuit-tui"
    state.mkdir(parents=True)
    (state / "runner.log").write_text(OLD)
    (held.folder / "log").symlink_to(state / "explorer.log")
    for path in (state / "runner.log", "log"):
        assert f"{path} is the program's log" in held.refused(*command, path)
    assert (state / "runner.log").read_text() == OLD and not (state / "explorer.log").exists()


def test_no_output_is_what_the_command_reads(held):
    """Invariant: the text that chooses among results stays."""
    text = held.folder / "text"
    text.write_text(OLD)
    with closing(open_to_write(held.store)) as db:
        model = models.Model("toy", "folder", "models/toy", 1000, 2, 2, 8, True, tokens_per_step=100)
        checkpoint = models.add_model(db, model, [models.CheckpointRecord(0, 0, "")])[0]
        params = {"text": texts.read(text).hash}
        of = results.Provenance("key", 1, checkpoint, "heads", params, "x", "f", "float32", 1.0, "copy_suppression")
        results.write(db, of, results.Undefined("none"))
    assert "text is what the command reads" in held.refused("export", "heads", "--text", "text", "--output", "./text")
    assert text.read_text() == OLD


def test_a_full_disk_leaves_the_older_file(held):
    """Invariant: exit 1, one sentence; the old export is whole, and nothing lies beside it."""
    (held.folder / "out.csv").write_text(OLD)
    there = {p.name for p in held.folder.iterdir()}
    for command, name in ((("export", "models", "--output"), "out.csv"), (("backup",), "copy.db")):
        with room(40_000):
            sentence = held.refused(*command, name, code=1)
        assert f"{name} cannot be written (" in sentence and "make room" in sentence
    assert (held.folder / "out.csv").read_text() == OLD
    assert {p.name for p in held.folder.iterdir()} - {"store.db-wal", "store.db-shm"} == there - {
        "store.db-wal",
        "store.db-shm",
    }


def test_an_older_file_keeps_its_mode(held):
    path = held.folder / "out.csv"
    path.write_text(OLD)
    path.chmod(0o604)
    held("export", "models", "--output", path)
    assert path.read_text().count("\n") == 1001 and stat.S_IMODE(path.stat().st_mode) == 0o604


@pytest.mark.processes
def test_stdout_that_is_closed_or_left(held):
    """Invariant: exit 1 and at most one line; the store, whose file could be taken for stdout, is unharmed."""
    said = []
    for args in (("export", "models"), ("models", "--json")):
        done = held.run(*args, preexec_fn=partial(os.close, 1))
        said.append((done.returncode, done.stderr.decode()))
    assert said == [(1, "circuit-tui: stdout cannot be used (it is closed).\n")] * 2
    reader, writer = os.pipe()
    os.close(reader)
    done = held.run("export", "models", stdout=writer)
    os.close(writer)
    assert done.returncode == 1 and done.stderr == b""
    assert held("export", "models").count("\n") == 1001


@pytest.mark.processes
def test_stdout_is_not_the_store(held):
    """Invariant: `>>` to the store is refused before anything is printed."""
    before = held.store.read_bytes()
    with open(held.store, "ab") as store:
        done = held.run("export", "models", stdout=store)
    assert done.returncode == 2 and b"is the store" in done.stderr and held.store.read_bytes() == before


@pytest.mark.parametrize(
    "statement, word, cell",
    [
        ("UPDATE model SET params = 9e999 WHERE name = 'toy-1'", "inf", "inf"),
        ("UPDATE model SET params = -9e999 WHERE name = 'toy-1'", "-inf", "-inf"),
        ("UPDATE model SET params = CAST('many' AS BLOB) WHERE name = 'toy-1'", "many", "many"),
        ("UPDATE model SET params = x'ff00' WHERE name = 'toy-1'", "\ufffd\x00", "\ufffd\x00"),
    ],
)
def test_json_is_valid_whatever_the_store_holds(held, statement, word, cell):
    """Invariant: what JSON has no word for is the text that CSV has for it, in every form; sorting knows it."""
    changed(held, statement)
    for args in (("show", "models", "--json"), ("models", "--json")):
        assert word in [row["params"] for row in strictly(held(*args))["rows"]]
    lines = held("export", "models", "--format", "jsonl", "--sort", "-params").splitlines()
    assert word in [strictly(line)["params"] for line in lines] and len(lines) == 1000
    assert f",{cell}," in held("export", "models", "--sort", "params")
    assert held("show", "models").count("\n") == 1001


def test_a_blob_among_runs_is_told_in_json(held):
    """Invariant: documents that are no views are valid, too."""
    changed(held, "UPDATE run SET host = x'ff41', started = 9e999")
    runs = strictly(held("jobs", "--json"))["runs"]
    assert len(runs) == 1


ENDLESS = {"slow": "(a|aa)+$", "deep": "(" * 5000 + ")" * 5000, "big": "((a{999}){999}){999}"}


@pytest.mark.parametrize("pattern", ENDLESS.values(), ids=ENDLESS)
def test_an_expression_without_end_is_one_sentence(held, pattern, monkeypatch):
    """Invariant: bounded in time, exit 2; nothing is printed, and no file is left."""
    monkeypatch.setattr("circuit_core.bounded_regex.SECONDS", 0.1)
    changed(held, f"UPDATE model SET source = '{HANGS}' WHERE name = 'toy-1'")
    there = {p.name for p in held.folder.iterdir()}
    for output in ((), ("--output", "out.csv")):
        assert held.refused("export", "models", "--grep", pattern, *output).startswith(f"--grep {pattern[:80]}")
    (held.folder / "runs" / HANGS[-200:]).mkdir(parents=True)
    pattern = pattern if len(pattern) > 20 else "(?P<step>(a|aa)+)"
    assert held.refused("models", "add", "m", "runs", "--pattern", pattern).startswith(f"--pattern {pattern[:80]}")
    assert {p.name for p in held.folder.iterdir()} - there <= {"runs", "store.db-wal", "store.db-shm"}


def test_an_export_is_written_as_it_comes(held, monkeypatch):
    """Invariant: only few rows wait for others before they are written."""
    monkeypatch.setattr(export, "_PIECE", 10)
    most, lines = [0], export.lines

    def watched(rows, *args):
        def one_by_one():
            for number, row in enumerate(rows):
                most[0] = number - seen[0]
                yield row

        seen = [0]
        for piece in lines(one_by_one(), *args):
            seen[0] += piece.count("\n")
            yield piece

    monkeypatch.setattr(export, "lines", watched)
    held("export", "models", "--grep", "toy", "--output", "out.csv")
    assert (held.folder / "out.csv").read_text().count("\n") == 1001 and most[0] <= 10


@pytest.mark.parametrize("command", [("export", "models", "--format", "jsonl"), ("show", "models", "--json")])
def test_what_is_printed_waits_in_a_file(held, command, monkeypatch):
    """Invariant: of an output that is large no more than a piece is in memory besides what may wait there."""
    monkeypatch.setattr(export, "_PIECE", 10)
    monkeypatch.setattr(output_files, "HELD", 2**12)
    largest, write = [0], SpooledTemporaryFile.write

    def watched(file, data):
        written = write(file, data)
        largest[0] = max(largest[0], 0 if file._rolled else file.tell())
        return written

    monkeypatch.setattr(SpooledTemporaryFile, "write", watched)
    assert held(*command).count("toy-") >= 1000 and 0 < largest[0] <= 2**12


def test_a_table_waits_in_a_file(held, monkeypatch):
    """Invariant: of many rows no more than a few are in memory besides what may wait there; the table is the same."""
    whole = held("show", "models")
    monkeypatch.setattr(output_files, "HELD", 2**12)
    monkeypatch.setattr(console, "_LINES", 10)
    alive, most = weakref.WeakSet[Cell](), [0]

    def told(value) -> Cell:
        made = Cell(str(value))
        alive.add(made)
        most[0] = max(most[0], len(alive))
        return made

    monkeypatch.setattr(console, "plain", told)
    assert held("show", "models") == whole and whole.count("\n") == 1001 and 1 < most[0] < 100


class Cell(str):
    """That can be seen to be there."""
