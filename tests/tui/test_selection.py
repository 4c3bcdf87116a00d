"""One selection that all panes follow: whatever is chosen in one pane is what the others show."""

import re

import pytest
import recorded
from textual_plot.plot_widget import LinePlot, ScatterPlot

from circuit_store import queries, results
from circuit_tui.explorer import state
from circuit_tui.explorer.widgets.axis import Axis
from circuit_tui.explorer.widgets.heat_map import HeatMap
from circuit_tui.explorer.widgets.timeline import Timeline

pytestmark = [pytest.mark.usefixtures("path"), pytest.mark.long]


async def test_opens_at_the_newest_checkpoint_and_the_strongest_head(explore):
    async with explore() as (app, _):
        at = app.main.look.at
        assert (at.model, at.step, at.role, at.task, at.head) == ("toy-a", 256, "induction", "ioi", (2, 1))


async def test_comma_and_full_stop_change_heads_circuit_and_list(explore, db):
    async with explore() as (app, pilot):
        heads, circuit = app.main.of("heads"), app.main.of("circuit")
        late = heads.grid.values, circuit.circuit
        await pilot.press("comma", "comma")
        assert app.main.look.at.step == 64
        assert heads.grid.values == queries.head_grid(db, "toy-a", 64, "induction").values != late[0]
        assert circuit.circuit == queries.circuit(db, "toy-a", 64, "ioi") != late[1]
        assert app.main.of("checkpoints").rows[app.main.of("checkpoints").body.cursor]["step"] == 64
        await pilot.press("full_stop", "full_stop")
        assert (heads.grid.values, circuit.circuit) == late


async def test_a_task_with_no_more_than_a_check_is_reached_and_says_what_it_lacks(explore, maker, screen_text):
    """Such a task is no one's first, but `T`, the palette and a wish bring it; panes say what is not computed of it."""
    years = results.TaskRecord("years", "hash of years", "prob_diff", False)
    maker.add(256, "greater_than", recorded.years([(1, 0.964, 0.02, None)]), task=years)
    async with explore() as (app, pilot):
        assert app.main.look.at.task == "ioi" and ("task", "years", "years") in app.main.choices()
        await pilot.press("T", "T")
        assert app.main.look.at.task == "years"
        text = screen_text(app)
        assert "No circuit of years is computed" in text and "task years" in text and "not computed" in text
        await pilot.press("ctrl+o", "f", "B")
        assert "Nothing is defined yet for years" in screen_text(app)
        await pilot.press("A")
        assert "Years in the circuit · years" in app.screen._text.plain
        await pilot.press("A", "T")
        assert app.main.look.at.task == "ioi"


async def test_ten_checkpoints_at_a_time_stop_at_the_ends(explore):
    async with explore() as (app, pilot):
        await pilot.press("less_than_sign")
        assert app.main.look.at.step == 0
        await pilot.press("greater_than_sign", "greater_than_sign")
        assert app.main.look.at.step == 1024


async def test_the_cursor_of_the_heat_map_is_the_head(explore):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "d", "g", "j", "l", "l", "l", "h")
        assert app.main.look.at.head == (1, 1)
        assert list(app.main.of("history").curves) == ["a1.h1"]
        await pilot.press("G", "ctrl+u", "k")
        assert app.main.look.at.head == (0, 2)


async def test_quick_fingers_lose_no_key(explore):
    async with explore() as (app, _):
        heads, circuit = app.main.of("heads"), app.main.of("circuit")
        for where in ("first", "down", "right", "down", "right"):
            heads.action_move(where)
        assert app.main.look.at.head == (2, 2)
        for _ in range(3):
            circuit.action_move("down")
            circuit.action_expand()
        assert circuit.branch.path == ("logits", "a3.h1", "a2.h1<q>", "a1.h0<k>")


async def test_a_head_of_the_circuit_is_the_head_of_the_map(explore):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "g", "j", "j")
        assert app.main.look.at.head == (3, 0)
        assert app.main.query_one(HeatMap).head == (3, 0)


async def test_roles_and_their_reasons(explore, screen_text):
    async with explore() as (app, pilot):
        seen = []
        for _ in range(4):
            await pilot.press("m", "m")
            seen.append(app.main.look.at.role)
        assert seen == ["previous_token", "successor", "copy_suppression", "induction"]
        await pilot.press("M")
        assert "no ordinals" in screen_text(app)


