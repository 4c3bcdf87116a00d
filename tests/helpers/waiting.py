"""Waiting for a state, however long a busy machine takes: what never comes ends with the test's own time limit."""

import asyncio
from collections.abc import Callable
from typing import Any

_LOOK = 0.02
"""Seconds between two looks."""


async def until(pilot: Any, holds: Callable[[], object]) -> None:
    """Let the explorer go on until something holds; it must not end before."""
    while not holds():
        assert pilot.app.is_running
        await pilot.pause(_LOOK)


async def read(pilot: Any) -> None:
    """Until all that the explorer has asked of its store is answered."""
    await pilot._wait_for_screen()
    while pilot.app.is_running and not pilot.app._exit and pilot.app.reader.busy:
        await asyncio.sleep(0.001)
        await pilot._wait_for_screen()


async def looked(pilot: Any, look: Callable[[], None] | None = None) -> None:
    """Have the explorer look whether its store has changed, and show what has."""
    await read(pilot)
    (look or pilot.app.poll)()
    await pilot.pause()


async def drawn(pilot: Any) -> None:
    """Until what is on the screen is what it was last told: draw instead of waiting for the next frame."""
    await read(pilot)
    while True:
        screen = pilot.app.screen
        if not (
            screen._layout_required or screen._scroll_required or screen._repaint_required or screen._dirty_widgets
        ):
            return
        if not screen.is_current or pilot.app._batch_count:
            return
        screen._on_timer_update()
        await pilot._wait_for_screen()


def drawing(pilot: Any) -> Any:
    """A pilot after whose every press and pause the screen is drawn."""

    def then_drawn(act: Any) -> Any:
        async def acted(*given: Any, **how: Any) -> Any:
            result = await act(*given, **how)
            if pilot.app.is_running and not pilot.app._exit:
                await drawn(pilot)
            return result

        return acted

    for name in ("press", "pause", "click", "resize_terminal"):
        setattr(pilot, name, then_drawn(getattr(pilot, name)))
    return pilot
