"""The study screen: answers about all models over training, in at most four keys, at any size of the terminal."""

import pytest
import recorded
from statements import scanned

from circuit_store import results, trends

pytestmark = pytest.mark.long

SIZES = [(80, 24), (120, 40), (200, 60)]
BEHAVIOUR, EARLIEST, HEADS, STAGES, SIZE, SIMILARITY = "asdfgh"
"""Their letters after `ctrl+o`."""


def stages(first: float, second: float | None) -> results.Record:
    """Of the three stages: the second is undefined where there is no number, the third everywhere."""
    interval = (first - 2, first + 1.5)
    lacking = None if second is not None else "no name mover that a head precedes"
    return recorded.algorithm(
        [
            recorded.stage("movers_and_suppressors", first, *interval, {}, "all heads", True, None, None, 12.0, -0.7),
            recorded.stage("s_inhibition", second, None, None, {}, "all heads", True, lacking, None, 3.0, -0.1),
            recorded.stage("induction_and_duplicate", None, None, None, {}, "all", True, "no S-inhibition head"),
        ]
    )


PAIRS = [(16, 32, 0.41, 0.5), (32, 64, 0.9, 0.95), (64, 128, 0.75, 0.8), (128, 256, 0.2, 0.3)]
"""Steps, and similarity of edges and of nodes."""
EARLY = {
    "toy-a": [
        trends.EmergenceRecord("role", "name_mover", 3, 1, 32, None, 0.9, 0.45, task="ioi"),
        trends.EmergenceRecord("figure_2_head", "name_mover", 3, 2, 64, None, 0.9, 0.45, task="ioi"),
        trends.EmergenceRecord("role", "induction", 2, 1, 16, None, 0.9, 0.45),
        trends.EmergenceRecord("top_head", "induction", 2, 1, 16, None, 0.9, 0.45),
    ],
    "toy-b": [
        trends.EmergenceRecord("role", "name_mover", 1, 0, 0, None, 0.9, 0.45, task="ioi"),
        trends.EmergenceRecord("role", "induction", reason="no head reaches the floor (0.30)"),
    ],
}


@pytest.fixture
def study(db, maker):
    """The store with stages, trends and noise floors; of both models the tokens are known."""
    db.execute("UPDATE checkpoint SET tokens = 2048 * step")
    for step, first, second in ((64, 31.0, None), (256, 76.5, 4.0)):
        maker.add(step, "algorithm", stages(first, second))
    db.execute("UPDATE circuit SET edge_floor_low = 0.58, node_floor_low = 0.6 WHERE n_edges IS NOT NULL")
    where = "model.name = 'toy-a' AND analysis = 'circuit'"
    joined = "result JOIN checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
    of = dict(db.execute(f"SELECT step, result.id FROM {joined} WHERE {where}").fetchall())
    pairs = [
        {
            "result_a": of[a],
            "result_b": of[b],
            "task": "ioi",
            "dtype": "float32",
            "method": "eap-ig",
            "against": "neighbour",
            "step_a": a,
            "step_b": b,
        }
        | {"edge_jaccard": edge, "node_jaccard": node, "weighted_jaccard": edge}
        for a, b, edge, node in PAIRS
    ]
    for model, rows in EARLY.items():
        further = {"similarity": pairs} if model == "toy-a" else {}
        trends.replace(db, model, rows, [], trends.last_result(db, model), further)
    return maker


@pytest.fixture
def copied(monkeypatch) -> list[str]:
    """What was sent to the clipboard."""
    sent: list[str] = []
    monkeypatch.setattr("circuit_tui.explorer.app.Explorer.copy_to_clipboard", lambda _, text: sent.append(text))
    return sent


@pytest.mark.parametrize("size", SIZES)
async def test_how_big_is_the_circuit_over_time(explore, study, screen_text, size):
    """Beside all models; a circuit that is not there has no size."""
    async with explore(size=size) as (app, pilot):
        await pilot.press("2")
        await pilot.press("ctrl+o", SIZE)
        text = screen_text(app)
        assert "Circuit size · ioi · edges · by model" in text and "toy-a 31 edges, 15 nodes" in text
        for _ in range(3):
            await pilot.press("comma")
        assert "toy-a 29 edges, 15 nodes" in screen_text(app)
        for _ in range(2):
            await pilot.press("comma")
        assert app.main.look.at.step == 8 and "toy-a –" in screen_text(app)


