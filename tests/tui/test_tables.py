"""The tables screen: views of the store read page by page, sorted, filtered, counted, exported; and SELECTs."""

import asyncio
import csv
import re
import shlex
from io import StringIO
from pathlib import Path

import pytest
import recorded
from console import answer
from waiting import until

from circuit_store import results, trends
from circuit_tui.explorer.table_request import PAGE
from circuit_tui.explorer.widgets.cursor_lines import Lines

pytestmark = pytest.mark.long


def rows(text: str) -> list[list[str]]:
    """What stands in the lines of the table, between its header and the line on the cell."""
    found = text.splitlines()
    return [line.strip("› ▁▂▃▄▅▆▇█").split() for line in found[3:-4] if line.strip()]


async def printed(told: str) -> bytes:
    """What the command in a toast prints."""
    command = shlex.split(told.splitlines()[1])
    result = await asyncio.to_thread(answer, Path.cwd(), {}, *command[1:])
    assert result.exit_code == 0, result.output
    return result.stdout_bytes


async def typed(pilot, text: str) -> None:
    """Key by key, as a person does."""
    names = {" ": "space", ">": "greater_than_sign", "=": "equals_sign", "!": "exclamation_mark", "_": "underscore"}
    await pilot.press(*(names.get(key, key) for key in text))


async def test_all_heads_above_a_half_of_a_role_sorted_and_exported(explore, db, screen_text, said):
    async with explore() as (app, pilot):
        await pilot.press("6")
        await pilot.press("slash")
        await typed(pilot, "value>0.5 role=induction")
        await pilot.press("enter", *"lllllll", "S", "e")
        await pilot.pause()
        text = screen_text(app)
        assert "heads · toy-a · 2 rows · /value>0.5 role=induction" in text and "value ↓" in text
        assert [row[1:8] for row in rows(text)] == [
            ["128", "262144", "induction", "–", "2", "1", "0.888"],
            ["256", "524288", "induction", "–", "2", "1", "0.888"],
        ]
        assert "value 0.8884" in text
    assert said[0].startswith("heads-toy-a.csv written")
    assert Path("heads-toy-a.csv").read_bytes() == await printed(said[0])


async def test_which_checkpoints_are_damaged(explore, db, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("6")
        await pilot.press("tab", "k", "k", "enter", "slash")
        await typed(pilot, "!ok|duplicate")
        await pilot.press("enter")
        text = screen_text(app)
        assert "checkpoints · toy-a · 2 rows" in text
        assert [row[1] for row in rows(text)] == ["512", "1024"]
        assert "unreadable" in text and "model.safetensors: header too large" in text


async def test_which_head_took_over_and_when_and_enter_goes_there(explore, db, screen_text):
    passed = recorded.handoff("induction", 2, 1, 64, 3, 1, 32, 3, 1000, 0.7, 0.6, 1.25)
    trends.replace(db, "toy-a", [], [passed], trends.last_result(db, "toy-a"), recorded.further_trends())
    async with explore() as (app, pilot):
        await pilot.press("colon")
        await typed(pilot, "table handoffs")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(pilot, lambda: "handoffs · toy-a · 1 rows" in screen_text(app))
        assert rows(screen_text(app))[0][:9] == ["toy-a", "induction", "–", "2", "1", "64", "3", "1", "32"]
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.place and app.place.NAME == "head")
        at = app.main.look.at
        assert (at.role, at.step, at.head) == ("induction", 32, (3, 1))
        await pilot.press("6")
        await pilot.press(*"llll", "enter")  # the head that lost it
        await until(pilot, lambda: app.main.look.at.head == (2, 1))


