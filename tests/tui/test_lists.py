"""The lists of models and checkpoints: filtered, sorted, and whatever is under the cursor is chosen."""

import pytest
from waiting import until

from circuit_tui.explorer.widgets import list_pane

pytestmark = [pytest.mark.usefixtures("path"), pytest.mark.long]


async def test_the_cursor_of_a_list_is_the_selection(explore):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "a", "j")
        at = app.main.look.at
        assert (at.model, at.step) == ("toy-b", 0)
        await pilot.press("ctrl+o", "s", "j")
        assert app.main.look.at.step == 100
        await pilot.press("g")
        assert app.main.look.at.step == 0


async def test_a_filter_narrows_and_escape_clears(explore):
    async with explore() as (app, pilot):
        listed = app.main.of("checkpoints")
        await pilot.press("ctrl+o", "s", "slash", *"unread")
        await until(pilot, lambda: [row["step"] for row in listed.rows] == [512])
        await pilot.press("enter", "escape")
        await until(pilot, lambda: len(listed.rows) == 12)
        await pilot.press("slash", "exclamation_mark", *"unread", "enter")
        await until(pilot, lambda: len(listed.rows) == 11)
        await pilot.press("escape", "slash", "left_parenthesis")
        await until(pilot, lambda: listed.rows == [])


async def test_a_filter_without_end_is_given_up(explore, monkeypatch):
    """Invariant: the explorer goes on, says so, and lists everything again without the filter."""
    monkeypatch.setattr(list_pane, "_PATIENCE", 0.05)
    async with explore() as (app, pilot):
        models = app.main.of("models")
        monkeypatch.setattr(models, "words", lambda row: "a" * 5000 + "!")
        await pilot.press("ctrl+o", "a")
        models.narrow("(a|aa)+$")
        assert models.rows == [] and "takes too long to match" in models._why_empty()
        models.narrow("(" * 400 + ")" * 400)
        assert models.rows == []
        models.narrow("^a")
        assert len(models.rows) == 2


async def test_the_only_row_that_a_filter_leaves_can_be_chosen(explore):
    for chosen_by in (["enter"], ["escape", "escape", "slash", *"-f tyb", "enter"]):
        async with explore() as (app, pilot):
            await pilot.press("ctrl+o", "a", "slash", *"-b", *chosen_by)
            assert app.main.look.at.model == "toy-b"
            await pilot.press("escape", "g")


@pytest.mark.parametrize("key", ["j", "k", "enter", "n", "click"])
async def test_the_row_under_the_cursor_can_be_chosen(explore, key):
    async with explore() as (app, pilot):
        models = app.main.of("models")
        await pilot.press("ctrl+o", "a")
        models.narrow("-b")
        assert app.main.look.at.model == "toy-a"
        await (pilot.click(models.body, offset=(3, 0)) if key == "click" else pilot.press(key))
        assert app.main.look.at.model == "toy-b"


async def test_next_and_previous_match_go_round(explore, said):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "s", "n")
        assert "no filter" in said[-1]
        await pilot.press("slash", *"^1", "enter")
        seen = []
        for key in ("n", "n", "n", "n", "N"):
            await pilot.press(key)
            seen.append(app.main.look.at.step)
        assert seen == [16, 128, 1024, 1, 1024]


async def test_sorting_keeps_what_has_no_value_last(explore):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "s", "s", "S")
        listed = app.main.of("checkpoints")
        assert listed.rows[0]["step"] == 256
        assert {row["step"] for row in listed.rows[-2:]} == {512, 1024}
