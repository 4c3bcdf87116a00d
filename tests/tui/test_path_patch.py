"""P asks for what the store lacks, once, and shows what it holds: nothing held is computed again, nothing waits."""

import pytest
import recorded
from waiting import looked

from circuit_core.models import identity
from circuit_core.models.suites import sample_folder
from circuit_store import results
from circuit_store.errors import StoreUnusable
from circuit_store.queue import units

pytestmark = pytest.mark.long

LOGITS = recorded.effects([(0, 0, 2.0, 0.0), (2, 1, 0.5, -0.5), (3, 1, 2.3, 0.1), (1, 0, 1.0, None)], 2.0, -1.0)


@pytest.fixture
def started(db, monkeypatch) -> list:
    """`toy-a` lies where a model of its shape lies, which has a step 0 too; runners are noted instead of started."""
    source = str(sample_folder() / "sample-0.2m")
    db.execute("UPDATE model SET source = ? WHERE name = 'toy-a'", (source,))
    calls = []
    monkeypatch.setattr("circuit_sweep.runner.launch.start", lambda *given: calls.append(given))
    return calls


@pytest.fixture
def asked(db):
    """The receivers of the runs that were asked for, and how many units each has."""

    def found() -> list[tuple[str, int]]:
        query = (
            "SELECT json_extract(request, '$.patch.to'), count(*) FROM run JOIN unit ON run_id = run.id"
            " WHERE json_extract(request, '$.patch') IS NOT NULL GROUP BY run_id ORDER BY run_id"
        )
        return [tuple(row) for row in db.execute(query)]

    return found


def held(maker, step: int, analysis: str, found: results.Record, **params) -> None:
    """A result of what lies in the folder of `started`."""
    maker.add(step, analysis, found, **params)
    of = identity.source(sample_folder() / "sample-0.2m" / f"step{step}").identity
    maker.db.execute("UPDATE result SET identity = ? WHERE analysis = ?", (of, analysis))


def page(app) -> str:
    return app.screen._text.plain


async def opened(app, pilot, head, *keys) -> None:
    app.main.choose(step=0, head=head)
    await pilot.press("ctrl+o", "d", "P", *keys)
    await app.workers.wait_for_complete()
    await looked(pilot)


PORTS = ["a1.h0<q>", "a1.h0<k>", "a1.h0<v>"]


async def test_what_is_missing_is_asked_for_and_what_is_held_is_shown_at_once(explore, maker, started, asked):
    held(maker, 0, "patch", LOGITS, to="logits", senders="all", freeze_mlps=False)
    async with explore() as (app, pilot):
        await opened(app, pilot, (1, 0))
        assert asked() == [(port, 1) for port in PORTS] and len(started) == 1
        assert page(app).count("computing…") == 3
        shown = [line.split()[:2] for line in page(app).splitlines() if "metric" in line and line.startswith("  ")]
        assert shown == [["a2.h1", "−0.500"], ["a3.h1", "0.100"], ["a0.h0", "0.000"], ["a1.h0", "–"]]
        assert "to logits   metric 2.00 clean, −1.00 corrupted" in page(app)


async def test_bars_are_on_one_scale(explore, maker, started):
    """Invariant: the longest bar of the page is the largest effect of the page, and the page says how much that is."""
    strong, weak = (
        recorded.effects([(2, 1, 1.5, effect), (3, 1, 2.0, effect / 2)], 2.0, -1.0) for effect in (-0.8, -0.0002)
    )
    for to in (*PORTS, "logits"):
        found = strong if to == "logits" else weak
        held(maker, 0, "patch", found, to=to, senders="all", freeze_mlps=False)
    async with explore() as (app, pilot):
        await opened(app, pilot, (1, 0))
        text = page(app)
    bars = [sum(map(line.count, "█▏▎▍▌▋▊▉")) for line in text.splitlines() if line.startswith("  a")]
    assert bars == [1, 1] * 3 + [20, 10] and "full at ±0.800" in text and "−0.000200" in text


