"""The compare screen: what changed between two checkpoints, as answers that a few keys bring from the first screen."""

from pathlib import Path

import pytest
import recorded
from statements import LARGE, scanned

from circuit_core.graph import Graph
from circuit_store import queries, results
from circuit_store.views.view import AT
from circuit_tui.explorer import state

pytestmark = pytest.mark.long
PRONOUN = results.TaskRecord("gendered_pronoun", "hash of pronouns", "prob_diff", False)
TO_16 = ("less_than_sign", *["full_stop"] * 5)
"""From the newest checkpoint of `toy-a`: its circuit appears at step 16."""


@pytest.fixture
def scored(db):
    """The circuits have the scores of their edges alone."""
    db.execute("UPDATE circuit SET scores = NULL")
    return db


@pytest.fixture
def floors(scored):
    """Two halves of the prompts give edges that agree by .7 at step 64, and nodes by .95 everywhere."""
    result = f"SELECT result.id FROM result JOIN {AT} WHERE step"
    scored.execute("UPDATE circuit SET edge_floor_low = 0.9, node_floor_low = 0.95, weighted_floor_low = 0.7")
    scored.execute(f"UPDATE circuit SET edge_floor_low = 0.7 WHERE result_id IN ({result} = 64)")
    return scored


async def test_what_changed_between_two_checkpoints(explore, scored, screen_text):
    """The head that learns induction between steps 64 and 128: two maps with one cursor, and that of differences."""
    async with explore() as (app, pilot):
        await pilot.press("4")
        await pilot.press("comma")
        await pilot.pause()
        text = screen_text(app)
        assert "A step 64, the one before: b pins a baseline" in text and "B step 128 · induction 0..1" in text
        assert "most changed induction   a2.h1 +0.42" in text and "B − A" not in text
        await pilot.press("x")
        text = screen_text(app)
        assert "B − A · induction −1..1" in text and "A step 64" not in text and app.screen.part == "difference"
        await pilot.press("h")
        assert app.main.look.at.head == (2, 0) and "a2.h0  0.000" in screen_text(app)
        assert {heat_map.head for heat_map in app.screen.maps.values()} == {(2, 0)}
        await pilot.press("x")
        assert "A step 64" in screen_text(app) and app.screen.part == "baseline"


async def test_the_circuit_at_two_checkpoints_as_a_diff(explore, scored, screen_text, tmp_path, said):
    """Edges gained and kept with both scores, nodes, counts and shares, and the same rows as `compare` as a file."""
    async with explore(size=(200, 60)) as (app, pilot):
        await pilot.press(*TO_16, "b", "4", *["full_stop"] * 2, "tab", "tab", "tab")
        text = screen_text(app)
        assert app.screen.part == "circuit" and "baseline @16" in text and "A baseline step 16" in text
        assert "+ 6 gained  − 0 lost" in text and "= 25 kept  shared/union 25/31" in text
        lines = [" ".join(line.split()) for line in text.splitlines()]
        assert any(line.startswith("›= a3.h1->logits 0.83 1.67 +0.83") for line in lines)
        assert "heads  + 0 gained" in text
        await pilot.press("D")
        rows = app.screen.query_one("#circuit ChangedLines").rows
        assert any(
            " ".join(line.split()).startswith("+ m0->a1.h0<v> – 0.22 –") for line in screen_text(app).splitlines()
        )
        assert "only differences" in screen_text(app) and {row[2] for row in rows} == {"gained"} and len(rows) == 6
        assert [row[4] for row in rows] == sorted((row[4] for row in rows), key=lambda score: -abs(score))
        await pilot.press("g", "enter")
        assert rows[0][1] == "input->m0" and said[-1] == "No head is in this row."
        await pilot.press("j", "enter")
        assert rows[1][1] == "m0->a1.h0<v>" and app.main.look.at.head == (1, 0)
        every = app.screen.found.circuits.rows
        await pilot.press("y", "e")
        await pilot.pause()
    assert said[-1].endswith("compare toy-a@16/ioi toy-a@64/ioi --csv")
    written = (tmp_path / "cwd" / "compare-toy-a@16_ioi-toy-a@64_ioi.csv").read_text().splitlines()
    assert written[0] == "kind,name,found,score_a,score_b,difference" and len(written) == 1 + len(every)
    assert written[1].startswith("edge,a3.h1->logits,shared,0.8333,1.6667,0.8334")


