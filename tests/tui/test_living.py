"""The explorer stands before the store does, fills while a sweep runs, and survives what a store may hold."""

import sqlite3
from contextlib import closing

import pytest
from waiting import looked, until

from circuit_tui.explorer.app import Explorer

pytestmark = pytest.mark.long


async def test_a_store_that_is_not_there_says_what_brings_it(explore, screen_text):
    async with explore() as (app, pilot):
        text = " ".join(screen_text(app).split())
        assert "There is no store at" in text and "circuit-tui demo" in text
        await pilot.press(
            "ctrl+o",
            "d",
            "j",
            "comma",
            "m",
            "m",
            "space",
            "asterisk",
            "e",
            "i",
            "y",
            "Y",
            "ctrl+o",
            "g",
            "z",
            "l",
            "p",
            "T",
            "r",
        )
        await pilot.press("P", "A", "escape", "W", "escape", "a", "n", "comma", "e", "escape")
        assert app.screen is app.main


async def test_a_store_without_results_is_empty_not_wrong(explore, maker, screen_text, said):
    async with explore() as (app, pilot):
        assert "toy-a" in screen_text(app) and "None is computed yet" in " ".join(screen_text(app).split())
        await pilot.press(
            "ctrl+o", "d", "comma", "full_stop", "m", "m", "ctrl+o", "g", "z", "e", "ctrl+o", "f", "X", "B"
        )
        assert "sweep" in screen_text(app)
        await pilot.press("a", "e")
        assert "none of them is computed yet" in " ".join(app.screen._text.plain.split())
        assert "There is nothing to export here yet." in said


async def test_begin_makes_the_store_and_it_is_noticed(explore, tmp_path, fill, screen_text, request, said):
    def begin() -> str:
        fill(request.getfixturevalue("maker"))
        return "13 checkpoints are being computed."

    async with explore(begin=begin) as (app, pilot):
        await until(pilot, lambda: app.main.look and app.main.look.at.step == 256)
        assert said == ["13 checkpoints are being computed."]


async def test_a_begin_that_fails_is_shown_in_full(explore, screen_text):
    def begin() -> str:
        raise OSError("the disk is full [bold]")

    async with explore(begin=begin) as (app, pilot):
        await until(pilot, lambda: "disk is full" in app.last_error)
        await pilot.press("E")
        await pilot.pause()
        assert "OSError: the disk is full [bold]" in screen_text(app)


async def test_it_follows_a_sweep_and_keeps_what_was_chosen(explore, maker, screen_text):
    for _ in range(6):
        maker.unit()
    async with explore() as (app, pilot):
        assert app.main.look.at.step == 16
        maker.unit()
        await until(pilot, lambda: app.main.look.at.step == 32)
        assert "7/14" in screen_text(app) and "about 14 s left" in screen_text(app)
        await pilot.press("ctrl+o", "d", "g", "comma")
        maker.unit()
        await until(pilot, lambda: "8/14" in screen_text(app))
        assert (app.main.look.at.step, app.main.look.at.head) == (16, (0, 0))


async def test_marks_and_reasons_of_checkpoints(explore, path, screen_text):
    async with explore() as (app, pilot):
        lines = [line for line in screen_text(app).splitlines() if line[1:8].strip().isdigit()]
        marks = {int(line[1:8]): line[15:16] for line in lines}
        assert (marks[1], marks[512], marks[1024], marks[256]) == ("=", "✗", "…", " ")
        await pilot.press("full_stop")
        assert "header too large" in screen_text(app)


HOSTILE = "[bold red]x[/] \x1b]0;owned\x07\x1b[31m\x00\u202e 日本 👩\u200d🔬 $(rm) " + "y" * 10_000


async def test_hostile_names_are_only_text(explore, db, screen_text):
    db.execute("UPDATE model SET name = ? WHERE name = 'toy-a'", (HOSTILE,))
    db.execute("UPDATE task SET name = ? WHERE name = 'ioi'", (HOSTILE,))
    db.execute("UPDATE result SET role = ? WHERE role = 'induction'", (HOSTILE,))
    db.execute("UPDATE checkpoint SET detail = ?", (HOSTILE,))
    async with explore() as (app, pilot):
        for key in (
            "ctrl+o",
            "a",
            "ctrl+o",
            "s",
            "ctrl+o",
            "d",
            "ctrl+o",
            "f",
            "ctrl+o",
            "g",
            "B",
            "comma",
            "y",
            "Y",
            "i",
            "escape",
            "e",
            "plus",
            "underscore",
            "t",
            "A",
            "W",
            "W",
            "ctrl+o",
            "d",
            "P",
        ):
            await pilot.press(key)
            assert "\x1b" not in screen_text(app) and "\u202e" not in screen_text(app)
        assert "[bold red]x" in screen_text(app)
        await pilot.press("colon", *"bold")
        await until(pilot, lambda: "bold" in screen_text(app))
        assert "\x1b" not in screen_text(app)


async def test_numbers_that_are_none(explore, db):
    db.execute("UPDATE head_score SET value = 9e999")
    db.execute("UPDATE behaviour SET value = -9e999")
    db.execute("UPDATE circuit_edge SET score = 9e999 WHERE src = 0")
    async with explore() as (_, pilot):
        await pilot.press("comma", "ctrl+o", "d", "asterisk", "ctrl+o", "f", "B", "ctrl+o", "g", "z", "A", "comma")


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to look", b""])
async def test_a_file_that_is_no_store(explore, tmp_path, content, screen_text):
    (tmp_path / "other.db").write_bytes(content)
    async with explore(store=tmp_path / "other.db") as (app, _):
        assert "other.db" in screen_text(app).replace("\n", "")


async def test_a_store_that_breaks_is_told_of(explore, path, monkeypatch):
    async with explore() as (app, pilot):

        def broken(db):
            raise sqlite3.DatabaseError("database disk image is malformed")

        monkeypatch.setattr("circuit_store.queries.data_version", broken)
        await looked(pilot)
        assert "malformed" in app.last_error and app.main.look is None
        await pilot.press("E")


def test_an_uncaught_error_is_logged_and_shows_no_variables(tmp_path, capsys, apart):
    class Broken(Explorer):
        def poll(self, resting: bool = False) -> None:
            secret = "hunter" + "2"
            raise ValueError(f"nothing to see {len(secret)}")

    Broken(tmp_path / "store.db").run(headless=True, size=(80, 24))
    printed = capsys.readouterr().err
    assert "ValueError" in printed and "explorer.log" in printed.replace("\n", "") and "hunter2" not in printed
    assert "Traceback" in (apart / "state" / "circuit-tui" / "explorer.log").read_text()


async def test_a_store_that_is_moved_and_replaced_is_followed(explore, db, path, tmp_path, screen_text):
    """Invariant: what lies at the path is what is shown: nothing, which is said, or another store; on every page."""
    async with explore() as (app, pilot):
        path.rename(tmp_path / "elsewhere.db")
        await until(pilot, lambda: "There is no store at" in " ".join(screen_text(app).split()))
        await pilot.press("ctrl+o", "d", "j", "ctrl+o", "g", "A", "escape", "W", "escape", "7", "escape")
        with closing(sqlite3.connect(path.with_name("other.db"))) as copy, copy:
            db.backup(copy)
            copy.execute("UPDATE model SET name = 'another' WHERE name = 'toy-a'")
        path.with_name("other.db").rename(path)
        await until(pilot, lambda: "another" in screen_text(app))
        assert "toy-a" not in screen_text(app) and app.last_error == "No error so far."
