"""What leaves the explorer is what the command line gives: same bytes, and the command is named."""

import asyncio
import base64
import csv
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import recorded
from console import answer
from room import room

from circuit_store import export, queries
from circuit_tui.explorer import bindings
from circuit_tui.explorer.screens import exports
from circuit_tui.terminal.driver import copy_sequence

pytestmark = [pytest.mark.usefixtures("path"), pytest.mark.long]

VIEWS = [
    ("a", "models", {}, "models.csv", "circuit-tui export models"),
    ("s", "checkpoints", {"model": "toy-a"}, "checkpoints-toy-a.csv", "circuit-tui export checkpoints toy-a"),
    (
        *("d", "heads", {"model": "toy-a", "step": 256, "role": "induction"}),
        *("heads-toy-a@256-induction.csv", "circuit-tui export heads toy-a@256 --role induction"),
    ),
    (
        *("f", "history", {"model": "toy-a", "role": "induction"}),
        *("history-toy-a-induction.csv", "circuit-tui export history toy-a --role induction"),
    ),
    (
        *("g", "circuit", {"model": "toy-a", "step": 256, "task": "ioi"}),
        *("circuit-toy-a@256-ioi.csv", "circuit-tui export circuit toy-a@256 --task ioi"),
    ),
]


@pytest.mark.parametrize(("key", "view", "filters", "name", "command"), VIEWS)
async def test_export_is_byte_for_byte_the_command_lines(explore, db, said, key, view, filters, name, command):
    async with explore(size=(80, 24)) as (_, pilot):
        await pilot.press("ctrl+o", key, "e")
    which = queries.view(view)
    wanted = export.text(queries.rows(db, which, filters), [c.name for c in which.columns], "csv")
    assert Path(name).read_bytes() == wanted.encode() and wanted.count("\r\n") > 2
    assert said == [f"{name} written to {Path.cwd()}\n{command}"]


@pytest.mark.processes
async def test_commands_name_a_store_that_is_not_the_usual_one(explore, screen_text, path, said, monkeypatch):
    """What the explorer says, typed into a shell, gives the bytes that it wrote."""
    monkeypatch.setenv("CIRCUIT_TUI_STORE", "another.db")
    monkeypatch.chdir(path.parent)
    named = f"circuit-tui --store {path.name}"
    async with explore(store=Path(path.name)) as (app, pilot):
        await pilot.press("ctrl+o", "d", "e")
        ((_, command),) = [told.splitlines() for told in said]
        for key in ("i", "ctrl+r"):
            await pilot.press(key)
            await pilot.pause()
            assert f"{named} run toy-a" in screen_text(app), key
            await pilot.press("escape")
    assert command.startswith(named)
    typed = [sys.executable, "-m", "circuit_tui", *shlex.split(command)[1:]]
    printed = subprocess.run(
        typed, capture_output=True, check=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)}
    )
    assert printed.stdout == Path("heads-toy-a@256-induction.csv").read_bytes()


async def test_where_nothing_is_computed_nothing_is_copied(explore, said, tmp_path):
    async with explore(store=tmp_path / "nowhere.db") as (app, pilot):
        for key in bindings.PANES:
            app.main.show_pane(key)
            await pilot.press("y", "i")
    assert set(said) == {
        "There is nothing to copy here yet.",
        "There is no number here yet.",
        "No number of one result is here: ask where one is, in a pane of the first screen.",
    }


@pytest.mark.processes
@pytest.mark.parametrize(
    ("key", "views"), [("A", ["algorithm", "composition"]), ("W", ["emergence", "handoffs"]), ("a", ["attention"])]
)
async def test_pages_are_exported_as_the_views_that_they_show(explore, path, maker, said, key, views):
    """What the toasts say, typed into a shell, gives the bytes that are written."""
    looks = [[i, 10_000 - i] for i in range(12)]
    maker.add(256, "attention", recorded.attention([["He", " says"]] * 2, [looks, looks]))
    async with explore() as (_, pilot):
        await pilot.press(key, "e")
    told = [message.splitlines() for message in said]
    assert [command.split()[2] for _, command in told] == views
    for written, command in told:
        typed = [sys.executable, "-m", "circuit_tui", "--store", path, *shlex.split(command)[1:]]
        printed = subprocess.run(
            typed, capture_output=True, check=True, env=os.environ | {"PYTHONPATH": ":".join(sys.path)}
        )
        assert printed.stdout == Path(written.split(" written to ")[0]).read_bytes()
        assert printed.stdout.startswith(b"model,")


LISTS = [
    (["ctrl+o", "s", "slash", *"unread", "enter"], [512]),
    (["ctrl+o", "s", "slash", *"6", "enter"], [16, 64, 256]),
    (["ctrl+o", "s", "S"], [1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1, 0]),
    (["ctrl+o", "s", "slash", *"6", "enter", "s", "S"], [256, 64, 16]),
    (["ctrl+o", "s", "slash", "exclamation_mark", *"[1-9]", "enter"], [0]),
    (["ctrl+o", "a", "s", "S"], ["toy-a", "toy-b"]),
    (["ctrl+o", "a", "S"], ["toy-b", "toy-a"]),
    (["ctrl+o", "a", "slash", *"-f", "space", *"tb", "enter"], ["toy-b"]),
]