async def test_whether_a_change_between_neighbours_exceeds_its_floor(explore, floors, screen_text):
    """25 of 29 edges are shared at steps 16 and 32, below the floor of .9; at 64 the floor is .7."""
    async with explore() as (app, pilot):
        await pilot.press("4")
        await pilot.press(*TO_16, "full_stop")
        await pilot.pause()
        text = screen_text(app)
        assert (
            "Beyond the prompts' noise: edges" in " ".join(text.split()) and "edges     0.86 < noise floor 0.90" in text
        )
        assert "Similarity 0..1 · each to the one" in text
        await pilot.press("full_stop")
        text = screen_text(app)
        assert "edges     0.94 ≥ noise floor 0.70" in text
        floors.execute("UPDATE circuit SET edge_floor_low = NULL, node_floor_low = NULL, weighted_floor_low = NULL")
        await pilot.press("r")
        await pilot.pause()
        assert "No noise floor is stored" in screen_text(app)


async def test_similarity_to_a_baseline_over_training(explore, floors, screen_text):
    """A curve of all checkpoints with a circuit, with the lower floor of both; `j` draws the floor of another kind."""
    async with explore() as (app, pilot):
        await pilot.press(*TO_16, "b", "4")
        await pilot.pause()
        assert "A and B are the same" in screen_text(app)
        body = app.screen.query_one("Similarity")
        shared = {row["step"]: row["edge_jaccard"] for row in body.curve.rows}
        assert shared == {16: 1.0, 32: 25 / 29, 64: 25 / 31, 128: 25 / 31, 256: 25 / 31}
        assert {row["step"]: row["edge_floor_low"] for row in body.curve.rows}[64] == 0.7
        app.screen.show_part("similarity")
        await pilot.press("j", "l")
        await pilot.pause()
        assert body.kind == 1 and app.main.look.at.step == 32 and "›▲ nodes" in screen_text(app)


async def test_whether_the_larger_model_has_the_role_at_the_same_depth(explore, scored, screen_text):
    """Models of two shapes: the best head of each role with its depth; circuits by their parts."""
    of = f"SELECT result.id FROM result JOIN {AT} WHERE model.name = 'toy-b' AND role = 'previous_token'"
    scored.execute(f"UPDATE head_score SET value = 0.9 WHERE layer = 1 AND head = 0 AND result_id IN ({of})")
    async with explore(size=(80, 24)) as (app, pilot):
        await pilot.press("b", "o", "4")
        await pilot.pause()
        text = screen_text(app)
        assert "A has 4 layers × 3 heads, B 2 layers × 2 heads: roles are compared by depth." in text
        lines = [" ".join(line.split()) for line in text.splitlines()]
        (previous,) = (line for line in lines if line.startswith("pt previous token a1.h0 0.33"))
        (induction,) = (line for line in lines if line.startswith("› in induction a2.h1 0.67"))
        assert previous.endswith("a1.h0 1.00 0.90 +0.67 deeper") and induction.endswith("in A alone")
        await pilot.press("j", "enter")
        assert app.main.look.at.role == app.screen.query_one("#depth ChangedLines").rows[1].role
        await pilot.press("tab")
        assert "toy-b@0 has no circuit of ioi" in screen_text(app)


async def test_a_baseline_is_pinned_swapped_unpinned_and_remembered(explore, scored, screen_text, said, tmp_path):
    async with explore() as (app, pilot):
        await pilot.press("b", "comma")
        assert app.main.look.at.baseline == state.Baseline("toy-a", 256, "ioi") and "baseline @256" in screen_text(app)
        assert said[-1] == "toy-a@256/ioi is the baseline: 4 compares with it, b unpins it."
        await pilot.press("4")
        await pilot.press("w")
        at = app.main.look.at
        assert (at.step, at.baseline) == (256, state.Baseline("toy-a", 128, "ioi"))
        await pilot.press("left_square_bracket")
        assert (app.main.look.at.step, app.main.look.at.baseline.step) == (128, 128)
        await pilot.press("full_stop")
    async with explore() as (app, pilot):
        assert app.main.look.at.baseline == state.Baseline("toy-a", 128, "ioi")
        await pilot.press("comma", "b")
        assert app.main.look.at.baseline is None and said[-1] == "toy-a@128/ioi is the baseline no more."


