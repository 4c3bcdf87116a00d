"""Roles come before measurements, and a score below zero is seen as such: by its sign, its colour and its scale."""

from typing import Any

import pytest
import recorded
from textual import events
from waiting import until

from circuit_store import queries, results
from circuit_sweep.planning import texts
from circuit_tui.explorer import role_display, theme
from circuit_tui.explorer.screens import exports
from circuit_tui.explorer.state import Selection, settle
from circuit_tui.explorer.widgets.heat_map import figure, shade

OF_RESULT = "(SELECT id FROM result WHERE role = ?)"


@pytest.fixture
def effects(db):
    """The scores of `successor` as effects on the logits: a0.h2 has -.9, the others noise."""
    db.execute(f"UPDATE head_score SET value = -value WHERE result_id IN {OF_RESULT}", ("successor",))
    db.execute("UPDATE result SET role = 'effect_logits' WHERE role = 'successor'")
    return db


def test_roles_come_first_then_attention_then_effects():
    known = list(theme.ROLES)
    held = ["effect_logits", "my_role", "attn_end_s2", "name_mover", "attn_end_io", "induction"]
    wanted = ["induction", "name_mover", "my_role", "attn_end_io", "attn_end_s2", "effect_logits"]
    assert role_display.ordered(held) == wanted and role_display.ordered(reversed(known)) == known
    assert [name for name in held if role_display.is_role(name)] == ["my_role", "name_mover", "induction"]


def test_a_text_other_than_the_usual_one_is_named():
    usual = texts.of_the_samples().hash
    of = lambda text: queries.RoleSet(None, "default", text, "float32")  # noqa: E731
    assert role_display.differs(of(usual), None) == role_display.differs(of(None), None) == []
    assert role_display.differs(of("0a1b2c3d4e5f6071"), None) == ["text 0a1b2c3d"]


def test_a_scale_reaches_as_far_as_the_scores():
    assert role_display.scale("copy_suppression", [0.4, -0.01, None]) == (0, 1)
    assert role_display.scale("copy_suppression", [0.4, -0.3]) == (-1, 1)
    assert role_display.scale("effect_logits", [-0.4, 0.01]) == (-1, 0)
    assert role_display.scale("effect_logits", [-0.4, 0.2]) == (-1, 1)
    assert role_display.scale("induction", []) == (0, 1) and role_display.ends(-1, 0) == "−1..0"


def test_a_figure_below_zero_has_a_sign_where_there_is_room_and_else_stands_below_the_line():
    values = (-0.56, -0.02, 0.56, -1.0)
    assert [figure(v, 3, 1) for v in values] == ["−.6", "·", ".6", "−1"]
    assert [figure(v, 2, 1) for v in values] == [".₆", "·", ".6", "₁"]
    assert [figure(v, 1, 1) for v in values] == ["₆", "·", "6", "ₓ"]


@pytest.mark.parametrize("dark", [True, False])
def test_below_zero_is_the_negative_ramp(dark):
    colours = theme.palette(dark)
    assert shade(-0.99, colours) == colours.negative[-1] and shade(0.99, colours) == colours.ramp[-1]


async def test_effects_are_shown_on_their_own_scale(explore, effects, screen_text):
    async with explore(size=(200, 60)) as (app, pilot):
        app.main.choose(role="effect_logits")
        await pilot.pause()
        text = screen_text(app)
        assert "effect_logits · effect −1..0" in text and "effect_logits −1..0 over tokens" in text
        assert "−1          0  ∅ no value" in text and "−.9" in text and "−0.8" in text and "-0." not in text
        assert app.main.of("history")._range() == (-1, 0)


async def test_the_strongest_head_may_be_one_below_zero(explore, effects):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "d", "M", "asterisk")
        assert app.main.look.at.role == "effect_logits" and app.main.look.at.marks[0] == (0, 2)


async def test_the_sign_survives_the_cursor_and_narrow_cells(explore, effects, monkeypatch):
    async with explore() as (app, pilot):
        app.main.choose(role="effect_logits", head=(0, 2))
        await pilot.pause()
        for width in (1, 2, 3, 5, 6):
            monkeypatch.setattr("circuit_tui.explorer.widgets.heat_map.HeatMap.cell", (width, 1))
            body = app.main.heads.body
            drawn = body._cell((0, 2), app.main.heads.colours, 0, body.cell).text
            assert len(drawn) == width and ("−" in drawn or drawn in ("₉", ".₉"))


async def test_a_head_without_a_value_says_why_beside_the_others(explore, db, screen_text):
    """Early heads were not looked at: the map shows the others, and the cursor on an early one its own reason."""
    early = "UPDATE head_score SET value = NULL, reason = 'not before layer 1' WHERE layer = 0"
    db.execute(f"{early} AND result_id IN {OF_RESULT}", ("successor",))
    async with explore() as (app, pilot):
        app.main.choose(role="successor", head=(0, 0))
        await pilot.pause()
        assert "a0.h0 successor –" in screen_text(app) and "no value: not before layer 1" in screen_text(app)
        app.main.choose(head=(1, 0))
        await pilot.pause()
        assert "undefined" not in screen_text(app) and "no value: not before" not in screen_text(app)


