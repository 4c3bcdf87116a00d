"""The head screen: one head's roles, circuits, edges, attention and effects, each question in a few keys."""

import pytest
import recorded
from waiting import looked, until

from circuit_store import results, trends
from circuit_tui.explorer.screens.head import HeadScreen
from circuit_tui.explorer.widgets.live_text import ChangedLines

pytestmark = pytest.mark.long

SIZES = [(80, 24), (120, 40), (200, 60)]
EMERGED = [
    trends.EmergenceRecord("role", "induction", 2, 1, 64, 256, 0.9, 0.45, state="lost"),
    trends.EmergenceRecord("head", "induction", 2, 1, 64, 256, 0.9, 0.45, state="lost"),
    trends.EmergenceRecord("head", "induction", 3, 1, 128, None, 0.8, 0.4, state="emerged"),
]
PASSED = [recorded.handoff("induction", 2, 1, 256, 3, 1, 128, 3, 1000, 0.7, 0.6, 1.25)]
PROMPTS = [["When", " Mary", " and", " John"], ["So", " Ann", " and", " Tom"], ["Then", " Amy", " and", " Bob"]]
LOGITS = recorded.effects([(0, 0, 2.0, 0.0), (1, 1, 0.5, -0.5), (1, 2, 2.3, 0.1)], 2.0, -1.0)


@pytest.fixture
def whole(db, maker):
    """The store with trends, and with what heads attend to: a2.h1 looks at the second token, the third time at two."""
    trends.replace(db, "toy-a", EMERGED, PASSED, trends.last_result(db, "toy-a"))
    looks = [[0, 10_000, 0, 0]] * 2 + [[0, 6000, 1000, 3000]]
    weights = [[look if head == 7 else [10_000, 0, 0, 0] for head in range(12)] for look in looks]
    maker.add(256, "attention", recorded.attention(PROMPTS, weights, {"IO": 1, "S1": 3}))
    maker.add(128, "attention", results.Undefined("the model's activations are not finite"))
    return maker


def lines(app, part: str) -> list[str]:
    """All that a part's list would show, in its width."""
    body = app.screen.query_one(f"#{part} ChangedLines", ChangedLines)
    return [body.line(i, 78).plain for i in range(body.count)] or [body.message]


def said_of(app, part: str) -> str:
    """What stands around the list."""
    return " ".join(note.said.plain for note in app.screen.query(f"#{part} Note") if note.said)


def title(app, part: str) -> str:
    return str(app.screen.query_one(f"#{part}").border_title)


@pytest.mark.parametrize("size", SIZES)
async def test_when_a_head_got_a_role_and_which_head_took_it_over(explore, whole, screen_text, size):
    async with explore(size=size) as (app, pilot):
        await pilot.press("5")
        assert isinstance(app.screen, HeadScreen)
        text = screen_text(app).splitlines()
        row = next(line for line in text if " in  induction " in line)
        assert {"64", "256"} <= set(row.split())
        assert any(line.split("gained")[-1].split()[:1] == ["lost"] for line in text if "gained" in line)
        assert any("→ a3.h1 took over at 128, lost at 256" in line for line in text)
        told = " ".join(said_of(app, "roles").split())
        assert "copy suppression undefined: the tokenizer has no ordinals as single tokens" in told
        assert "gained at 64 (131k), lost at 256 (524k)" in told
        await pilot.press("j")
        assert app.main.look.at.head == (3, 1) and "Roles of a3.h1" in screen_text(app)
        assert any("← took over from a2.h1 at 128, which lost it at 256" in line for line in lines(app, "roles"))
        await pilot.press("k", "l", "h", "g", "G", "m", "m")
        assert app.main.look.at.head == (3, 2) and "previous token: 0." in said_of(app, "roles")


async def test_the_line_above_a_table_marks_the_checkpoint_and_a_bad_one_is_a_gap(explore, whole):
    """Invariant: at every checkpoint the mark stands above what the line shows of it."""
    async with explore(size=(80, 24)) as (app, pilot):
        await pilot.press("5")
        above, row = list[tuple[int, str]](), ""
        for _ in range(4):
            note = app.screen.query_one("#roles .columns").said.plain
            row = next(line for line in lines(app, "roles") if " in  induction " in line)
            above.append((note.index("▼"), row[note.index("▼")]))
            await pilot.press("comma")
        assert [block for _, block in above] == ["█", "█", "█", "▁"] and sorted(above, reverse=True) == above
        assert row.index("✗") > above[0][0] and row[row.index("✗") + 1] == " "


async def test_in_which_circuits_a_head_is_and_since_when(explore, whole, screen_text):
    async with explore(size=(120, 40)) as (app, pilot):
        await pilot.press("5")
        (row,) = lines(app, "circuits")
        assert row.split()[0] == "ioi" and row.split("of")[1].split() == ["5", "16", "(33k)"] and "5 of 5" in row
        assert "Circuits with a2.h1 · over tokens" in screen_text(app) and "circuits            first " in screen_text(
            app
        )
        app.main.choose(head=(0, 0))
        await pilot.pause()
        await pilot.resize_terminal(80, 24)
        await pilot.press("ctrl+o", "f")
        (row,), above = lines(app, "circuits"), app.screen.query_one("#circuits .columns").said.plain
        assert len(above) == 79 and above.index("▼") > 30
        assert "0 of 5" in row and "█" not in row and "·" in row
        assert lines(app, "edges-in") == ["a0.h0 is not in the circuit of ioi at step 256."]


