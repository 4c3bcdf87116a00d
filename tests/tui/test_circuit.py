"""A circuit as a tree: opened only where asked, each node at one place of its own, steady across checkpoints.

logits <- a3.h1 <- a2.h1 <- a1.h0 <- a0.h2 <- input
"""

import pytest
import recorded

from circuit_store import queries
from circuit_store.queries import CircuitEdge
from circuit_tui.explorer.widgets.circuit_tree import ROOT, branches, everything

pytestmark = pytest.mark.long


def into(*edges: tuple[str, str, float]) -> dict[str, list[CircuitEdge]]:
    found: dict[str, list[CircuitEdge]] = {}
    for src, dst, score in edges:
        found.setdefault(dst, []).append(CircuitEdge(src, dst, None, score))
    return found


DIAMOND = into(("m2", "logits", 3.0), ("m1", "logits", 2.0), ("m1", "m2", 1.0), ("m0", "m1", 0.5), ("input", "m0", 0.1))


def test_only_opened_nodes_have_rows():
    assert [b.node for b in branches(DIAMOND, {ROOT}, 0)] == ["logits", "m2", "m1"]
    assert [b.node for b in branches(DIAMOND, set(), 0)] == ["logits"]


def test_a_nodes_own_place_is_the_one_nearest_to_the_logits():
    rows = branches(DIAMOND, {ROOT, ("logits", "m2")}, 0)
    assert [(b.node, b.depth, b.again) for b in rows][2:] == [("m1", 2, True), ("m1", 1, False)]


def test_everything_opens_each_node_once():
    rows = branches(DIAMOND, everything(DIAMOND, 0), 0)
    assert [b.node for b in rows if b.open] == ["logits", "m2", "m1", "m0"]
    assert [b.node for b in rows if b.again] == ["m1"]


def test_weak_edges_are_hidden_and_hide_what_they_lead_to():
    rows = branches(DIAMOND, everything(DIAMOND, 0.2), 0.2)
    assert "input" not in [b.node for b in rows]
    assert not next(b for b in rows if b.node == "m0").opens


@pytest.fixture(autouse=True)
def stored(path):
    """The explorer's tests below look at the fixture store."""


async def test_three_levels_open_one_after_another(explore, screen_text):
    async with explore() as (app, pilot):
        circuit = app.main.of("circuit")
        assert len(circuit.rows) == 7
        await pilot.press("ctrl+o", "g", "j", "enter", "j", "l", "j", "l")
        assert [b.node for b in circuit.rows if b.open] == ["logits", "a3.h1", "a2.h1", "a1.h0"]
        assert circuit.rows[4].path == ("logits", "a3.h1", "a2.h1<q>", "a1.h0<k>", "m0<v>")
        assert circuit.rows[4].again and "↺ m0 <v>" in screen_text(app)


async def test_what_is_open_stays_open_at_other_checkpoints(explore):
    async with explore() as (app, pilot):
        await pilot.press("ctrl+o", "g", "j", "l", "j", "l", "j")
        circuit = app.main.of("circuit")
        opened, here = set(circuit.opened), circuit.branch.path
        await pilot.press("comma")
        assert circuit.opened == opened and circuit.branch.path == here


async def test_moving_folding_and_siblings(explore):
    async with explore() as (app, pilot):
        circuit = app.main.of("circuit")
        await pilot.press("ctrl+o", "g", "j", "l", "J")
        assert circuit.branch.node == "a3.h0"
        await pilot.press("K", "h")
        assert circuit.branch.node == "a3.h1" and not circuit.branch.open
        await pilot.press("h")
        assert circuit.branch.path == ROOT


