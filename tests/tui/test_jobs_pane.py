"""The page of the queue: runs, units of the chosen one, and the keys that act on them."""

from contextlib import suppress

import pytest
from textual.worker import WorkerFailed
from waiting import until

from circuit_store.queue import control, units
from circuit_tui.explorer.screens.jobs import Confirm, Jobs
from circuit_tui.explorer.screens.log import Log
from circuit_tui.explorer.screens.queue import EMPTY
from circuit_tui.explorer.widgets.queue_lines import QueueLines

pytestmark = pytest.mark.long

SIZES = [(80, 24), (120, 40)]


async def looked(app, pilot) -> None:
    """The queue as it is now stands on the screen."""
    app.screen.look()
    await app.workers.wait_for_complete()
    await pilot.pause()


async def opened(app, pilot, *keys) -> Jobs:
    await pilot.press("7")
    await app.workers.wait_for_complete()
    await pilot.pause()
    page = app.screen
    assert isinstance(page, Jobs)
    await pilot.press(*keys)
    return page


@pytest.mark.parametrize("width", [78, 118])
async def test_what_is_cut_off_does_not_touch_what_follows(explore, db, width):
    async with explore() as (app, pilot):
        page = await opened(app, pilot)
        row = {**page.queue.runs[0], "models": ["a-model-with-a-long-name"] * 9}
        assert "… █" in QueueLines(width, page.colours).run(row).plain
        unit = {**page.queue.units[0], "state": "failed", "error": "why " * 99, "attempts": 10000}
        assert "… 10000" in QueueLines(width, page.colours).unit(unit).plain


@pytest.mark.parametrize("size", SIZES)
async def test_runs_newest_first_and_the_units_of_the_chosen_one(explore, db, screen_text, size):
    async with explore(size=size) as (app, pilot):
        page = await opened(app, pilot)
        assert [row["run"] for row in page.runs.rows] == [2, 1]
        text = screen_text(app)
        assert "toy-b" in text and "Units of run 2 · 2 · 1 done, 0 failed" in text
        assert not any(widget.show_horizontal_scrollbar for widget in page.query("*"))
        await pilot.press("j")
        await looked(app, pilot)
        text = screen_text(app)
        assert "Units of run 1 · 12 · 10 done, 1 failed" in text and "toy-a@0" in text
        failed = next(line for line in text.splitlines() if "✗ failed" in line)
        assert "toy-a@512" in failed and failed.split("failed")[1].strip().startswith("model.safetens")
        footer = text.splitlines()[-1]
        assert all(word in footer for word in ("Cancel", "Retry", "Log", "Play", "Run", "Help", "Back"))
        await pilot.press("escape")
        assert app.screen is app.main


async def test_pace_and_what_is_left_count_those_who_work_at_once(explore, db, screen_text):
    """10 units took 2.0 s each; with two at work, one half done, another begun, 1.5 units last 1.5 s."""
    ids = [row[0] for row in db.execute("SELECT id FROM unit WHERE run_id = 1 ORDER BY id LIMIT 2")]
    for unit, fraction in zip(ids, (0.5, 0.0), strict=True):
        db.execute("UPDATE unit SET state = 'running', fraction = ?, doing = 'circuit' WHERE id = ?", (fraction, unit))
    db.execute("UPDATE unit SET state = 'done' WHERE run_id = 1 AND state = 'queued'")
    async with explore() as (app, pilot):
        page = await opened(app, pilot, "j")
        await looked(app, pilot)
        row = next(row for row in page.queue.runs if row["run"] == 1)
        assert (row["at_work"], row["per_minute"], row["seconds_left"]) == (2, 60.0, 1.5)
        text = screen_text(app)
        assert " 60 " in text and "2 s left" in text
        assert "running     ████░░░░ circuit" in text and page.units.row and page.units.row["step"] == 0


async def test_the_cursor_goes_along_with_the_work_until_it_is_moved(explore, db):
    db.execute("UPDATE unit SET state = 'queued' WHERE run_id = 1")
    async with explore() as (app, pilot):
        page = await opened(app, pilot, "j", "tab")
        for place in range(3):
            units.take_unit(db)
            await looked(app, pilot)
            assert page.units.cursor == place
            db.execute("UPDATE unit SET state = 'done' WHERE state = 'loading'")
        await pilot.press("g")
        units.take_unit(db)
        await looked(app, pilot)
        assert page.units.cursor == 0


async def test_only_lines_that_changed_are_drawn_again(explore, db, monkeypatch):
    async with explore() as (app, pilot):
        page = await opened(app, pilot, "j")
        await looked(app, pilot)
        drawn = []
        refresh = page.units.refresh_line
        monkeypatch.setattr(page.units, "refresh_line", lambda y: (drawn.append(y), refresh(y)))
        await looked(app, pilot)
        assert drawn == []
        db.execute("UPDATE unit SET attempts = 2, heartbeat = 'now' WHERE run_id = 1 AND id = 3")
        db.execute("UPDATE unit SET heartbeat = 'now'")
        await looked(app, pilot)
        assert drawn == [2]


@pytest.mark.processes
async def test_cancel_asks_first(explore, db, started, said):
    async with explore() as (app, pilot):
        page = await opened(app, pilot, "ctrl+x")
        assert isinstance(app.screen, Confirm) and "1 of 2 units are left" in app.screen.question
        await pilot.press("n")
        await app.workers.wait_for_complete()
        assert db.execute("SELECT state FROM run WHERE id = 2").fetchone()[0] == "running"
        await pilot.press("ctrl+x", "y")
        await app.workers.wait_for_complete()
        assert db.execute("SELECT state FROM run WHERE id = 2").fetchone()[0] == "cancelled"
        await looked(app, pilot)
        assert page.queue.runs[0]["state"] == "cancelled" and started == []
        await pilot.press("ctrl+x")
        assert app.screen is not app.main and not isinstance(app.screen, Confirm)
        assert "nothing is left to cancel" in said[-1]


