"""The circuit screen: questions about a circuit answered by keys, and what is drawn of it where.

The fixture's circuit at step 256 has 31 edges; here a head of it moves names, and three of its edges are in doubt.
"""

import pytest
import recorded

from circuit_store import results
from circuit_store.queries import CircuitEdge
from circuit_tui.explorer.diagram import choice, dots
from circuit_tui.explorer.diagram.labels import labels
from circuit_tui.explorer.diagram.places import Grid

pytestmark = pytest.mark.long
CURVE = [
    {**recorded.point(1, 0, 0, -1.0, -0.5, 0.0), "random_baseline": -0.5, "random_low": -0.5, "random_high": -0.5},
    {**recorded.point(31, 31, 15, 1.7, 0.85, 0.9), "random_baseline": -0.25, "random_low": -0.4, "random_high": -0.1},
    {**recorded.point(250, 250, 17, 2.0, 1.0, 1.0), "random_baseline": 1.0, "random_low": 1.0, "random_high": 1.0},
]
"""Faithfulness by size; of the fixture's own circuits there is none."""


@pytest.fixture
def known(db, maker):
    """a3.h1 moves names, edges have error bars, and circuits of other sizes were measured."""
    (checkpoint,) = db.execute("SELECT id FROM checkpoint WHERE step = 256").fetchone()
    of = results.Provenance("nm", 1, checkpoint, "heads", {}, "size, time", "f", "float32", 0.5, role="name_mover")
    scores = [
        (layer, head, 0.9 if (layer, head) == (3, 1) else 0.0, None, None) for layer in range(4) for head in range(3)
    ]
    results.write(db, of, recorded.head_scores(scores))
    at = "result_id = (SELECT result.id FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
    at += " WHERE step = 256 AND analysis = 'circuit')"
    db.execute(f"UPDATE circuit_edge SET share = CASE WHEN abs(score) < 0.07 THEN 0.5 ELSE 1 END, se = 0.03 WHERE {at}")
    (result,) = db.execute(f"SELECT result_id FROM circuit WHERE {at}").fetchone()
    for row in CURVE:
        columns = {"result_id": result, **row}
        marks = ", ".join("?" * len(columns))
        db.execute(f"INSERT INTO faithfulness ({', '.join(columns)}) VALUES ({marks})", tuple(columns.values()))
    db.execute("INSERT INTO node_score (result_id, src, score) VALUES (?, ?, 2.75)", (result, 14))  # a3.h1
    return db