async def test_what_cannot_be_compared_says_why(explore, scored, screen_text):
    """No circuit at a checkpoint, a role that is undefined, no checkpoint before: and no key fails there."""
    async with explore() as (app, pilot):
        await pilot.press(*TO_16, "4")
        await pilot.pause()
        said = app.screen.query_one("#circuit ChangedLines").message
        assert said.startswith("toy-a@8 has no circuit of ioi (the model does not do the task")
        assert said[:30] in screen_text(app)
        await pilot.press("M")
        assert "copy_suppression is undefined at toy-a@8" in " ".join(screen_text(app).split())
        await pilot.press("less_than_sign")
        first = "This is the first of toy-a, with none before it: . goes on, or b pins a baseline."
        assert first in " ".join(screen_text(app).split())
        await pilot.press("w", "e", "x", "D", "plus", "underscore", "y", "Y", "i", "enter", "j", "l", "G")
        assert app.last_error == "No error so far."


async def test_what_weakens_a_comparison_is_said(explore, scored, maker):
    """Circuits of two tasks and methods, and one without scores."""
    point = recorded.point(2, 2, 3, None, None, None)
    graph = Graph(4, 3, True)
    edges = [(*graph.edge(name), None) for name in ("input->m3", "a3.h1->logits")]
    found = recorded.circuit(point, 250, edges, (17, 41), imported_from="edges.json")
    maker.add(256, "circuit", found, task=PRONOUN, method="imported")
    async with explore() as (app, pilot):
        await pilot.press("comma", "b", "full_stop", "T", "4")
        await pilot.pause()
        said = app.screen.query_one("#circuit Note").said.plain
        assert "They are of two tasks." in said and "They differ in method: eap-ig and imported." in said
        assert "toy-a@256/gendered_pronoun was imported without scores: its edges are compared by name alone." in said
        assert "shared/union 2/31" in said and "weighted     –" in app.screen.query_one("#said").said.plain


async def test_one_part_at_a_time_where_there_is_no_room(explore, scored, screen_text):
    async with explore(size=(80, 24)) as (app, pilot):
        await pilot.press("4")
        await pilot.pause()
        seen = []
        for _ in range(6):
            shown = [part.id for part in app.screen.query("Part") if part.display and part.region.height]
            assert shown == [app.screen.part]
            assert not any(widget.show_horizontal_scrollbar for widget in app.screen.query("Lines"))
            seen += shown
            await pilot.press("tab")
        assert seen == ["baseline", "selection", "difference", "circuit", "nodes", "similarity"]
        await pilot.press("ctrl+o", "f")
        assert app.screen.part == "circuit" and "gained" in screen_text(app)
        await pilot.resize_terminal(200, 60)
        await pilot.pause()
        assert all(part.display for part in app.screen.query("Part") if part.id != "depth")
        await pilot.press("plus")
        assert [part.id for part in app.screen.query("Part") if part.display] == ["circuit"]
        await pilot.press("escape")
        assert app.screen is not app.main and all(
            part.display for part in app.screen.query("Part") if part.id != "depth"
        )


async def test_no_large_table_is_scanned(explore, scored, statements):
    async with explore() as (_, pilot):
        statements.in_threads.clear()
        await pilot.press("4")
        await pilot.press("comma", "b", "comma", "o")
        await pilot.pause()
    assert statements.in_threads and not scanned(scored, statements.in_threads, (*LARGE, "circuit_edge", "node_score"))


def test_a_store_without_memory_of_a_baseline_has_none(tmp_path: Path):
    wish = state.Selection("toy-a", baseline=state.Baseline("toy-b", 100, None))
    state.remember(tmp_path / "store.db", wish)
    assert state.recall(tmp_path / "store.db")[0] == wish
    file = state._file(tmp_path / "store.db")
    file.write_text(file.read_text().replace('["toy-b", 100, null]', '"toy-b"'))
    assert state.recall(tmp_path / "store.db")[0] == state.Selection()


def test_best_heads_are_the_highest_of_each_role(db):
    at = queries.role_tasks(db, "toy-a").at(256, "ioi")
    grid = queries.head_grid(db, "toy-a", 256, "induction", "ioi").values
    layer, head, value = queries.best_heads(db, at)["induction"]
    assert (layer, head) == (2, 1) and value == max(score for row in grid for score in row if score is not None)
