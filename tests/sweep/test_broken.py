"""Checkpoints that are broken, or that lack what a task needs: said once, and the rest is computed."""

import json
import os
import re
import shutil

import pytest

from circuit_core.models import checkpoints, suites
from circuit_core.tasks import words

pytestmark = pytest.mark.processes

SUITE = suites.sample_folder()
STEPS = [found.step for found in checkpoints.discover(SUITE / "sample-0.1m")]
MIDDLE, LAST = STEPS[len(STEPS) // 2], STEPS[-1]


def test_broken_files_fail_alone(bench, copied):
    """Invariant: what cannot be read is recorded with its reason; the rest, and the repaired, are computed."""
    folder = copied("broken", 0, MIDDLE, LAST)
    cut, gone = (folder / f"step{step}" / "model.safetensors" for step in (MIDDLE, LAST))
    os.truncate(cut, cut.stat().st_size // 2)
    gone.unlink()
    gone.symlink_to("pruned")
    run = ("run", "broken", "--analyses", "behaviour,heads")
    out, err = bench.here(*run, code=1)
    assert out == "" and re.search(rf"broken@{MIDDLE} failed: .*truncated: [\d,]+ of [\d,]+ bytes", err)
    assert f"broken@{LAST} failed: " in err
    assert "1 checkpoint computed, 0 were already there, 2 failed." in err
    assert [u[0] for u in bench.units().values()] == ["done", "failed", "failed"]
    ((status, detail),) = bench.ask(f"SELECT status, detail FROM checkpoint_status WHERE step = {MIDDLE}")
    assert status == "unreadable" and "truncated" in detail
    before = bench.results()
    assert bench.ask("SELECT DISTINCT step FROM result JOIN checkpoint c ON c.id = checkpoint_id") == [(0,)]

    for weights in (cut, gone):
        weights.unlink()
        shutil.copy(SUITE / "sample-0.1m" / weights.parent.name / weights.name, weights)
    out, err = bench.here(*run, "--json")
    assert json.loads(out) == {"run": 2, "computed": 2, "already": 1, "failed": []}
    assert bench.ask("SELECT step, attempts FROM unit_status WHERE run = 2") == [(MIDDLE, 1), (LAST, 1)]
    assert bench.results()[: len(before)] == before
    assert bench.ask("SELECT DISTINCT status, detail FROM checkpoint_status") == [("ok", None)]


@pytest.fixture(scope="module")
def odd(benches):
    """Checkpoints without names among their words, and without words; one folder under two names."""
    bench = benches()
    nameless = bench.copy("words", LAST) / f"step{LAST}" / "tokenizer.json"
    text = json.loads(nameless.read_text())
    text["model"]["vocab"] = {("x" if w in words.NAMES else "") + w: i for w, i in text["model"]["vocab"].items()}
    nameless.write_text(json.dumps(text))
    for file in (bench.copy("silent", LAST) / f"step{LAST}").glob("tokenizer*"):
        file.unlink()
    twice = ("run", "pair", str(bench.copy("pair", 0) / "step0"), "--analyses", "behaviour")
    _, err = bench.here("run", "words", "silent")
    bench.here(*twice)
    return bench, err


def test_what_no_tokenizer_expresses_is_empty_with_its_reason(odd):
    """Invariant: without its words a task is NULL with the reason, roles that need none are computed, exit 0."""
    bench, err = odd
    warned = {line.split(" (")[0] for line in err.splitlines() if line.startswith("warning: ")}
    reasons = dict(bench.ask("SELECT model, reason FROM task_behaviour WHERE value IS NULL"))
    assert "names" in reasons["words"] and words.NAMES[0] in reasons["words"]
    assert "tokenizer" in reasons["silent"]
    assert warned >= {f"warning: {reason}" for reason in reasons.values()}
    assert dict(bench.ask("SELECT model, reason FROM task_circuit WHERE n_edges IS NULL")) == reasons
    found = bench.ask("SELECT model, role, count(value) FROM head_history GROUP BY 1, 2")
    heads = {(model, role): count for model, role, count in found}
    for model in ("words", "silent"):
        assert heads[model, "induction"] > 0 and heads[model, "name_mover"] == 0
    assert bench.ask("SELECT DISTINCT state FROM unit") == [("done",)]


def test_one_folder_under_two_names_is_two_models(odd):
    """Invariant: a step under a name of its own takes no result away from the model that it belongs to."""
    values = odd[0].ask("SELECT model, value FROM task_behaviour WHERE step = 0")
    assert [model for model, _ in values] == ["pair", "step0"] and values[0][1] == values[1][1]
