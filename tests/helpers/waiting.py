"""Waiting for a state, however long a busy machine takes: what never comes ends with the test's own time limit."""

from collections.abc import Callable
from typing import Any

_LOOK = 0.02
"""Seconds between two looks."""


async def until(pilot: Any, holds: Callable[[], object]) -> None:
    """Let the explorer go on until something holds; it must not end before."""
    while not holds():
        assert pilot.app.is_running
        await pilot.pause(_LOOK)