async def test_tasks_change_circuit_and_behaviour(explore):
    async with explore() as (app, pilot):
        before = app.main.of("checkpoints").all[6]["value"]
        await pilot.press("T")
        assert app.main.look.at.task == "gendered_pronoun"
        assert app.main.of("checkpoints").all[6]["value"] != before
        assert app.main.of("circuit").circuit is None


async def test_marked_heads_are_the_series_of_the_plot(explore, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "d", "g", "space", "l", "space")
        assert app.main.look.at.marks == ((0, 0), (0, 1))
        assert list(app.main.of("history").curves) == ["a0.h0", "a0.h1"]
        await pilot.press("asterisk")
        assert app.main.look.at.marks == ()
        await pilot.press("asterisk")
        assert app.main.look.at.marks[0] == (2, 1)
        await pilot.pause()
        text = screen_text(app)
        for name in app.main.of("history").curves:
            assert re.search(rf"[●▲■◆○△□◇] {re.escape(name)} 0\.\d\d", text), name


async def test_nine_heads_are_too_many(explore):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "d", "g")
        for _ in range(3):
            await pilot.press("space", "l", "space", "l", "space", "h", "h", "j")
        assert len(app.main.look.at.marks) == 8


async def test_the_plot_shows_the_tasks_metric_and_either_axis(explore):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "f", "B", "X", "z")
        history = app.main.of("history")
        assert list(history.curves) == ["ioi"] and not history.log_axis and history.span == 0.5
        await pilot.press("h")
        assert app.main.look.at.step == 128
        await pilot.press("0", "B")
        assert history.span == 1.0 and list(history.curves) == ["a2.h1"]


async def test_the_plot_hides_no_point(explore, plotted):
    """Neither its frame nor the line at the checkpoint does, and a part of it has its own labels."""
    async with explore() as (app, pilot):
        history = app.main.of("history")
        for keys in (["ctrl+o", "f"], ["less_than_sign"], ["full_stop"], ["B"], ["X", "X"]):
            await pilot.press(*keys)
            await pilot.pause()
            (curve,) = history.curves.values()
            shown = plotted(app)
            assert (shown.count("●"), shown.count("="), shown.count("✗"), len(curve)) == (9, 1, 1, 10), keys
        await pilot.press("greater_than_sign", "z", "z")
        await pilot.pause()
        (line,) = plotted(app).splitlines()[-1:]
        assert len(line.split()) > 1


async def test_the_plot_fills_its_pane_after_the_terminal_was_too_small(explore, plotted):
    async with explore(size=(120, 40)) as (app, pilot):
        await pilot.press("ctrl+o", "f")
        before = plotted(app)
        for size in ((200, 60), (120, 40)):
            await pilot.resize_terminal(50, 12)
            await pilot.pause()
            await pilot.resize_terminal(*size)
            await pilot.pause()
            await pilot.pause()
            top, *_, bottom, _ = plotted(app).splitlines()[1:]
            assert top[-1] == "┓" and bottom[-1] == "┛"
        assert plotted(app) == before and app.main.focused is app.main.pane.body


async def test_the_way_back_and_forward(explore):
    async with explore() as (app, pilot):
        await pilot.press("comma", "m", "m", "space")
        left = app.main.look.at
        await pilot.press("left_square_bracket")
        assert (app.main.look.at.step, app.main.look.at.role) == (128, "induction")
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert app.main.look.at.step == 256 and app.main.look.at.marks == left.marks
        await pilot.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        assert app.main.look.at == left
        await pilot.press("left_square_bracket", "comma", "right_square_bracket")
        assert (app.main.look.at.step, app.main.look.at.role) == (64, "induction")


async def test_marks_belong_to_a_model(explore, db):
    """Invariant: another model begins without marks; back at the first, by list or by way, its marks are there."""
    async with explore() as (app, pilot):
        app.main.choose(marks=((0, 0), (0, 1)))
        app.main.choose(model="toy-b")
        await pilot.pause()
        assert app.main.look.at.model == "toy-b" and app.main.look.at.marks == ()
        app.main.choose(marks=((1, 1),))
        await pilot.press("left_square_bracket")
        assert (app.main.look.at.model, app.main.look.at.marks) == ("toy-a", ((0, 0), (0, 1)))
        await pilot.press("right_square_bracket")
        assert (app.main.look.at.model, app.main.look.at.marks) == ("toy-b", ((1, 1),))
        app.main.choose(model="toy-a")
        await pilot.pause()
        assert app.main.look.at.marks == ((0, 0), (0, 1))
    gone = state.Selection("no longer there", marks=((0, 0),))
    assert state.settle(db, gone)[1].marks == ()