async def test_a_measurement_is_no_badge(explore, db, screen_text):
    db.execute("UPDATE result SET role = 'attn_end_s2' WHERE role = 'induction'")
    async with explore() as (app, _):
        assert not any(app.main.of("circuit").roles.get((2, 1), ()))
        assert " s2 " not in screen_text(app)


@pytest.fixture
def movers(db):
    """At step 256 `name_mover` on two tasks, .9 and .4; and, last of all, `induction` as the paper's code has it."""
    (checkpoint,) = db.execute("SELECT id FROM checkpoint WHERE step = 256").fetchone()
    for role, task, value, preset in (
        ("name_mover", "ioi", 0.9, "default"),
        ("name_mover", "gendered_pronoun", 0.4, "default"),
        ("induction", None, 0.8, "paper-code"),
    ):
        on = results.TaskRecord(task, f"other hash of {task}", "logit_diff", False) if task else None
        of = results.Provenance(
            f"{role} {task} {preset}", 1, checkpoint, "heads", {"preset": preset}, "i", "f", "float32", 0.5, role, on
        )
        rows: list[Any] = [(layer, head, value, None, None) for layer in range(4) for head in range(3)]
        results.write(db, of, recorded.head_scores(rows))
    return db


async def test_a_role_is_shown_on_the_task_that_is_looked_at(explore, movers):
    """Invariant: grid, history and export follow the task; where it has no scores, another's are shown and named."""
    async with explore() as (app, pilot):
        heads, history = app.main.of("heads"), app.main.of("history")
        for task, value in (("ioi", 0.9), ("gendered_pronoun", 0.4)):
            app.main.choose(model="toy-a", step=256, role="name_mover", task=task)
            await pilot.pause()
            assert heads.grid.values[0][0] == value and heads.scores["name_mover"]["value"] == value
            assert history.curves[next(iter(history.curves))] == {256: value}
            assert heads.filters()["task"] == history.filters()["task"] == task
            assert f"--task {task} --role name_mover" in exports.command("heads", heads.filters())
            assert " on " not in str(heads.border_title)
        movers.execute("UPDATE result SET role = 'effect_logits' WHERE role = 'name_mover' AND key LIKE '%ioi%'")
        app.main.choose(task="ioi")
        app.main.reload((0, -1))
        await pilot.pause()
        assert "on gendered_pronoun" in str(heads.border_title) and heads.grid.values[0][0] == 0.4


async def test_other_parameters_are_named(explore, movers):
    """Invariant: titles name what is not the default; a checkpoint that lacks these parameters says so."""
    async with explore() as (app, pilot):
        heads, history = app.main.of("heads"), app.main.of("history")
        app.main.choose(model="toy-a", step=256, role="induction")
        await pilot.pause()
        assert "paper-code" in str(heads.border_title) and "paper-code" in str(history.border_title)
        app.main.choose(step=128)
        await pilot.pause()
        assert heads._why_empty().startswith("induction · paper-code is not computed at step 128.")


def test_a_task_of_heads_alone_is_looked_at_last(maker):
    """Where roles are scored on IOI but another task has behaviour or circuits, that one is opened."""
    maker.add(0, "heads", recorded.head_scores([(0, 0, 0.5, None, None)]))
    assert settle(maker.db, Selection())[1].task == "ioi"
    other = results.TaskRecord("years", "hash of years", "prob_diff", False)
    maker.add(0, "behaviour", recorded.behaviour(0.5, 0.1, 0.3, 0.7, 200, 0.9), task=other)
    assert settle(maker.db, Selection())[1].task == "years"
    assert settle(maker.db, Selection(task="ioi"))[1].task == "ioi"


async def test_a_role_is_chosen_from_the_list_by_its_letter_or_one_after_the_other(explore, db, screen_text):
    """Also where both keys come in one read; another key leaves the role as it is."""
    async with explore() as (app, pilot):
        await pilot.press("m")
        await pilot.pause()
        assert all(
            f"{letter}  {badge} " in screen_text(app) for letter, badge in (("a", "in"), ("s", "pt"), ("d", "su"))
        )
        for keys, role in ((["s"], "previous_token"), (["m", "m"], "successor"), (["m", "M"], "previous_token")):
            await pilot.press(*keys)
            await pilot.pause()
            assert app.screen is app.main and app.main.look.at.role == role
        await pilot.press("m", "escape", "m", "9")
        assert app.screen is app.main and app.main.look.at.role == "previous_token"
        for key in "ma":
            app.post_message(events.Key(key, key))
        await until(pilot, lambda: app.main.look.at.role == "induction")
        await pilot.press("ctrl+o", "a", "slash", "m")
        assert app.main.query_one("#filter").value == "m" and app.screen is app.main


async def test_the_list_opens_on_every_screen(explore, db):
    async with explore() as (app, pilot):
        await pilot.press("2")
        await pilot.press("m", "d")
        assert app.main.look.at.role == "successor" and app.screen is app.place and app.place.NAME == "study"
