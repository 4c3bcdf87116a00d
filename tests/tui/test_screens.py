"""Full screens beside the first: keys that go to them, parts, and that what one chooses the others show."""

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

import pytest
from rich.text import Text
from textual.app import ComposeResult
from waiting import looked

from circuit_store import queries
from circuit_store.queue import units
from circuit_tui.explorer import bindings, pages
from circuit_tui.explorer.screens.full_screen import FullScreen, Part
from circuit_tui.explorer.state import Selection
from circuit_tui.explorer.widgets.live_text import ChangedLines, Note

pytestmark = pytest.mark.long


class Steps(FullScreen):
    """Lists the checkpoints of the model, twice."""

    NAME = "study"

    def compose_parts(self) -> ComposeResult:
        for name in ("upper", "lower"):
            with Part(id=name):
                yield Note()
                yield ChangedLines(lambda row, width: Text(str(row)), lambda: None)

    def needs(self, at: Selection) -> tuple[Any, ...]:
        return (at.model,)

    def read(self, at: Selection) -> Callable[[Connection], Any]:
        return partial(queries.checkpoints, model=at.model or "")

    def show(self, at: Selection, found: list[queries.CheckpointRow]) -> None:
        for part in self.query(Part):
            part.title(f"{at.model}", f"step {at.step}")
            part.query_one(ChangedLines).update([c.step for c in found], 0)

    def views(self, at: Selection) -> dict[str, dict[str, Any]]:
        return {"checkpoints": {"model": at.model}}


@pytest.fixture
def steps(monkeypatch):
    monkeypatch.setitem(pages.FULL_SCREENS, "study", Steps)


async def test_a_screen_is_gone_to_from_anywhere_and_stays_as_it_was_left(explore, db, steps, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("2")
        await pilot.pause()
        there = app.screen
        assert isinstance(there, Steps) and "[study]" in screen_text(app) and "512" in screen_text(app)
        for away in ("1", "7", "escape"):
            await pilot.press(away)
            assert app.screen is not there
            await pilot.press("2")
            await pilot.pause()
            assert app.screen is there and "512" in screen_text(app)
        await pilot.press("question_mark", "escape", "W", "2")
        assert app.screen is there and len(app.screen_stack) == 2
        await pilot.press("escape")
        assert app.screen is app.main


async def test_what_one_screen_chooses_the_others_show(explore, db, steps, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("2")
        await pilot.press("comma", "o")
        await pilot.pause()
        assert "toy-b · step 0" in screen_text(app)
        await pilot.press("O", "comma", "m", "m", "1")
        await pilot.pause()
        assert "toy-a › step 64 › previous_token" in screen_text(app)


async def test_parts_are_gone_through_by_tab_and_by_their_letters(explore, db, steps):
    async with explore() as (app, pilot):
        await pilot.press("2")
        await pilot.press("tab")
        assert app.screen.part == "lower"
        await pilot.press("tab", "tab", "ctrl+o", "a")
        assert app.screen.part == "upper"
        await pilot.press("ctrl+o", "s")
        assert app.screen.part == "lower"
        await pilot.press("ctrl+o", "x", "1", "ctrl+o", "f")
        assert app.screen is app.main and app.main.pane_name == "history"


async def test_what_a_screen_shows_is_exported_and_without_a_store_it_says_so(explore, db, steps, said, tmp_path):
    async with explore() as (_, pilot):
        await pilot.press("2")
        await pilot.press("e")
    assert said[0].startswith("checkpoints-toy-a.csv written")
    async with explore(store=tmp_path / "nowhere.db") as (app, pilot):
        await pilot.press("2")
        assert app.screen.query_one("#reason").said.plain == "There is no store to look at."


def test_a_key_has_one_label_wherever_it_works():
    labels: dict[str, set[str]] = {}
    for key in bindings.KEYS:
        for name in key.keys.split(","):
            labels.setdefault(name, set()).add(key.label)
    assert {name: found for name, found in labels.items() if len(found) > 1} == {}


async def test_a_checkpoint_that_waits_says_its_place_in_the_queue(explore, db, maker, screen_text):
    """Of the checkpoints that wait, in the order in which they are taken; and when it is computed."""
    db.execute(
        "UPDATE unit SET state = 'queued' WHERE checkpoint_id IN (SELECT id FROM checkpoint WHERE step IN (0, 1))"
    )
    async with explore() as (app, pilot):
        for step, said in ((0, "step 0 is 1st in the queue"), (1024, "step 1024 is 3rd in the queue")):
            app.main.choose(step=step)
            await pilot.pause()
            assert said in screen_text(app)
        await pilot.press("A")
        await pilot.pause()
        assert "The checkpoint is 3rd in the queue." in screen_text(app)
        app.main.choose(step=0)
        units.take_unit(db)
        await looked(pilot)
        assert "The checkpoint is computed now." in screen_text(app)
        app.main.choose(step=256)
        await pilot.pause()
        assert "The checkpoint" not in screen_text(app)