async def test_which_edge_feeds_the_name_mover(explore, known, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("3")
        await pilot.press("j")
        await pilot.pause()
        text = screen_text(app)
        assert "a3.h1   nm  name mover   node score 2.75" in text
        assert "in 4: q a2.h1 1.50, q a2.h2 0.75, v m0 0.60, k a1.h0 0.50" in text and "out 1: logits 2.50" in text
        assert "nm a3.h1" in text


async def test_how_big_the_circuit_is_and_how_faithful(explore, known, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("3")
        await pilot.pause()
        text = screen_text(app)
        assert "ioi · 31 of 250 edges · 15 nodes" in text
        assert "● faithfulness 0.85" in text and "◆ random circuits −0.25, from −0.40 to −0.10" in text
        assert "heads            6 nodes    13 edges   68.9 %" in text


async def test_which_edges_are_core(explore, known, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("3")
        await pilot.press("tab", "G")
        await pilot.pause()
        text = screen_text(app)
        assert "28 core" in text
        assert "╌ input->logits" in text and "−0.02 ±0.03  50%" in text
        await pilot.press("g", "k")
        assert "━ a3.h1->logits                 2.50 ±0.03 100%" in screen_text(app)


async def test_thresholds_draw_fewer_edges_and_all(explore, known, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("3")
        await pilot.pause()
        assert "31 of 31 edges drawn, |score| ≥ 0.02" in screen_text(app)
        await pilot.press(*["right_curly_bracket"] * 6)
        assert "3 of 31 edges drawn, |score| ≥ 1.25" in screen_text(app)
        await pilot.press("left_curly_bracket")
        fewer = len(app.screen.diagram.choice.edges)
        assert 3 < fewer < 31
        await pilot.press("0")
        assert len(app.screen.diagram.choice.edges) == 31


async def test_nodes_stay_where_they_are_over_training_and_the_cursor_with_them(explore, known):
    async with explore() as (app, pilot):
        await pilot.press("3")
        await pilot.press("j", "j", "j")
        await pilot.pause()
        diagram = app.screen.diagram
        here, places = diagram.here, {name: (label.row, label.end) for name, label in diagram._labels.items()}
        await pilot.press("comma", "comma")
        await pilot.pause()
        later = {name: (label.row, label.end) for name, label in diagram._labels.items()}
        assert app.main.look.at.step == 64 and len(later) > 3
        rows = {name: row for name, (row, _) in places.items()}
        assert {name: row for name, (row, _) in later.items()}.items() <= rows.items()
        assert diagram.wish == here


async def test_enter_selects_the_head_under_the_cursor(explore, known, said):
    async with explore() as (app, pilot):
        await pilot.press("3")
        await pilot.press("enter")
        assert said == ["logits is no head: only heads can be selected."]
        await pilot.press("j", "enter")
        await pilot.pause()
        assert app.main.look.at.head == (3, 1)
        await pilot.press("tab", "j", "enter")
        await pilot.pause()
        assert app.main.look.at.head == (2, 1) and app.screen.diagram.here == "a2.h1"


async def test_where_there_is_no_circuit_the_screen_says_why(explore, known, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("3")
        await pilot.press("less_than_sign")
        await pilot.pause()
        assert "No circuit here: the model does not do the task" in screen_text(app)
        await pilot.press("T")
        await pilot.pause()
        assert "No circuit of gendered_pronoun is computed at step" in screen_text(app)
        await pilot.press("T", "greater_than_sign", "comma", "j")
        await pilot.pause()
        assert app.screen.part == "diagram" and "edges drawn" in screen_text(app)


async def test_a_circuit_without_scores_is_drawn_and_what_is_no_node_is_listed(explore, known, maker, screen_text):
    edges = [(0, 9, None), (4, 40, None), (0, 77, None)]
    maker.add(256, "circuit", recorded.circuit(recorded.point(3, 3, 3), 250, edges, (17, 41)), method="imported")
    known.execute("DELETE FROM result WHERE analysis = 'circuit' AND json_extract(params, '$.method') = 'eap-ig'")
    async with explore() as (app, pilot):
        await pilot.press("3")
        await pilot.pause()
        text = screen_text(app)
        assert "2 of 3 edges drawn, none has a score · no resamples" in text and "input->77" in text
        assert "No faithfulness" in text or "The curve of faithfulness by size" in text


async def test_at_80_columns_parts_are_shown_one_at_a_time(explore, known, screen_text):
    async with explore(size=(80, 24)) as (app, pilot):
        await pilot.press("3")
        await pilot.pause()
        assert "logits" in screen_text(app) and "±" not in screen_text(app)
        await pilot.press("tab")
        await pilot.pause()
        assert "2.50 ±0.03 100%" in screen_text(app) and "input" in screen_text(app)
        await pilot.press("ctrl+o", "d")
        await pilot.pause()
        assert "heads            6 nodes    13 edges   68.9 %" in screen_text(app)
        await pilot.press("ctrl+o", "f")
        await pilot.pause()
        assert "faithfulness by edges · raw" in screen_text(app)


async def test_what_is_shown_is_exported_and_copied(explore, known, said, monkeypatch):
    async with explore() as (app, pilot):
        sent: list[str] = []
        monkeypatch.setattr(type(app), "copy_to_clipboard", lambda app, text: sent.append(text))
        await pilot.press("3")
        await pilot.press("j", "y", "Y", "tab", "y", "Y")
        assert sent == ["a3.h1", "a3.h1\t2.75", "a3.h1->logits", "a3.h1\tlogits\t\t2.5\t1.0\t0.03"]
        await pilot.press("e")
    assert any(text.startswith("circuit-toy-a@256-ioi.csv written") for text in said)


GRID = Grid(12, 12, 80, 40)


def test_every_node_has_a_place_of_its_own_and_mlps_read_heads_from_above():
    names = ["input", "logits", *(f"m{i}" for i in range(12)), *(f"a{i}.h{j}" for i in range(12) for j in range(12))]
    places = {(GRID.row(name), GRID.column(name)) for name in names}
    assert len(places) == len(names) and all(0 <= x < 80 and 0 <= y < GRID.rows for y, x in places)
    assert GRID.row("a4.h0") > GRID.row("m4") > GRID.row("a5.h0")


def test_the_largest_edges_are_drawn_and_what_would_cover_another_node_is_counted():
    tight = Grid(2, 40, 60, 20)
    edges = [
        CircuitEdge("a1.h0", "logits", None, 5.0),
        CircuitEdge("a1.h1", "logits", None, -4.0),
        CircuitEdge("a1.h9", "logits", None, 3.0),
        CircuitEdge("a0.h9", "logits", None, 2.0),
    ]
    found = choice.chosen(edges, tight, 2, 0.0)
    assert [edge.src for edge in found.edges] == ["a1.h0", "a1.h9"] and found.no_room == 1
    assert choice.counted(found, edges, 5.0) == "2 of 4 edges drawn, |score| ≥ 3.00, 1 larger have no room"
    assert len(choice.chosen(edges, tight, None, 4.5).edges) == 1


def test_labels_never_run_into_each_other():
    heads = [f"a3.h{j}" for j in range(12)]
    found = labels(heads, {"a3.h4": ("name_mover", "induction"), "a3.h5": ("induction",)}, GRID)
    spans = sorted((label.column, label.end) for label in found.values())
    assert all(end < start for (_, end), (start, _) in zip(spans, spans[1:], strict=False))
    assert "nm" in [text for text, _ in found["a3.h4"].pieces]
    (alone,) = labels(["a3.h4"], {"a3.h4": ("name_mover", "induction")}, GRID).values()
    assert "".join(text for text, _ in alone.pieces) == "nmin a3.h4"


def test_an_edge_is_a_line_from_above_its_writer_to_below_its_reader():
    cells: dots.Cells = {}
    dots.edge(cells, (10, 5), (2, 30), "helps")
    rows = {row for row, _ in cells}
    assert rows == set(range(3, 10)) and (9, 5) in cells and (3, 30) in cells
    dashed: dots.Cells = {}
    dots.edge(dashed, (10, 5), (2, 30), "helps", dashed=True)
    assert sum(bits.bit_count() for bits, _ in dashed.values()) < sum(bits.bit_count() for bits, _ in cells.values())
