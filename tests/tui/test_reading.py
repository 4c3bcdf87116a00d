"""The screens read in threads: the newest request wins, `esc` ends what takes long, the event loop never waits."""

import asyncio
import threading
from queue import Queue

import pytest
from statements import LARGE, scanned
from waiting import looked

from circuit_store.store import open_to_read
from circuit_tui.explorer.reading import Reader

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
EVERY_KEY = (
    *(
        "ctrl+o",
        "d",
        "j",
        "l",
        "comma",
        "less_than_sign",
        "m",
        "m",
        "T",
        "space",
        "asterisk",
        "i",
        "escape",
        "y",
        "Y",
        "e",
    ),
    *(
        "ctrl+o",
        "s",
        "k",
        "j",
        "s",
        "r",
        "e",
        "ctrl+o",
        "f",
        "X",
        "B",
        "comma",
        "e",
        "i",
        "escape",
        "ctrl+o",
        "g",
        "z",
        "j",
        "comma",
        "e",
        "Y",
        "i",
    ),
    *(
        "escape",
        "ctrl+o",
        "a",
        "j",
        "e",
        "k",
        "left_square_bracket",
        "A",
        "comma",
        "e",
        "escape",
        "a",
        "n",
        "e",
        "escape",
    ),
    *("W", "e", "escape", "7", "escape", "P", "escape"),
)


@pytest.fixture
def answers() -> Queue:
    return Queue()


@pytest.fixture
def reader(path, answers):
    """Its answers, or why there are none, are given to the queue."""
    made = Reader(path, answers.put, answers.put)
    yield made
    made.close()


def endless(db) -> int:
    return db.execute(ENDLESS).fetchone()[0]


def test_the_newest_request_interrupts_the_older_one_and_alone_is_answered(reader, answers):
    ended, began = threading.Event(), threading.Event()

    def first(db) -> int:
        began.set()
        try:
            return endless(db)
        finally:
            ended.set()

    seen: list[int] = []
    reader.ask("pane", first, seen.append)
    began.wait()
    reader.ask("pane", lambda db: 2, seen.append)
    answers.get()()
    assert ended.is_set() and seen == [2] and not reader.busy and answers.empty()


def test_an_answer_that_is_under_way_when_something_else_is_asked_is_dropped(reader, answers):
    seen: list[int] = []
    reader.ask("pane", lambda db: 1, seen.append)
    stale = answers.get()
    reader.ask("pane", lambda db: 2, seen.append)
    answers.get()()
    stale()
    assert seen == [2]


def test_askers_do_not_wait_for_each_other(reader, answers):
    seen: list[int] = []
    reader.ask("pane", endless, seen.append)
    reader.ask("page", lambda db: 2, seen.append)
    answers.get()()
    assert seen == [2] and reader.asks("pane") and reader.stop() == ["pane"]


def test_an_interrupt_between_two_statements_is_not_lost(reader, answers):
    """SQLite forgets an interrupt while no statement runs: the next one is not begun in earnest."""
    between, dropped, ended = threading.Event(), threading.Event(), threading.Event()

    def several(db) -> None:
        db.execute("SELECT 1").fetchone()
        between.set()
        dropped.wait()
        try:
            endless(db)
        finally:
            ended.set()

    reader.ask("pane", several, lambda _: None)
    between.wait()
    reader.drop("pane")
    dropped.set()
    ended.wait()
    reader.ask("pane", lambda db: db.execute("SELECT count(*) FROM model").fetchone()[0], lambda _: None)
    answers.get()()
    assert not reader.busy


async def test_esc_ends_what_takes_long_and_r_reads_again(explore, db, monkeypatch, screen_text, said):
    """Invariant: keys are heard meanwhile, and what is shown keeps its own name."""
    async with explore() as (app, pilot):
        with monkeypatch.context() as patch:
            patch.setattr("circuit_store.queries.circuit_in", lambda db, *at: endless(db))
            app.main.choose(step=64, head=(0, 0))
            while not app.reader.long:  # not `until`, which waits for answers
                await asyncio.sleep(0.01)
            assert app.main.look.at.step == 64 and app.main.of("circuit").at.step == 256
            app.main.action_back()
            assert not app.reader.busy and "Reading was stopped: r reads again." in said
        await pilot.pause()
        assert "Reading was stopped" in screen_text(app) and app.main.of("circuit").circuit is None
        await pilot.press("r")
        assert app.main.of("circuit").circuit and "Reading was stopped" not in screen_text(app)


async def test_keys_that_come_before_the_store_has_answered_take_their_turn(explore, db):
    """Invariant: the next model, two checkpoints back and the next role are what a slow hand would have reached."""
    async with explore() as (app, pilot):
        app.main.choose(model="toy-b")
        app.main.choose(model="toy-a")
        app.main.action_step(-1)
        app.main.action_step(-1)
        app.main.action_role(1)
        assert app.main.settling
        await pilot.pause()
        assert (app.main.look.at.model, app.main.look.at.step, app.main.look.at.role) == ("toy-a", 64, "previous_token")


async def test_what_a_job_writes_is_read_again_where_it_is_shown(explore, maker, monkeypatch):
    for _ in range(7):
        maker.unit()
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "d", "comma")
        asked, ask = [], app.reader.ask
        monkeypatch.setattr(app.reader, "ask", lambda who, *given: asked.append(who) or ask(who, *given))
        maker.db.execute("UPDATE unit SET fraction = 0.5")
        await looked(pilot)
        assert app.main.of("heads") not in asked and app.main.of("circuit") not in asked
        maker.unit()
        await looked(pilot)
        assert app.main.of("heads") in asked and app.main.of("circuit") in asked


@pytest.mark.long
async def test_no_key_makes_the_loop_wait_or_reads_a_large_table_from_end_to_end(
    explore, maker, fill, statements, started
):
    fill(maker)
    async with explore() as (app, pilot):
        for key in EVERY_KEY:
            await pilot.press(key)
        assert app.last_error == "No error so far."
    assert len(set(statements.in_threads)) > 50 and not statements.on_loop
    asked = [said for said in dict.fromkeys(statements.in_threads) if said.startswith(("SELECT", "WITH"))]
    assert not scanned(maker.db, asked, (*LARGE, "result"))
    assert scanned(maker.db, [*asked, planted := "SELECT max(seconds) FROM result"], ("result",)) == {"result": planted}


async def test_a_read_on_the_loop_is_heard(path, statements):
    planted = "SELECT count(*) FROM model"
    open_to_read(path).execute(planted)
    assert planted in statements.on_loop
    statements.on_loop.clear()