async def test_retry_queues_what_failed_and_sees_to_a_runner(explore, db, started, said):
    control.cancel(db, 1, False)
    async with explore() as (app, pilot):
        await opened(app, pilot, "j")
        await looked(app, pilot)
        await pilot.press("R")
        await app.workers.wait_for_complete()
        assert db.execute("SELECT count(*) FROM unit WHERE run_id = 1 AND state = 'queued'").fetchone()[0] == 2
        assert len(started) == 1 and "Run 1: 2 units are to be computed." in said


async def test_a_store_that_may_only_be_read_says_so(explore, db, monkeypatch, said):
    from circuit_store.errors import StoreUnusable

    def refused(store):
        raise StoreUnusable(f"The store {store} cannot be written.")

    monkeypatch.setattr("circuit_tui.runs.jobs.open_to_write", refused)
    async with explore() as (app, pilot):
        await opened(app, pilot, "R")
        await app.workers.wait_for_complete()
        assert "cannot be written" in said[-1]


async def test_the_log_follows_and_holds_no_escapes(explore, db, path, tmp_path):
    log = tmp_path / "runner.log"
    log.write_text(f"10:00 {path} run 2: toy-b@0 done 2.0 s\x1b[31m\n10:00 {path} run 1: toy-a@0 done\n")
    db.execute("UPDATE run SET log = ?", (str(log),))
    async with explore() as (app, pilot):
        await opened(app, pilot, "L")
        await app.workers.wait_for_complete()
        assert isinstance(app.screen, Log) and app.screen._text.plain == "10:00  toy-b@0 done 2.0 s�[31m"
        with log.open("a") as file:
            file.write(f"10:01 {path} run 2: toy-b@100 done 2.0 s\n")
        app.screen._look()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.screen._text.plain.endswith("10:01  toy-b@100 done 2.0 s")


async def test_pause_stops_looking_and_the_screen_says_so(explore, db, screen_text):
    async with explore() as (app, pilot):
        page = await opened(app, pilot, "p")
        await app.workers.wait_for_complete()
        await pilot.pause()
        seen = page.queue
        units.take_unit(db)
        page._tick()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert page.queue is seen and "paused, p goes on" in screen_text(app)
        await pilot.press("p")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert page.queue is not seen and "paused" not in screen_text(app)


async def test_a_run_chosen_while_another_is_read_is_read_next(explore, db):
    """Even while paused, and even if what was read arrives before its thread has ended."""
    async with explore() as (app, pilot):
        page = await opened(app, pilot)
        page.paused = page.looking = True
        page.wanted = 1
        page.on_queue_screen_looked(Jobs.Looked(page.queue))
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert page.queue.run == 1


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        ("circuit_tui.explorer.queue_snapshot.look", ["7"]),
        ("circuit_tui.runs.jobs.go_on", ["7", "R"]),
        ("circuit_tui.runs.jobs.tail", ["7", "L"]),
        ("circuit_tui.runs.cost_report.cost", ["ctrl+r"]),
        ("circuit_tui.runs.sweeps.begin", ["ctrl+r", "ctrl+r"]),
    ],
)
async def test_what_no_one_expected_in_a_thread_is_told_once_and_kept(explore, db, monkeypatch, part, keys, said):
    def broken(*given, **named):
        raise RuntimeError("nobody expected this")

    async with explore() as (app, pilot):
        monkeypatch.setattr(part, broken)
        for key in keys:
            await pilot.press(key)
            with suppress(WorkerFailed):
                await app.workers.wait_for_complete()
            await pilot.pause()
        await until(pilot, lambda: "broken" in app.last_error)
        if isinstance(app.screen, Jobs | Log):
            (app.screen.look if isinstance(app.screen, Jobs) else app.screen._look)()
        with suppress(WorkerFailed):
            await app.workers.wait_for_complete()
        await pilot.pause()
        toasts = list(said)
        assert toasts == ["nobody expected this\nE shows it in full"] and "RuntimeError" in app.last_error


async def test_a_unit_leads_to_its_checkpoint(explore, db):
    async with explore() as (app, pilot):
        await opened(app, pilot, "j")
        await looked(app, pilot)
        await pilot.press("enter", "G", "k", "k", "enter")
        assert app.screen is app.main and (app.main.look.at.model, app.main.look.at.step) == ("toy-a", 256)


async def test_an_empty_queue_says_what_starts_a_run(explore, maker, screen_text, tmp_path):
    maker.db.execute("DELETE FROM run")
    async with explore() as (app, pilot):
        await opened(app, pilot, "R", "L", "ctrl+x", "tab", "j", "enter", "G")
        assert EMPTY in " ".join(screen_text(app).split())
    async with explore(store=tmp_path / "none.db") as (app, pilot):
        await opened(app, pilot, "R", "j", "p", "t", "question_mark", "escape")
        assert "There is no store at" in " ".join(screen_text(app).split())


async def test_the_palette_opens_the_page_for_its_keys_and_leaves_it_for_others(explore, db):
    async with explore() as (app, pilot):
        commands = {command.title: command.callback for command in app.get_system_commands(app.main)}
        await commands["Stop or go on looking at the queue; the run goes on"]()
        assert isinstance(app.screen, Jobs) and app.screen.paused
        await commands["Mark the head: marked heads are plotted"]()
        await pilot.pause()
        assert app.screen is app.main and app.main.pane_name == "heads"
