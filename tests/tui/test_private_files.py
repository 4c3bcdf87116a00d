"""What the explorer writes of its own (log, memory, long copies) is for the user alone."""

import os
import stat

from circuit_tui import state


async def test_log_memory_and_copies_are_the_users_alone(explore, monkeypatch):
    """Invariant: with a mask that would let everybody read, nobody else may; a log line holds no escape."""
    before = os.umask(0)
    try:
        async with explore() as (app, pilot):
            log = app.note("an \x1b[31merror\nof two lines")
            monkeypatch.setattr(app.main.of("models"), "value", lambda: "x" * 80_000)
            await pilot.press("1", "y")
        written = {file.name: stat.S_IMODE(file.stat().st_mode) for file in state.folder().iterdir()}
    finally:
        os.umask(before)
    assert {"explorer.log", "copied.txt"} < written.keys() and set(written.values()) == {0o600}, written
    assert "an �[31merror\nof two lines" in log.read_text()