@pytest.mark.parametrize(("keys", "seen"), LISTS)
async def test_a_list_is_exported_as_it_is_seen(explore, path, said, keys, seen):
    """Invariant: the rows that a filter left, in the order on the screen; the command that is told gives the bytes."""
    async with explore() as (app, pilot):
        await pilot.press(*keys, "e")
        pane = app.main.pane
        assert [row[pane.SORTS[0]] for row in pane.rows] == seen
    written, command = said[-1].splitlines()
    text = Path(written.split(" written to ")[0]).read_bytes()
    assert [row[pane.SORTS[0]] for row in csv.DictReader(io.StringIO(text.decode()))] == list(map(str, seen))
    own = {"CIRCUIT_TUI_STORE": str(path), "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"]}
    printed = await asyncio.to_thread(answer, path.parent, {**os.environ, **own}, *shlex.split(command)[1:])
    assert printed.stdout_bytes == text


async def test_where_no_row_is_seen_none_is_exported(explore, said):
    async with explore() as (_, pilot):
        await pilot.press("ctrl+o", "s", "slash", *"nowhere", "enter", "e")
    assert said == ["There is nothing to export here: no row is listed."] and not list(Path.cwd().iterdir())


async def test_a_screenshot_is_kept_or_refused_aloud(explore, said):
    async with explore() as (app, _):
        app.keep_screenshot()
        assert said == [f"screen.svg written to {Path.cwd()}"] and Path("screen.svg").read_text().startswith("<svg")
        Path("screen.svg").unlink()
        Path.cwd().rmdir()
        app.keep_screenshot()
        assert said[-1].startswith("No file could be written: ")


async def test_a_file_is_never_overwritten(explore):
    async with explore() as (_, pilot):
        await pilot.press("ctrl+o", "a", "e", "e")
    assert Path("models.csv").read_bytes() == Path("models~2.csv").read_bytes()


async def test_the_plotted_metric_is_exported_as_behaviour(explore, db):
    async with explore() as (_, pilot):
        await pilot.press("ctrl+o", "f", "B", "e")
    assert Path("behaviour-toy-a-ioi.csv").read_text().splitlines()[0].startswith("model,step,tokens,task,metric,value")


async def test_an_export_that_finds_no_room_leaves_nothing(explore, said):
    """Invariant: neither an export nor a screenshot leaves a part of itself; the explorer says why, and goes on."""
    async with explore() as (app, pilot):
        before = set(Path.cwd().iterdir())
        with room(100):
            await pilot.press("ctrl+o", "d", "e")
            app.keep_screenshot()
        assert [t.startswith("No file could be written: ") and "make room" in t for t in said[-2:]] == [True, True]
        assert set(Path.cwd().iterdir()) == before
        await pilot.press("e")
        assert len(set(Path.cwd().iterdir()) - before) == 1


def test_names_are_quoted_and_made_harmless(tmp_path):
    filters = {"model": "a b/../c", "step": 1, "role": "x;y"}
    assert exports.command("heads", filters) == "circuit-tui export heads 'a b/../c@1' --role 'x;y'"
    assert exports.write([], "heads", filters, tmp_path, {}).parent == tmp_path


async def test_copy_sends_the_value_or_the_row(explore, said):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "s", "y")
        assert app.clipboard == "toy-a@256"
        await pilot.press("ctrl+o", "d", "Y")
        assert app.clipboard.split("\t")[:7] == ["toy-a", "256", "524288", "induction", "", "2", "1"]
        await pilot.press("ctrl+o", "g", "j", "y")
        assert app.clipboard == "a3.h1->logits"
        assert "sent to the terminal" in said[-1]


def test_copy_is_wrapped_for_tmux_and_screen():
    payload = base64.b64encode("a − b".encode()).decode()
    plain = f"\x1b]52;c;{payload}\x07"
    assert copy_sequence("a − b", {}) == plain
    assert copy_sequence("a − b", {"TMUX": "x"}) == f"\x1bPtmux;\x1b{plain}\x1b\\"
    assert copy_sequence("a − b", {"STY": "x"}) == f"\x1bP{plain}\x1b\\"
    assert copy_sequence("x" * 80_000, {}) is None


async def test_a_long_copy_goes_to_a_file(explore, apart, monkeypatch):
    async with explore() as (app, pilot):
        monkeypatch.setattr(app.main.of("models"), "value", lambda: "x" * 80_000)
        await pilot.press("ctrl+o", "a", "y")
        assert (apart / "state" / "circuit-tui" / "copied.txt").read_text() == "x" * 80_000


def test_another_precision_is_part_of_the_command():
    facts = {"model": "m", "step": 1, "analysis": "heads", "dtype": "bfloat16"}
    command = exports.recompute(queries.ResultOrigin(facts, {}))
    assert command == "circuit-tui run m --checkpoints 1 --analyses heads --dtype bfloat16"


def test_roles_of_paths_are_computed_with_the_algorithm():
    facts = {"model": "m", "step": 1, "analysis": "heads", "role": "effect_logits", "dtype": "float32"}
    assert "--analyses algorithm" in exports.recompute(queries.ResultOrigin(facts, {}))
    years = facts | {"analysis": "greater_than", "role": None, "task": "greater_than"}
    assert "--analyses algorithm --tasks greater_than" in exports.recompute(queries.ResultOrigin(years, {}))


async def test_where_a_number_comes_from(explore, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "g", "i")
        await pilot.pause()
        text = screen_text(app)
        for part in (
            "computed by",
            "eap-ig",
            "step256",
            "hash of ioi",
            "circuit-tui run toy-a --checkpoints 256 --analyses circuit",
        ):
            assert part in text
        await pilot.press("escape")
        assert app.screen is app.main
        await pilot.press("ctrl+o", "a", "i")
        assert app.screen is app.main
