"""The explorer and a real runner: a run that one explorer starts is there in the next, and ends when it is told to."""

import sqlite3
from contextlib import closing

import pytest
from waiting import until

from circuit_sweep.runner import launch

alive = launch.alive
"""Before the fixtures replace it."""


def state(app) -> str:
    return app.screen.queue.runs[0]["state"] if app.screen.queue.runs else ""


@pytest.mark.processes
async def test_a_run_outlives_the_explorer_that_started_it(explore, tmp_path, monkeypatch):
    """Started in one explorer, watched in the next, cancelled there; what is done stays."""
    monkeypatch.setattr("circuit_sweep.runner.launch.alive", alive)
    store = tmp_path / "new.db"
    async with explore(store=store) as (app, pilot):
        await pilot.press("ctrl+r", *"sample-0.1m")
        app.screen.query_one("#analyses").value = "behaviour,heads"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: store.exists() and app.screen is not app.main and hasattr(app.screen, "queue"))
    async with explore(store=store) as (app, pilot):
        await pilot.press("7")
        await until(pilot, lambda: state(app) == "running" and app.screen.queue.runs[0]["done"])
        assert app.screen.queue.runner and app.screen.queue.runs[0]["units"] == 16
        await pilot.press("ctrl+x", "y")
        await until(pilot, lambda: state(app) == "cancelled")
        await until(pilot, lambda: not alive(store))
        done = [row for row in app.screen.queue.units if row["state"] == "done"]
        assert 0 < len(done) < 16
        with closing(sqlite3.connect(store)) as db:
            assert db.execute("SELECT count(DISTINCT checkpoint_id) FROM result").fetchone()[0] >= len(done)
        await pilot.press("L")
        await until(pilot, lambda: "sample-0.1m@0 done" in app.screen._text.plain)