@pytest.mark.parametrize("size", SIZES)
async def test_earliest_name_mover_of_every_size(explore, study, screen_text, copied, size):
    """And which models have none, and why; enter goes there."""
    async with explore(size=size) as (app, pilot):
        await pilot.press("2")
        await pilot.press("ctrl+o", EARLIEST)
        rows = [line.split() for line in screen_text(app).splitlines() if "toy-" in line]
        named = [
            [word for word in row if word in ("toy-a", "toy-b", "a3.h1", "a1.h0", "66k", "0", "–")] for row in rows
        ]
        assert ["toy-a", "a3.h1", "66k"] in named and ["toy-b", "a1.h0", "0"] in named
        assert "name mover" in screen_text(app) and "no hea" in screen_text(app)
        marks = next(line for line in screen_text(app).splitlines() if "a3.h1" in line)
        assert marks.index("●") < marks.index("○"), "in circuits it comes later"
        await pilot.press("G", "Y")
        assert copied[-1].split("\t") == [
            "name_mover", "toy-a", "a3.h1 at step 32, 65,536 tokens", "in circuits a3.h2 at step 64, 131,072 tokens"
        ]  # fmt: skip
        await pilot.press("k", "enter")
        assert (app.main.look.at.model, app.main.look.at.step, app.main.look.at.head) == ("toy-b", 0, (1, 0))
        assert app.screen.part == "earliest-heads"


@pytest.mark.parametrize("size", SIZES)
async def test_stages_of_a_model_over_time_beside_those_of_the_others(explore, study, screen_text, size):
    """With intervals, random heads, and the reason where a stage is undefined."""
    study.add(0, "algorithm", stages(30.0, None), model="toy-b")
    async with explore(size=size) as (app, pilot):
        await pilot.press("2")
        await pilot.press("ctrl+o", STAGES)
        text = screen_text(app)
        assert "movers and suppressors 76.5 % [74.5..78.0], random heads 12 %" in text and "S-inhibition 4.0 %" in text
        assert "induction and duplicate undefined: no S-inhibition head" in " ".join(text.split())
        table = [line[line.index("toy-") :].split() for line in text.splitlines() if "toy-" in line and "% [" in line]
        assert ["toy-a", "76", "%", "[74..78]", "4", "%"] in [row[:6] for row in table], table
        assert "toy-b 30 % at 0" in " ".join(text.replace("[28..32] ", "").split())
        await pilot.press("comma", "comma")
        text = " ".join(screen_text(app).split())
        assert "movers and suppressors 31.0 % [29.0..32.5], random heads 12 %" in text
        assert "S-inhibition undefined: no name mover that a head precedes" in text


@pytest.mark.parametrize("size", SIZES)
async def test_whether_a_change_between_neighbours_exceeds_its_noise_floor(explore, study, screen_text, size):
    async with explore(size=size) as (app, pilot):
        app.main.choose(step=16)
        await pilot.press("2")
        await pilot.press("ctrl+o", SIMILARITY)
        text = screen_text(app)
        assert "edge 0.41 to step 32, noise floor 0.58..1: a change" in text
        assert "node 0.50 to step 32, noise floor 0.60..1: a change" in text
        assert "weighted 0.41 to step 32, no noise floor" in " ".join(text.split())
        await pilot.press("full_stop")
        assert "edge 0.90 to step 64, noise floor 0.58..1: within noise" in screen_text(app)
        for _ in range(3):
            await pilot.press("full_stop")
        assert app.main.look.at.step == 256 and "no pair of circuits begins" in screen_text(app)


async def test_behaviour_has_its_intervals_and_the_number_of_prompts(explore, study, screen_text, said):
    """Of models, of sizes, or of the tasks of a model."""
    async with explore() as (app, pilot):
        await pilot.press("2")
        await pilot.press("plus")
        text = screen_text(app)
        assert "Behaviour · ioi · logit difference · by model · over tokens" in text
        assert "toy-a 3.40 [3.30..3.50]" in text and "toy-b −0.10 [−0.20..0.00] at 0" in text
        assert "intervals 95 %, n = 64 prompts" in text and "Circuit size" not in text
        await pilot.press("y")
        assert said[-1].startswith("sent to the terminal")
        await pilot.press("d")
        assert "by size" in screen_text(app) and "there are none of a known size" in screen_text(app)
        await pilot.press("d")
        text = screen_text(app)
        assert "accuracy 0..1 · by task" in text and "ioi 0.95" in text and "gendered_pronoun 0.95" in text
        await pilot.press("d", "underscore")
        assert "by model" in screen_text(app) and "Circuit size" in screen_text(app)


async def test_seeds_of_a_size_are_replicates(explore, study, screen_text):
    """Mean and range; no range of one seed."""
    study.db.execute("UPDATE model SET family = 'toy', size = '1m', seed = id")
    async with explore() as (app, pilot):
        app.main.choose(model="toy-a", step=0)
        await pilot.press("2")
        await pilot.press("d", "plus")
        assert "toy 1m −0.10 [−0.10..−0.10]" in screen_text(app) and "ranges are over seeds" in screen_text(app)
        await pilot.press("full_stop", "full_stop", "full_stop")
        assert "toy 1m −0.10" in screen_text(app) and "[" not in screen_text(app).split("toy 1m")[1].split("ranges")[0]


