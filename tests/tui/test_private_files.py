"""What the explorer writes of its own (log, memory, long copies) is for the user alone."""

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

from circuit_sweep.runner import launch
from circuit_tui import paths
from circuit_tui.explorer import state


async def test_log_memory_and_copies_are_the_users_alone(explore, monkeypatch):
    """Invariant: with a mask that would let everybody read, nobody else may; a log line holds no escape."""
    before = os.umask(0)
    try:
        async with explore() as (app, pilot):
            log = app.note("an \x1b[31merror\nof two lines")
            monkeypatch.setattr(app.main.of("models"), "value", lambda: "x" * 80_000)
            await pilot.press("ctrl+o", "a", "y")
        written = {file.name: stat.S_IMODE(file.stat().st_mode) for file in state.folder().iterdir()}
    finally:
        os.umask(before)
    assert {"explorer.log", "copied.txt"} < written.keys() and set(written.values()) == {0o600}, written
    assert "an �[31merror\nof two lines" in log.read_text()


class Unstarted(subprocess.Popen):
    def __init__(self, command: list[str], **how: Any) -> None:
        """No process."""


def test_the_state_folder_is_the_users_alone(tmp_path, monkeypatch):
    """Invariant: with a mask that would let everybody write, the folder of log and memory, and those above it that the
    program makes, are closed to others; a folder and a log that stood open before are closed, others' folders stay."""
    (tmp_path / "home").mkdir(0o755)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home" / "own"))
    before = os.umask(0)
    try:
        for loose in (False, True):
            if loose:
                state.folder().chmod(0o777)
                paths.log().chmod(0o666)
            with monkeypatch.context() as patch:
                patch.setattr(subprocess, "Popen", Unstarted)
                launch.start(tmp_path / "x.db", paths.log())
            assert mode(paths.log()) == 0o600 and mode(paths.state()) == mode(tmp_path / "home" / "own") == 0o700
            assert mode(state.folder()) == 0o700
    finally:
        os.umask(before)
    assert mode(tmp_path / "home") == 0o755


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
