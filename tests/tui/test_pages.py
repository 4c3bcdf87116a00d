"""Pages over the panes: what the store holds of the algorithm and of training, step by step, in lines that fit."""

import re
from dataclasses import replace

import pytest
import recorded
from waiting import looked

from circuit_store import results, trends
from circuit_tui.explorer import bindings, theme
from circuit_tui.explorer.widgets.timeline import Timeline

pytestmark = pytest.mark.long

MOVERS = {"name_mover": ["a3.h1"], "x": []}
LACKING = "copy suppression is not counted: copy_suppression needs --text FILE"
STAGES = [
    recorded.stage("movers_and_suppressors", 76.5, 74.8, 78.5, MOVERS, "all", False, None, LACKING, 12.25, -0.7),
    recorded.stage("s_inhibition", 0, None, None, {"s_inhibition": []}, "all heads", False, None, None, 0, 0),
    recorded.stage("induction_and_duplicate", None, None, None, {}, "all heads", False, "no S-inhibition head"),
]  # fmt: skip


@pytest.fixture
def whole(db, maker):
    """The store with the algorithm at step 256."""
    maker.add(256, "algorithm", recorded.algorithm(STAGES))
    return maker


SIZES = [(80, 24), (120, 40)]


def test_the_key_of_the_algorithm_is_found_under_both_tasks():
    for task in ("ioi", "greater-than"):
        assert "algorithm" in [key.id for key in bindings.matching(task)]


def page(app) -> list[str]:
    """The lines that the page has written."""
    return app.screen._text.plain.splitlines()


def fits(app) -> bool:
    """Whether every line has room, and the page the width of no more than the terminal."""
    scroll = app.screen.query_one("VerticalScroll")
    room = scroll.scrollable_content_region.width
    return all(len(line) <= room for line in page(app)) and not scroll.show_horizontal_scrollbar


@pytest.mark.parametrize("size", SIZES)
async def test_the_algorithm_and_the_circuits_parts(explore, whole, screen_text, size):
    async with explore(size=size) as (app, pilot):
        await pilot.press("A")
        await pilot.pause()
        text = screen_text(app)
        assert "Algorithm · toy-a step 256" in text and fits(app)
        assert "movers and suppressors     76.5 %  █████████▏   74.8..78.5" in text
        assert "random heads 12.2 % · effects add up to −0.70 of the damage" in text
        empty = next(i for i, line in enumerate(page(app)) if line.startswith("S-inhibition"))
        assert page(app)[empty].split() == ["S-inhibition", "0.0", "%"] and "random" not in page(app)[empty + 2]
        assert "name mover a3.h1" in text and "no head is of this kind" in text
        assert "copy suppression is not counted: copy_suppression needs" in text
        assert "undefined: no S-inhibition head" in text and "not every stage has heads in the circuit yet" in text
        written = "\n".join(page(app))
        assert "heads" in written and "into q" in written and "MLPs" in written and "input" in written
        kinds = [line for line in page(app) if " node" in line and not line.startswith("  ")]
        shares = [float(re.split(" edges? ", line)[1].split("%")[0]) for line in kinds]
        assert len(shares) == 3 and sum(shares) == pytest.approx(100, abs=0.2)
        await pilot.press("A")
        assert app.screen is app.main


async def test_the_page_goes_through_training_with_everything_else(explore, whole):
    async with explore() as (app, pilot):
        await pilot.press("A", "comma")
        assert app.main.look.at.step == 128 and "step 128" in str(app.screen.query_one("VerticalScroll").border_title)
        assert page(app)[0] == "The IOI algorithm is not computed here:" and "--checkpoints 128" in page(app)[1]
        await pilot.press("full_stop")
        assert page(app)[0].startswith("Stages of the algorithm · ioi")


async def test_the_page_says_whether_the_algorithm_is_in_the_circuit(explore, whole):
    """Stages of heads of the circuit; and without the circuit nobody knows."""
    stages = [{**stage, "heads": '{"x": ["a0.h2"]}', "post_emergence": True} for stage in STAGES]
    whole.add(256, "algorithm", recorded.algorithm(stages))
    async with explore() as (app, pilot):
        await pilot.press("A")
        assert "after emergence: heads of every stage are in the circuit" in "\n".join(page(app))
        whole.db.execute("DELETE FROM result WHERE analysis = 'circuit'")
        await pilot.press("comma", "full_stop")
        assert "the circuit or a stage is not known" in "\n".join(page(app))