async def test_results_appear_as_they_come_and_the_job_goes_on_when_the_page_is_closed(explore, maker, started, asked):
    async with explore() as (app, pilot):
        await opened(app, pilot, (1, 0), "escape")
        assert app.screen is app.main and asked() == [(port, 1) for port in (*PORTS, "logits")]
        await opened(app, pilot, (1, 0))
        assert len(asked()) == 4 and page(app).count("computing…") == 4
        for to in (*PORTS, "logits"):
            held(maker, 0, "patch", LOGITS, to=to, senders="all", freeze_mlps=False)
        await looked(pilot)
        assert "computing" not in page(app) and page(app).count("a2.h1") == 4


async def test_effects_of_some_senders_or_with_mlps_frozen_are_not_taken_for_it(explore, maker, started):
    held(maker, 0, "patch", LOGITS, to="logits", senders=[[2, 1]], freeze_mlps=False)
    held(maker, 0, "patch", LOGITS, to="logits", senders="all", freeze_mlps=True)
    async with explore() as (app, pilot):
        await opened(app, pilot, (1, 0))
        assert page(app).count("computing…") == 4


async def test_a_head_of_layer_0_has_no_senders(explore, started, asked):
    async with explore() as (app, pilot):
        await opened(app, pilot, (0, 2))
        assert "No head precedes a0.h2: its q, k and v have no senders." in page(app)
        assert asked() == [("logits", 1)]


async def test_a_run_that_failed_and_a_result_that_is_undefined_say_why(explore, maker, started, db):
    held(
        maker,
        0,
        "patch",
        results.Undefined("corruption changes nothing"),
        to="logits",
        senders="all",
        freeze_mlps=False,
    )
    async with explore() as (app, pilot):
        await opened(app, pilot, (1, 0))
        db.execute("UPDATE unit SET state = 'done' WHERE run_id <= 2")
        unit = units.take_unit(db)
        assert unit
        unit.finish("failed", 0.1, "out of memory")
        await looked(pilot)
        assert "failed: out of memory" in page(app) and page(app).count("computing…") == 2
        assert "undefined: corruption changes nothing" in page(app)


async def test_a_dead_runner_is_noticed(explore, started, monkeypatch):
    monkeypatch.setattr("circuit_sweep.runner.launch.alive", lambda store: False)
    async with explore() as (app, pilot):
        await opened(app, pilot, (1, 0))
        for _ in range(6):
            await looked(pilot)
        app.screen.follow()
        assert "The runner stopped" in page(app) and "computing" not in page(app)


async def test_a_store_that_may_only_be_read_says_that_nothing_can_be_computed(explore, started, monkeypatch, asked):
    def refused(store):
        raise StoreUnusable(f"The store {store} cannot be written (attempt to write a readonly database).")

    monkeypatch.setattr("circuit_tui.runs.sweeps.open_to_write", refused)
    async with explore(size=(80, 24)) as (app, pilot):
        await opened(app, pilot, (0, 2))
        said = " ".join(page(app).split())
        assert said.count("Nothing can be computed here: The store") == 1 and "cannot be written" in said
        assert asked() == started == []


async def test_a_model_whose_folder_is_gone_says_so(explore, path):
    async with explore() as (app, pilot):
        await opened(app, pilot, (0, 2))
        assert "Nothing can be computed here: There is no folder" in " ".join(page(app).split())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_it_fits_and_stays_with_its_head(explore, maker, started, size):
    for to in (*PORTS, "logits"):
        held(maker, 0, "patch", LOGITS, to=to, senders="all", freeze_mlps=False)
    async with explore(size=size) as (app, pilot):
        await opened(app, pilot, (1, 0))
        scroll = app.screen.query_one("VerticalScroll")
        assert max(map(len, page(app).splitlines())) <= scroll.scrollable_content_region.width
        before = page(app)
        app.main.choose(head=(3, 1))
        assert page(app) == before and started == []


async def test_without_a_head_or_a_task_it_says_so(explore, tmp_path, said):
    async with explore(store=tmp_path / "none.db") as (app, pilot):
        await pilot.press("ctrl+o", "d", "P")
        assert app.screen is app.main and "Paths run into a head" in said[-1]