async def test_the_threshold_hides_edges_and_all_can_be_opened(explore):
    async with explore() as (app, pilot):
        circuit = app.main.of("circuit")
        await pilot.press("ctrl+o", "g", "z")
        every = len(circuit.rows)
        await pilot.press("right_curly_bracket", "right_curly_bracket", "right_curly_bracket", "right_curly_bracket")
        assert all(abs(b.edge.score) >= 0.1 * circuit.largest for b in circuit.rows if b.edge)
        assert len(circuit.rows) < every
        await pilot.press("left_curly_bracket", "0")
        assert circuit.floor == 0 and circuit.opened == {ROOT}


async def test_no_circuit_says_why(explore, screen_text):
    async with explore(size=(80, 24)) as (app, pilot):
        await pilot.press("less_than_sign", "ctrl+o", "g")
        assert "the model does not do the task" in " ".join(screen_text(app).split())


async def test_the_pane_says_how_much_of_the_model_and_how_faithful(explore, screen_text):
    async with explore() as (app, _):
        text = screen_text(app)
        assert "ioi · 31 of 250 edges" in text and "faithfulness 0.85 (normalised 0.90)" in text
        assert "eap-ig m=5" in text
        assert "−1.25" in text


@pytest.mark.parametrize(
    ("held_out", "said"),
    [(None, "on the prompts that chose it 0.70 to 0.98"), (0.81, "held out 0.81 0.70 to 0.98")],
)
async def test_the_interval_says_of_which_prompts_it_is(explore, db, screen_text, held_out, said):
    interval = "faithfulness_low = 0.7, faithfulness_high = 0.98, interval_of = 'x', held_out_faithfulness = ?"
    db.execute(f"UPDATE circuit SET {interval}", (held_out,))
    async with explore() as (app, _):
        assert said in " ".join("\n".join(line[-60:] for line in screen_text(app).splitlines()).split())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_faithfulness_that_rests_on_nothing_says_so(explore, db, screen_text, size):
    """A raw share that is defined stands beside a normalised one that is not, and the reason in full."""
    why = "corruption changes the metric by at most two standard errors"
    db.execute("UPDATE circuit SET faithfulness_normalised = NULL")
    db.execute("UPDATE result SET reason = ? WHERE analysis = 'circuit' AND reason IS NULL", (why,))
    async with explore(size=size) as (app, pilot):
        await pilot.press("ctrl+o", "g")
        pane = "\n".join(line[-44:] if size[0] == 120 else line for line in screen_text(app).splitlines())
        said = " ".join(pane.split())
        assert "faithfulness 0.85 (normalised –)" in said and why in said


async def test_every_role_of_a_head_is_in_its_row_attention_first(explore, db, screen_text):
    result = (
        "SELECT result.id FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id WHERE step = 256 AND role = ?"
    )
    db.execute("UPDATE result SET role = 'name_mover' WHERE role = 'successor'")
    copies = f"UPDATE head_score SET value = 1.0 WHERE layer = 2 AND head = 1 AND result_id IN ({result})"
    db.execute(copies, ("name_mover",))
    shown = queries.role_tasks(db, "toy-a").at(256, "ioi")
    assert queries.strong_in(db, shown)[2, 1] == ("induction", "name_mover")
    async with explore() as (app, _):
        assert any("a2.h1" in line and " in   nm " in line for line in screen_text(app).splitlines())


async def test_where_other_circuits_answer_over_training_the_pane_names_them(explore, screen_text, db, maker):
    """Invariant: circuits over training are of one set; where that has none, the pane says what it shows elsewhere."""
    found = recorded.circuit(recorded.point(1, 1, 2), 250, [(0, 40, 0.5)], (17, 41))
    maker.add(128, "circuit", found, method="eap", search="grid")
    async with explore() as (app, pilot):
        app.main.choose(model="toy-a", step=256, task="ioi")
        await pilot.pause()
        said = app.main.of("circuit")._why_empty()
        assert said.startswith("No circuit of ioi · eap, grid is computed at step 256.")
        app.main.choose(step=128)
        await pilot.pause()
        assert "1 of 250 edges" in screen_text(app)
