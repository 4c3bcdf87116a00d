"""A laptop with a store and without /proc, such as a Mac: everything that looks at a store works there."""

import json
import os
import re
from contextlib import closing

import no_proc
import pytest
from console import answer
from places import ROOT

from circuit_store import filesystem, output_files
from circuit_store.errors import OutputRefused
from circuit_store.store import open_to_read, open_to_write


@pytest.fixture
def missed(db, monkeypatch):
    """/proc is gone once there is a whole store."""
    return no_proc.hide(monkeypatch)


def test_a_store_is_made_and_opened(missed, tmp_path):
    """Invariant: nothing is known of its file system, so that it is taken for the user's own, with a log ahead."""
    with closing(open_to_write(tmp_path / "new.db")) as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    with closing(open_to_read(tmp_path / "new.db")) as db:
        assert db.execute("SELECT count(*) FROM model").fetchone()[0] == 0
    assert filesystem.kind(tmp_path) is None
    assert missed == ["/proc/self/mountinfo"] * 2


def test_commands_look_at_it(missed, path, tmp_path):
    """Invariant: `show`, `export`, `info`, `backup` and `jobs` end with 0 and give what is there."""

    def said(*words: object) -> str:
        done = answer(tmp_path, {**os.environ}, *map(str, words))
        assert done.exit_code == 0, done.stderr
        return done.stdout

    assert "toy-a" in said("show", "models")
    shown = said("export", "heads", "toy-a@256")
    said("export", "heads", "toy-a@256", "--output", tmp_path / "heads.csv")
    assert (tmp_path / "heads.csv").read_text() == shown and shown.count("\n") > 12
    told = json.loads(said("info", "--json"))
    assert told["store"] == str(path) and told["journal"] == "write-ahead log, on an unknown file system"
    said("backup", tmp_path / "copy.db")
    said("jobs")
    assert "/proc/self/mountinfo" in missed


async def test_the_explorer_shows_it(missed, explore, screen_text):
    async with explore() as (app, _):
        assert "toy-a" in screen_text(app) and "induction" in screen_text(app)


def test_stdout_is_not_the_store(missed, path):
    """Invariant: that `>>` leads to the store is seen without a name for stdout."""
    saved = os.dup(1)
    try:
        with open(path, "ab") as file:
            os.dup2(file.fileno(), 1)
        with pytest.raises(OutputRefused, match=f"stdout goes to {path}: that is the store"):
            output_files.refuse_stdout(output_files.of_store(path))
    finally:
        os.dup2(saved, 1)
        os.close(saved)
    output_files.refuse_stdout(output_files.of_store(path))


def test_nothing_else_asks_for_it():
    """Invariant: one file of the program names what only Linux has, and says what follows where it is missing."""
    programs = [path for floor in ("core", "store", "tui") for path in (ROOT / floor).rglob("*.py")]
    asking = [path for path in programs if re.search(r"/proc\b|/sys/|/dev/(std|fd)", path.read_text())]
    assert asking == [ROOT / "store" / "circuit_store" / "filesystem.py"]
