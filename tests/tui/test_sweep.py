"""The explorer beside a sweep: what is looked at stays while results arrive, and a dead runner is noticed."""

import fcntl

import pytest
from waiting import looked, until

from circuit_sweep.runner import launch

pytestmark = pytest.mark.long

alive = launch.alive
"""Before the fixtures replace it."""


@pytest.fixture
def later_first(maker):
    """Only `toy-b` has results as yet; `toy-a` comes before it in the list."""
    maker.db.execute("UPDATE unit SET state = 'interrupted' WHERE run_id = 1")
    maker.unit()
    maker.db.execute("UPDATE unit SET state = 'queued' WHERE run_id = 1")
    return maker


@pytest.mark.parametrize("keys", [["j"], ["space"], ["m", "m"], ["comma"], ["ctrl+o", "s"], ["tab"], ["T"]])
async def test_results_of_another_model_do_not_take_the_place_of_what_is_looked_at(explore, later_first, keys):
    async with explore() as (app, pilot):
        assert app.main.look.at.model == "toy-b"
        await pilot.press("shift+tab", *keys)
        version = app.version
        later_first.unit()
        await until(pilot, lambda: app.version != version)
        assert app.main.look.at.model == "toy-b"


async def test_a_marked_head_is_marked_where_it_was_seen(explore, maker):
    for _ in range(6):
        maker.unit()
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "d", "space")
        maker.unit()
        await looked(pilot)
        assert app.main.look.at.step == 16


async def test_without_a_choice_the_first_model_with_results_is_followed(explore, later_first):
    async with explore() as (app, pilot):
        later_first.unit()
        await looked(pilot)
        assert app.main.look.at.model == "toy-a"


async def test_a_change_after_a_quiet_time_is_shown_at_once_and_the_next_after_a_rest(explore, maker, monkeypatch):
    monkeypatch.setattr("circuit_tui.explorer.app._REST", 1000.0)
    async with explore() as (app, pilot):
        version = app.version
        maker.unit()
        await looked(pilot, app._look_on)
        assert (shown := app.version) != version
        maker.unit()
        await looked(pilot, app._look_on)
        assert app.version == shown
        await pilot.press("r")
        assert app.version != shown
        shown = app.version
        maker.unit()
        monkeypatch.setattr("circuit_tui.explorer.app._REST", 0.0)
        await looked(pilot, app._look_on)
        assert app.version != shown


STOPPED = "the sweep stopped at 1/14: the same command goes on"


async def test_a_dead_runner_is_noticed_and_its_return_too(explore, later_first, tmp_path, screen_text, monkeypatch):
    monkeypatch.setattr("circuit_sweep.runner.launch.alive", alive)
    async with explore() as (app, pilot):
        assert "sweep" in screen_text(app) and STOPPED not in screen_text(app)
        await until(pilot, lambda: STOPPED in screen_text(app))
        with open(tmp_path / "store.db.lock", "a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            await until(pilot, lambda: "1/14 · " in screen_text(app))


async def test_a_runner_that_waits_long_is_not_dead(explore, later_first, tmp_path, screen_text, monkeypatch):
    monkeypatch.setattr("circuit_sweep.runner.launch.alive", alive)
    with open(tmp_path / "store.db.lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        async with explore() as (app, pilot):
            for _ in range(10):
                await looked(pilot)
            assert STOPPED not in screen_text(app) and "1/14" in screen_text(app)