async def test_why_a_value_is_undefined(explore, db, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("6")
        await pilot.press(*"lllllll")
        text = screen_text(app)
        assert rows(text)[0][3:8] == ["copy_suppression", "–", "–", "–", "–"]
        assert "value is empty: see reason   reason the tokenizer has no ordinals" in text


async def test_values_are_counted_and_one_is_taken(explore, db, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("6")
        await pilot.press("l", "l", "l", "c")
        text = screen_text(app)
        assert "4 values of role" in text
        assert sorted(rows(text)) == [
            ["copy_suppression", "10"],
            ["induction", "120"],
            ["previous_token", "120"],
            ["successor", "120"],
        ]
        await pilot.press("j", "enter")
        assert "120 rows · /role=previous_token" in screen_text(app)
        await pilot.press("escape")
        assert "370 rows" in screen_text(app)
        await pilot.press("c", "escape")
        assert "370 rows" in screen_text(app)


async def test_columns_are_hidden_chosen_and_ordered_and_exported_so(explore, db, screen_text, said):
    async with explore() as (app, pilot):
        await pilot.press("6")
        await pilot.press("H", "C", "j", "j", "space", "J", "enter", "slash")
        await typed(pilot, "!0.0 ")
        await pilot.press("enter", "e")
        text = screen_text(app)
        assert re.search(r"^ step  tokens  task  role|^ step  tokens", text, re.MULTILINE) and "2 hidden" in text
    assert "--invert" in said[0] and "--columns=step,tokens,task" in said[0]
    written = Path("heads-toy-a.csv").read_bytes()
    assert written == await printed(said[0])
    found = list(csv.reader(StringIO(written.decode())))
    assert "role" not in found[0] and "model" not in found[0] and len(found) > 1
    assert not any("0.0" in cell for row in found[1:] for cell in row)


async def test_narrowed_to_the_model_its_checkpoint_or_not_at_all(explore, db, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("6")
        await pilot.press("u")
        assert "heads · toy-a@256 · 37 rows" in screen_text(app)
        await pilot.press("comma")
        assert "heads · toy-a@128 · 37 rows" in screen_text(app)
        await pilot.press("u")
        assert "heads · whole store · 383 rows" in screen_text(app)
        await pilot.press("u", "o")
        assert "heads · toy-b · 13 rows" in screen_text(app)


async def test_a_statement_from_anywhere_and_a_bad_one(explore, db, screen_text, said):
    async with explore() as (app, pilot):
        await pilot.press("colon")
        await typed(pilot, "sql SELECT step, status FROM checkpoint_status WHERE status = 'unreadable'")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(pilot, lambda: "SQL · SELECT step" in screen_text(app))
        await until(pilot, lambda: rows(screen_text(app)) == [["512", "unreadable"]])
        await pilot.press("e")
        await until(pilot, lambda: said)
        assert Path("sql.csv").read_bytes() == b"step,status\r\n512,unreadable\r\n" == await printed(said[0])
        await pilot.press("Q", "ctrl+u")
        await typed(pilot, "SELECT nowhere FROM model")
        await pilot.press("enter")
        assert "The statement cannot be answered: no such column: nowhere." in screen_text(app)
        await pilot.press("escape")
        assert "heads · toy-a · 370 rows" in screen_text(app)
        assert not app._notifications or "E shows" not in said[-1]


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n{}) SELECT i FROM n"


async def test_of_a_million_rows_only_pages_are_read(explore, db, statements, screen_text):
    """Every statement on rows is cut to a page; few are held, and the last row is a key away."""
    async with explore() as (app, pilot):
        await pilot.press("6")
        app.screen.open_sql(ENDLESS.format(" WHERE i < 999999"))
        await until(pilot, lambda: app.screen.grid.total == 1_000_000)
        del statements.in_threads[:]
        await pilot.press(*["ctrl+d"] * 30, "G")
        await until(pilot, lambda: rows(screen_text(app))[-1] == ["999999"])
        await pilot.press("g")
        assert rows(screen_text(app))[0] == ["0"]
        assert sum(map(len, app.screen.grid.pages.values())) <= 25 * PAGE
        asked = [said for said in statements.in_threads if "SELECT CASE" in said]
        cuts = [re.search(r"LIMIT (\d+) OFFSET \d+$", said) for said in asked]
        assert cuts and all(cut and int(cut[1]) <= 5 * PAGE for cut in cuts)


async def test_a_statement_without_end_is_stopped_by_esc_and_by_leaving(explore, db, said):
    async with explore() as (app, pilot):
        await pilot.press("6")
        for leave in ("escape", "1"):
            app.screen.open_sql(f"{ENDLESS.format('')} WHERE i < 0")
            while not app.screen.reading:  # not `until`, which waits for answers
                await asyncio.sleep(0.01)
            app.screen._say()
            assert "reading, esc stops" in str(app.screen.query_one("#rows").border_title)
            app.simulate_key(leave)
            while app.reader.busy:
                await asyncio.sleep(0.01)
        assert said == ["Reading was stopped: r reads again."] and app.screen is app.main


async def test_hostile_text_is_shown_and_copied_harmless(explore, maker, fill, screen_text):
    fill(maker)
    hostile = "\x1b[31m[bold red]\u202e" + "long " * 2000
    maker.add(256, "heads", results.Undefined(hostile))
    maker.db.execute("UPDATE model SET suite = ?, family = x'00ff1b5d' WHERE name = 'toy-a'", (hostile,))
    async with explore() as (app, pilot):
        await pilot.press("6")
        await pilot.press("tab", "k", "k", "k", "enter", "l")
        text = screen_text(app)
        assert "models · toy-a" in text and "�[31m[bold red]�long" in text and "\x1b" not in text
        await pilot.press("S", "c")
        assert "�[31m[bold red]" in screen_text(app)
        assert "\x1b" not in app.screen.copied(True) and "\u202e" not in app.screen.copied(True)


async def test_the_table_grows_with_the_store_and_keeps_its_place(explore, maker, screen_text):
    from waiting import looked

    for _ in range(3):
        maker.unit()
    async with explore() as (app, pilot):
        await pilot.press("6")
        await pilot.press("j", "j", "l")
        assert "heads · toy-a · 111 rows" in screen_text(app)
        maker.unit()
        await looked(pilot)
        assert "148 rows" in screen_text(app)
        assert (app.screen.query(Lines).last().cursor, app.screen.grid.here) == (2, "step")
        maker.db.execute("DELETE FROM result")
        await looked(pilot)
        assert "Nothing of it is computed here" in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_nothing_is_wider_than_the_screen_and_views_have_their_place(explore, db, screen_text, size):
    async with explore(size=size) as (app, pilot):
        await pilot.press("6")
        await pilot.press("S")
        assert all(len(line) <= size[0] for line in screen_text(app).splitlines())
        assert ("Views" in screen_text(app)) == (size[0] >= 160)
        await pilot.press("tab")
        assert (
            "› heads" in screen_text(app).replace("›heads", "› heads") and "units" in screen_text(app) or size[1] < 30
        )
        await pilot.press(*"lllllllll", "tab", *"llllllllllllllll")
        assert "reason" in screen_text(app).splitlines()[2]


async def test_a_page_of_where_a_row_comes_from(explore, db, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("6")
        await pilot.press("j", "i")
        await pilot.pause()
        text = screen_text(app)
        assert "Where this row comes from" in text and "--checkpoints 0 --analyses heads" in text