@pytest.mark.parametrize("size", SIZES)
async def test_the_strongest_edges_of_a_head_and_the_heads_at_their_other_ends(explore, whole, said, size):
    """Into each port, strongest first; `enter` goes along them, there and back."""
    async with explore(size=size) as (app, pilot):
        app.main.choose(head=(3, 1))
        await pilot.press("5")
        await pilot.press("tab")
        assert [line.split()[:2] for line in lines(app, "edges-in")] == [
            ["<q>", "a2.h1"],
            ["<q>", "a2.h2"],
            ["<v>", "m0"],
            ["<k>", "a1.h0"],
        ]
        assert title(app, "edges-in").startswith("Edges in · ioi · 4 by |score|")
        await pilot.press("s")
        assert [line.split()[0] for line in lines(app, "edges-in")] == ["<q>", "<q>", "<k>", "<v>"]
        await pilot.press("j", "y", "enter")
        assert app.main.look.at.head == (2, 2)
        await pilot.press("tab", "enter")
        assert app.main.look.at.head == (3, 1) and lines(app, "edges-out")[0].split()[0] == "logits"
        await pilot.press("enter")
        assert said[-1] == "logits is no head."


@pytest.mark.parametrize("size", SIZES)
async def test_where_a_head_looks_on_the_third_prompt(explore, whole, screen_text, size):
    async with explore(size=size) as (app, pilot):
        await pilot.press("5")
        await pilot.press("n", "n")
        text = screen_text(app)
        assert "Attention · ioi · prompt 3 of 3 · from" in text
        looks = [line.split()[:3] for line in lines(app, "attention")]
        assert looks == [["Then", "0.00"], ["IO", "Amy", "0.60"], ["and", "0.10", "███"], ["S1", "Bob", "0.30"]]
        await pilot.press("n", "N", "N")
        assert "prompt 2 of 3" in screen_text(app)
        await pilot.press("comma")
        assert lines(app, "attention") == ["undefined: the model's activations are not finite"]
        await pilot.press("comma")
        assert "run toy-a --checkpoints 64 --analyses heads --tasks ioi" in lines(app, "attention")[0]


async def test_why_a_head_has_no_edges_here(explore, whole):
    """No circuit was computed, it is undefined, or there is none of the task."""
    async with explore() as (app, pilot):
        app.main.choose(step=8)
        await pilot.press("5")
        why = lines(app, "edges-in")[0]
        assert why == (
            "There is no circuit of ioi at step 8: the model does not do the task: its metric is not above chance."
        )
        app.main.choose(step=1024)
        await pilot.pause()
        assert "run toy-a --checkpoints 1024 --analyses circuit --tasks ioi" in lines(app, "edges-out")[0]
        assert "induction: not computed at step 1024" in " ".join(said_of(app, "roles").split())


async def test_effects_are_asked_for_by_a_key_and_appear_as_they_come(explore, whole, started, db):
    """Those that are held are shown at once; a refusal says why."""
    whole.add(256, "patch", LOGITS, to="logits", senders="all", freeze_mlps=False)
    async with explore() as (app, pilot):
        await pilot.press("5")
        await pilot.press("ctrl+o", "h")
        assert app.screen.part == "effects"
        rows = lines(app, "effects")
        assert rows[:3] == [f"to a2.h1<{port}>   not computed: P asks for it" for port in "qkv"]
        assert rows[3] == "to logits   metric 2.00 clean, −1.00 corrupted"
        assert [row.split()[:2] for row in rows[4:]] == [["a1.h1", "−0.500"], ["a1.h2", "0.100"], ["a0.h0", "0.000"]]
        await pilot.press("P")
        await app.workers.wait_for_complete()
        await until(pilot, lambda: "Nothing can be computed here" in lines(app, "effects")[0])
        await pilot.press("j", "j", "j", "j", "j", "enter")
        assert app.main.look.at.head == (1, 1)
        whole.add(256, "patch", LOGITS, to="a1.h1<q>", senders="all", freeze_mlps=False)
        await looked(pilot)
        assert lines(app, "effects")[0] == "to a1.h1<q>   metric 2.00 clean, −1.00 corrupted"


async def test_what_a_part_shows_is_exported_and_copied(explore, whole, said, monkeypatch):
    sent = []
    monkeypatch.setattr("circuit_tui.explorer.app.Explorer.copy_to_clipboard", lambda app, text: sent.append(text))
    async with explore() as (app, pilot):
        await pilot.press("5")
        await pilot.press("e", "tab", "y", "e", "i", "escape")
        await looked(pilot)
    assert sent == ["a1.h0->a2.h1<k>"]
    assert said[0].startswith("history-toy-a-a2.h1.csv written") and "circuit-toy-a@256-ioi.csv" in " ".join(said)


async def test_without_a_store_or_a_head_it_says_what_would_be_here(explore, maker, tmp_path):
    async with explore() as (app, pilot):
        await pilot.press("5")
        await pilot.press("j", "P", "n", "enter", "e")
        assert "One head in full" in app.screen.query_one("#reason").said.plain
    async with explore(store=tmp_path / "none.db") as (app, pilot):
        await pilot.press("5")
        await pilot.press("j", "P", "n", "enter", "e")
        assert app.screen.query_one("#reason").said.plain == "There is no store to look at."