async def test_the_plot_ends_at_a_checkpoint_that_cannot_be_read_and_begins_anew(explore, db):
    """Invariant: no line leads across it; a point alone between two of them is marked."""
    for step in (64, 256):
        db.execute("DELETE FROM result WHERE checkpoint_id = (SELECT id FROM checkpoint WHERE step = ?)", (step,))
        db.execute("UPDATE checkpoint SET status = 'unreadable' WHERE step = ?", (step,))
    db.execute("DELETE FROM result WHERE checkpoint_id = (SELECT id FROM checkpoint WHERE step = 4)")
    async with explore(size=(160, 50)) as (app, pilot):
        await pilot.press("ctrl+o", "f")
        while (plot := app.main.of("history").plot) is None:
            await pilot.pause()
        lines = [len(one.x) for one in plot._datasets if isinstance(one, LinePlot)]
        (marked,) = [len(one.x) for one in plot._datasets if isinstance(one, ScatterPlot) and one.marker == "●"]
    assert lines == [5, 1] and marked == 6


async def test_checkpoints_that_trends_skip_are_greyed(explore, db):
    """Invariant: beside the curve, at their value or else at the foot, with a mark; so in the line of checkpoints."""
    db.execute("UPDATE checkpoint SET status = 'known_bad' WHERE step = 64")
    db.execute("DELETE FROM result WHERE checkpoint_id IN (SELECT id FROM checkpoint WHERE step = 32)")
    db.execute("UPDATE checkpoint SET status = 'missing' WHERE step = 32")
    async with explore(size=(160, 50)) as (app, pilot):
        await pilot.press("ctrl+o", "f")
        history = app.main.of("history")
        (curve,) = history.curves.values()
        axis = Axis((c.step, c.tokens) for c in history.checkpoints)
        grey = {one.marker: one.parts for one in history._greyed(axis)}
        foot = history._range()[0]
        assert grey["!"] == [[(axis.at(64), curve[64])]] and grey["="] == [[(axis.at(1), curve[1])]]
        assert grey["?"] == [[(axis.at(32), foot)]] and all(one.colour == history.colours.muted for one in
                                                           history._greyed(axis))  # fmt: skip
        assert [step for part in history._parts(curve) for step in part] == [s for s in curve if s not in (1, 64)]
        assert all(f"{mark} {said}" in str(app.main.query_one("#legend").render()) for mark, said in
                   (("!", "known bad"), ("?", "missing"), ("=", "duplicate")))  # fmt: skip
        line = app.main.query_one(Timeline).render()
        styles = {line.plain[span.start]: span.style for span in line.spans}
        assert all(mark in line.plain and mark not in styles for mark in "!?=") and styles["•"] != history.colours.muted


async def test_a_range_is_marked_row_by_row(explore):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "d", "g", "l", "v", "j", "v")
        assert app.main.look.at.marks == ((0, 1), (0, 2), (1, 0), (1, 1))
        await pilot.press("G", "v")
        assert len(app.main.look.at.marks) == 4
        assert app.main.heads.between((1, 0), (0, 1)) == ((1, 0), (0, 2), (0, 1))


async def test_the_time_lapse_stops_at_the_end(explore):
    async with explore() as (app, pilot):
        await pilot.press("p")
        assert app.main.playing
        app.main._play_on()
        assert app.main.look.at.step == 512 and app.main.playing
        app.main._play_on()
        assert app.main.look.at.step == 1024 and not app.main.playing


async def test_where_one_was_is_where_one_is(explore):
    async with explore() as (app, pilot):
        await pilot.press("comma", "m", "m", "ctrl+o", "g", "plus", "t")
        left = app.main.look.at
    async with explore() as (app, _):
        assert app.main.look.at == left
        assert app.main.pane_name == "circuit" and app.main.has_class("-zoomed") and not app.current_theme.dark


async def test_a_broken_memory_is_forgotten(explore, apart):
    async with explore() as (_, pilot):
        await pilot.press("comma")
    for content in ("{", "[]", '{"selection": {"head": 3}}', '{"selection": {"model": [1], "step": "x"}, "theme": 5}'):
        next((apart / "state").rglob("view-*.json")).write_text(content)
        async with explore() as (app, _):
            assert app.main.look.at.step == 256


async def test_a_state_folder_that_cannot_be_made_is_done_without(explore, apart):
    (apart / "state").write_text("in the way")
    async with explore() as (app, pilot):
        await pilot.press("comma", "ctrl+o", "a", "E", "escape")
        assert app.main.look.at.step == 128