async def test_damaged_checkpoints_are_marked_below_the_curves(explore, study, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("2")
        await pilot.press("plus")
        text = screen_text(app)
        assert "✗ unreadable" in text and "= duplicate" in text
        (foot,) = (
            line for line in text.splitlines() if "✗" in line and "unreadable" not in line and "tokens" not in line
        )
        assert foot.index("=") < foot.index("✗")


async def test_a_step_reads_nothing_and_the_line_moves_on_every_figure(explore, study, statements):
    async with explore(size=(200, 60)) as (app, pilot):
        statements.in_threads.clear()
        await pilot.press("2")
        asked = [one for one in statements.in_threads if one.startswith(("SELECT", "WITH"))]
        assert any("similarity" in one for one in asked) and not scanned(study.db, asked)
        places = [figure._column for figure in app.screen.query("Curves")]
        statements.in_threads.clear()
        asked = app.screen._asked
        await pilot.press("comma", "comma")
        assert app.screen._asked == asked and not any("similarity" in one for one in statements.in_threads)
        after = [figure._column for figure in app.screen.query("Curves")]
        assert all(now < before for before, now in zip(places, after, strict=True))
        await pilot.press("X")
        assert [figure._column for figure in app.screen.query("Curves")] != after


async def test_top_heads_are_those_of_the_circuits_else_the_strongest(explore, study, screen_text):
    async with explore() as (app, pilot):
        await pilot.press("2")
        await pilot.press("ctrl+o", HEADS, "plus")
        text = screen_text(app)
        assert "Top heads of induction · toy-a · longest in the circuits" in text and "a2.h1 0.89" in text
        app.main.choose(role="previous_token")
        await pilot.pause()
        text = screen_text(app)
        assert "Top heads of previous token · toy-a · strongest at step 256" in text
        assert "● a1.h0 0." in text and "▲ " in text and "intervals" not in text


async def test_what_is_shown_is_exported(explore, study, said, tmp_path):
    async with explore(size=(80, 24)) as (_, pilot):
        await pilot.press("2")
        await pilot.press("e")
        assert [one.split()[0] for one in said] == ["behaviour-ioi.csv"]
        assert "circuit-tui" in said[0] and "export behaviour --task ioi" in said[0]
    said.clear()
    async with explore(size=(120, 40)) as (_, pilot):
        await pilot.press("2")
        await pilot.press("e")
    written = [one.split()[0] for one in said]
    views = ["behaviour", "emergence", "history", "algorithm", "size", "similarity"]
    assert [name.split("-")[0].split(".")[0].split("~")[0] for name in written] == views


async def test_what_is_not_computed_says_what_would_be_there(explore, maker, screen_text):
    maker.unit()
    maker.db.execute("DELETE FROM result WHERE analysis NOT IN ('behaviour')")
    async with explore(size=(200, 60)) as (app, pilot):
        await pilot.press("2")
        text = " ".join(note.said.plain for note in app.screen.query("Figure Note") if note.said)
        text += app.screen.query_one("Earliest").message
        for said in (
            "known at the end of",
            "run algorithm (ctrl+r)",
            "run circuit (ctrl+r)",
            "end of a run of circuit",
        ):
            assert said in text, said
        maker.db.execute("DELETE FROM result")
        await pilot.press("r")
        await pilot.pause()
        assert "Figures of all models over training: ctrl+r starts a run" in screen_text(app)


async def test_the_moved_line_is_the_one_that_drawing_anew_gives(explore, study, screen_text):
    async with explore(size=(200, 60)) as (app, pilot):
        await pilot.press("2")
        for key in ("comma", "comma", "comma", "full_stop", "<", ">"):
            await pilot.press(key)
            moved = screen_text(app)
            app.screen.draw()
            await pilot.pause()
            assert screen_text(app) == moved, key


@pytest.mark.parametrize("size", [(60, 15), (99, 60), (100, 32), (160, 31), (250, 80)])
async def test_at_any_size_the_part_in_focus_is_there_and_nothing_is_wider_than_the_screen(
    explore, study, screen_text, size
):
    """As many parts beside it as have room."""
    async with explore() as (app, pilot):
        await pilot.press("2")
        await pilot.press("tab")
        await pilot.resize_terminal(*size)
        await pilot.pause()
        shown = [part for part in app.screen.query("Part") if part.region]
        assert app.screen.part == "earliest-heads" and "Earliest head of each role" in screen_text(app)
        assert len(shown) == (6 if size[0] >= 100 and size[1] >= 32 else 1)
        assert all(part.region in app.screen.region and part.region.height > 3 for part in shown)
        for key in ("tab", "comma", "X", "z", "M", "d", "plus", "underscore"):
            await pilot.press(key)
        assert app.screen.part == "top-heads" and "Top heads of" in screen_text(app)