ASKED = {
    "greater_than": "looks at YY raises YY, YY+1",
    "greater_than+bos": "looks at YY raises YY, YY+1",
    "greater_than_digit": "looks at tens raises it, +1",
}


@pytest.mark.parametrize(
    ("size", "task"), [(size, "greater_than") for size in SIZES] + [(SIZES[0], n) for n in list(ASKED)[1:]]
)
async def test_of_greater_than_the_page_shows_what_the_circuit_does_with_years(explore, whole, size, task):
    """Heads by their shares, MLPs by their logits; the reason where nothing was checked; a command where nothing is."""
    years = results.TaskRecord(task, "hash of years", "prob_diff", task.endswith("+bos"))
    whole.add(256, "behaviour", recorded.behaviour(0.5, 0.1, 0.3, 0.7, 200, 0.9), task=years)
    whole.add(256, "greater_than", recorded.years([(1, 0.964, 0.02, None), (4, None, None, -1.25)]), task=years)
    whole.add(128, "greater_than", recorded.years([], "does not do the task"), task=years)
    whole.db.execute("INSERT INTO year_node SELECT max(result_id), 8, NULL, NULL, NULL FROM year_node")
    async with explore(size=size) as (app, pilot):
        app.main.choose(task=task)
        await pilot.press("A")
        rows = [line.split() for line in page(app)]
        assert page(app)[0].startswith(f"Years in the circuit · {task} ") and fits(app)
        assert ASKED[task].split() in rows
        assert ["a0.h0", "96", "%", "2", "%"] in rows and ["m0", "−1.25", "logit"] in rows
        assert ["m1", "–", "logit"] in rows
        await pilot.press("comma")
        assert "undefined: does not do the task" in page(app)[1]
        await pilot.press("comma")
        assert page(app)[0] == "What its circuit does with years is not computed here:"
        assert f"--analyses algorithm --tasks {task}" in " ".join(line.strip() for line in page(app)) and fits(app)


LOOKS = [[100 * i, 10_000 - 100 * i] for i in range(12)]
"""Of every head: i % on the first token, the rest on the second."""


@pytest.mark.parametrize("size", SIZES)
async def test_where_a_head_looks_token_by_token(explore, whole, screen_text, size):
    """The head that is chosen, prompt after prompt and around; another one when another is chosen."""
    tokens = [[" Mary", " to"], ["漢" * 20, "x" * 40], ["So", "\x1b[31m\n"]]
    whole.add(256, "attention", recorded.attention(tokens, [LOOKS, LOOKS[::-1], LOOKS]))
    async with explore(size=size) as (app, pilot):
        app.main.choose(head=(2, 1))
        await pilot.press("a")
        text = screen_text(app)
        assert "Attention · a2.h1 · toy-a step 256   , . step   esc closes" in text and fits(app)
        assert page(app)[0].startswith("ioi · prompt 1 of 3")
        assert [line.split() for line in page(app)[1:3]] == [["Mary", "0.07", "██▏"], ["to", "0.93", "█" * 27 + "▉"]]
        await pilot.press("n")
        assert page(app)[1].endswith(f"…  0.04  {'█▎':<30}") and page(app)[2].split()[1:2] == ["0.96"] and fits(app)
        await pilot.press("n", "n")
        assert "prompt 1 of 3" in page(app)[0]
        await pilot.press("N")
        assert "prompt 3 of 3" in page(app)[0] and "\x1b" not in page(app)[2]
        app.main.choose(head=(0, 0))
        await pilot.pause()
        assert page(app)[1].split() == ["So", "0.00"]
        await pilot.press("a")
        assert app.screen is app.main


async def test_where_nobody_knows_where_a_head_looks_the_page_says_why(explore, whole):
    whole.add(256, "attention", results.Undefined("the model's activations are not finite"))
    async with explore() as (app, pilot):
        await pilot.press("a")
        assert page(app)[1] == "  undefined: the model's activations are not finite"
        await pilot.press("comma")
        assert page(app)[0] == "Where heads look is not computed here:"
        assert "run toy-a --checkpoints 128 --analyses heads --tasks ioi" in " ".join(map(str.strip, page(app)[1:]))


