"""Whatever is pressed wherever, and however the terminal changes meanwhile, the explorer stands: no error is kept."""

import random

import pytest
from waiting import until

from circuit_tui.explorer import bindings

pytestmark = pytest.mark.slow

ENDS = ("app.quit", "app.suspend_process")
SAFE = [key for key in bindings.KEYS if key.action not in ENDS and key.id != "run"]
"""Keys that neither end the program nor ask for a run."""
NO_ERROR = "No error so far."


async def closed(app, pilot) -> None:
    """Leave dialogs and pages, so that one of the screens is on top again."""
    while app.screen is not app.place:
        app.pop_screen()
    await pilot.pause()


@pytest.mark.parametrize("screen", bindings.SCREENS)
async def test_every_command_of_the_palette_on_every_screen(explore, db, started, screen):
    async with explore() as (app, pilot):
        for key in SAFE:
            await app.action_screen(screen)
            await pilot.pause()
            await app.press(key)
            await pilot.pause()
            assert app.last_error == NO_ERROR, (key.id, app.last_error)
            await closed(app, pilot)
        assert app.is_running


async def test_two_hundred_sizes_with_keys_between(explore, db, started):
    """Whatever the sizes were, the last decides: all panes side by side."""
    chance = random.Random(17)
    async with explore() as (app, pilot):
        for _ in range(200):
            await pilot.resize_terminal(chance.randint(60, 250), chance.randint(15, 80))
            key = chance.choice(SAFE)
            await pilot.press(chance.choice(key.keys.split(",")))
            if chance.random() < 0.2:
                await closed(app, pilot)
        assert app.last_error == NO_ERROR
        await closed(app, pilot)
        await app.action_screen("explore")
        app.main.action_zoom(False)
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: all(pane.display for pane in app.main.panes))
        assert {pane.region.width > 20 for pane in app.main.panes} == {True}


async def test_every_screen_is_opened_and_left_while_a_sweep_writes(explore, maker):
    async with explore() as (app, pilot):
        for turn in range(100):
            await app.action_screen(list(bindings.SCREENS)[turn % len(bindings.SCREENS)])
            if turn % 9 == 0 and turn < 99:
                maker.unit()
                app.poll()
            await pilot.pause()
        await app.action_screen("explore")
        await pilot.pause()
        assert app.last_error == NO_ERROR and len(app.screen_stack) == 1
        assert app.main.look and app.main.look.at.step is not None
