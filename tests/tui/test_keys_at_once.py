"""Keys that come in one read, as a fast hand or a paste sends them: no page has to stand before the next is heard."""

import threading

import pytest
from textual import events
from waiting import until

pytestmark = pytest.mark.long

PAGES = {"W": "Trends", "P": "PathPatch", "A": "Algorithm", "a": "Attention", "i": "TextScreen", "7": "Jobs"}
OTHERS = ("t", "r", "comma", "colon")


@pytest.mark.parametrize("key", PAGES)
async def test_a_page_may_open_while_the_program_is_at_something_else(explore, db, started, key):
    """Invariant: the theme, the store or the selection changes, or another page opens or closes, while a page opens or
    closes; nothing ends the program, no error is kept, and the page opens when it is asked for again."""
    async with explore() as (app, pilot):
        for other in (*OTHERS, *list(PAGES)[list(PAGES).index(key) :]):
            await pilot.press("ctrl+o", "d")
            for pressed in (other, key, other, "escape", other):
                app.post_message(events.Key(pressed, pressed if len(pressed) == 1 else None))
            await pilot.press("f12", "escape", "escape", "escape")
        await app.workers.wait_for_complete()
        await until(pilot, lambda: app.screen is app.main)
        await pilot.press(key)
        await until(pilot, lambda: type(app.screen).__name__ == PAGES[key])
        assert app.last_error == "No error so far."


async def test_what_a_page_began_ends_in_order_when_the_page_is_closed_before_it(explore, db, monkeypatch):
    closed = threading.Event()
    monkeypatch.setattr("circuit_tui.runs.sweeps.begin_patch", lambda *given: closed.wait() and {})
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "d", "P", "escape")
        await until(pilot, lambda: app.screen is app.main)
        closed.set()
        await app.workers.wait_for_complete()
        assert app.last_error == "No error so far."