async def test_without_a_store_the_page_says_so(explore, tmp_path):
    async with explore(store=tmp_path / "none.db") as (app, pilot):
        await pilot.press("A")
        assert page(app) == ["There is no store to look at."]


EMERGED = [
    trends.EmergenceRecord("task", "ioi", step=32, value=3.4, threshold=1.7),
    trends.EmergenceRecord("task_most", "ioi", step=128, value=3.4, threshold=3.1),
    trends.EmergenceRecord("role", "successor", 0, 2, 2, None, 0.9, 0.45),
    trends.EmergenceRecord("role", "induction", 2, 1, 64, 256, 0.9, 0.45),
    trends.EmergenceRecord("role_in_circuit", "induction", 3, 1, 128, None, 0.8, 0.4),
    trends.EmergenceRecord(
        "role", "name_mover", reason="no head reaches the floor (0.10): highest 0.01 a2.h0 at step 256"
    ),
    trends.EmergenceRecord("head", "induction", 3, 2, 128, None, 0.8, 0.4),
]
EMERGED[3] = replace(EMERGED[3], state="lost", floor=0.36, floor_from="step 0")
PASSED = [recorded.handoff("induction", 2, 1, 256, 3, 1, 128, 3, 1000, 0.7, 0.6, 1.25)]


@pytest.fixture
def trained(db, maker):
    trends.replace(db, "toy-a", EMERGED, PASSED, trends.last_result(db, "toy-a"))
    return maker


@pytest.mark.parametrize("size", SIZES)
async def test_when_tasks_and_roles_come_and_go_until_newer_results_make_it_stale(explore, trained, size):
    async with explore(size=size) as (app, pilot):
        await pilot.press("W")
        rows = [line.split() for line in page(app)]
        assert ["ioi", "32", "(66k)", "128", "(262k)"] in rows and fits(app)
        assert ["in", "induction", "a2.h1", "64", "(131k)", "256", "(524k)"] in rows
        assert ["in", "its", "circuit", "a3.h1", "128", "(262k)", "–"] in rows
        assert ["nm", "name", "mover", "–", "–", "–"] in rows and "a2.h1 at 256 → a3.h1 at 128" in "\n".join(page(app))
        assert "falls by 0.70, rises by 0.60; 1.2 of this role expected by chance" in " ".join(map(" ".join, rows))
        assert "floor 0.36, above chance at step 0".split() in rows
        assert [row[0] for row in rows if row and row[0] in ("in", "su", "nm")] == ["in", "in", "su", "nm"]
        assert not any("newer" in line or "a3.h2" in line for line in page(app))
        trained.add(256, "greater_than", recorded.years([(2, 0.75, 0.5, None)]))
        await looked(pilot)
        assert not any("newer" in line for line in page(app))
        trained.add(256, "behaviour", recorded.behaviour(0.5, 0.1, 0.3, 0.7, 200, 0.9))
        await looked(pilot)
        assert page(app)[0].startswith("The store holds newer results")
        await pilot.press("W")
        assert app.screen is app.main


async def test_without_trends_it_says_when_they_come(explore, db):
    async with explore() as (app, pilot):
        await pilot.press("W")
        assert "at the end of a run" in " ".join(page(app))


async def test_events_of_training_are_marked_on_the_timeline_and_a_key_away(explore, db, said):
    """Forward and back, past the last one too; what happens there is said, and marked in the role's colour."""
    async with explore() as (app, pilot):
        await pilot.press("f")
        assert said == ["No event is known yet: runs find them."]
        trends.replace(db, "toy-a", EMERGED, PASSED, trends.last_result(db, "toy-a"))
        await looked(pilot)
        line = app.main.query_one(Timeline).render()

        def colour(role: str) -> str:
            return theme.palette(dark=True).mark(theme.role(role).colour)

        inks = {(line.plain[span.start], span.style) for span in line.spans}
        assert {("◆", colour("successor")), ("◇", colour("induction"))} <= inks
        app.main.choose(step=16)
        said.clear()
        for key, step in (("f", 32), ("f", 64), ("F", 32), ("F", 2)):
            await pilot.press(key)
            assert app.main.look.at.step == step
        await pilot.press("F")
    assert said[:2] == ["ioi is acquired", "induction is gained by a2.h1"]
    assert said[3:] == ["successor is gained by a0.h2", "No event before this checkpoint."]
