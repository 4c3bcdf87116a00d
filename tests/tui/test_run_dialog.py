"""Asking for a run: the fields are a command, its cost is shown, what cannot be is said in one sentence."""

import json
import subprocess
import sys

import pytest

from circuit_sweep.planning.slots import Slots
from circuit_tui.explorer.screens.jobs import Jobs
from circuit_tui.explorer.screens.run_dialog import RunDialog
from circuit_tui.runs import cost_report, run_request

pytestmark = pytest.mark.long


async def cost(app, pilot) -> str:
    """What is shown of the costs."""
    shown = app.screen.query_one("#cost")
    while (said := str(shown.render())) in ("", "…"):
        await pilot.pause(0.1)
    return said


async def put(app, pilot, **fields: str) -> None:
    for name, value in fields.items():
        app.screen.query_one(f"#{name}").value = value
    await pilot.pause()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_run_is_asked_for_and_shown(explore, tmp_path, started, screen_text, size, monkeypatch):
    """There need not be a store; nothing is written before it starts."""
    store = tmp_path / "new.db"
    monkeypatch.setenv("CIRCUIT_TUI_STORE", str(store))
    async with explore(store=store, size=size) as (app, pilot):
        await pilot.press("ctrl+r", *"sample-0.1m", "enter")
        await put(app, pilot, checkpoints="0,250", analyses="behaviour", workers="2")
        shown = await cost(app, pilot)
        assert "2 checkpoints, 2 results" in shown and "no times of behaviour" in shown and not store.exists()
        command = "circuit-tui run sample-0.1m --checkpoints 0,250 --analyses behaviour --workers 2"
        assert command in " ".join(screen_text(app).split())
        dialog = app.screen.query_one("Vertical")
        assert dialog.region.bottom <= size[1] and dialog.region.y >= 0
        await pilot.press("ctrl+r")
        await app.workers.wait_for_complete()
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert isinstance(app.screen, Jobs) and len(started) == 1
        (row,) = app.screen.queue.runs
        assert (row["models"], row["units"], row["request"]["analyses"]) == (["sample-0.1m"], 2, ["behaviour"])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"models": "nowhere"}, "There is no model or folder nowhere"),
        ({"models": ""}, "Missing argument 'MODEL...'"),
        ({"checkpoints": "7"}, "There is no checkpoint 7"),
        ({"tasks": "ioj"}, "There is no task or file ioj"),
        ({"analyses": "heds"}, "There is no analysis heds"),
        ({"method": "magic"}, "'magic' is not one of"),
        ({"workers": "0"}, "0 is not in the range"),
        ({"more": "--threshold 2"}, "--threshold 2.0: give a faithfulness"),
        ({"more": "--hold-out 2"}, "No such option '--hold-out'"),
        ({"more": "--help"}, "No such option '--help'"),
        ({"more": "'"}, "a quotation mark is not closed"),
        ({"more": "--text nothing.txt"}, "--text nothing.txt cannot be read"),
    ],
)
async def test_what_cannot_be_is_one_sentence_before_and_at_the_start(explore, tmp_path, started, fields, sentence):
    async with explore(store=tmp_path / "new.db") as (app, pilot):
        await pilot.press("ctrl+r")
        await put(app, pilot, **{"models": "sample-0.1m", **fields})
        assert sentence in await cost(app, pilot)
        await pilot.press("ctrl+r")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert isinstance(app.screen, RunDialog) and sentence in str(app.screen.query_one("#cost").render())
        assert started == []
        await pilot.press("escape")
        assert app.screen is app.main


def test_the_dialog_and_the_command_line_ask_the_same():
    """A preset sets what was not given; options have their usual values."""
    line = "sample-0.1m --preset paper-code --ig-steps 7 --device cuda:0,cuda:1 --per-gpu 2 --priority 3"
    asked = run_request.parsed(run_request.split(line))
    request = asked.request
    assert (request.ig_steps, request.ig_rule, request.search, asked.checkpoints) == (7, "code", "code", "auto")
    assert asked.slots == Slots(device="cuda:0,cuda:1", per_gpu=2) and asked.how.priority == 3


def dry(store, *words: str) -> dict:
    command = [sys.executable, "-m", "circuit_tui", "--store", str(store), "run", *words, "--dry-run", "--json"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.processes
def test_a_dry_run_writes_nothing_and_says_what_there_is_to_do(tmp_path):
    found = dry(tmp_path / "new.db", "sample-0.1m", "--checkpoints", "0,250", "--workers", "2")
    assert (found["units"], found["already"], found["slots"], found["seconds"]) == (2, 0, 2, None)
    assert found["bytes"] > 2 * 100_000 and "circuit" in found["untimed"]
    assert not (tmp_path / "new.db").exists()


@pytest.mark.processes
async def test_the_explorer_does_not_load_torch_to_know_costs(tmp_path):
    code = (
        "import sys, pathlib; from circuit_tui.runs import cost_report, run_request;"
        "cost_report.cost(pathlib.Path(sys.argv[1]), run_request.parsed(['sample-0.1m', '--analyses', 'all']));"
        "print(*{'torch', 'transformers', 'transformer_lens'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.db")], capture_output=True, check=True)
    assert printed.stdout.strip() == b""


def test_sizes_and_sentences_of_costs():
    assert [cost_report._size(n) for n in (0, 999, 1000, 15_811_840, 2**30)] == [
        "0 B",
        "999 B",
        "1 kB",
        "15.8 MB",
        "1.07 GB",
    ]
