"""What a request asks for, and which results are then shown: roles on every task with names; what was asked last."""

import json

import pytest

from circuit_core.tasks.specs import TASKS, TaskSpec
from circuit_sweep.planning.analyses import analyses
from circuit_sweep.planning.request import ANALYSES, Request
from circuit_tui.runs import run_request, sweeps
from circuit_tui.runs.run_request import RunRequest

pytestmark = pytest.mark.processes

NAMED = TaskSpec("pairs", "logit_diff", 8, content="", named=("IO", "S1", "S2"))
RUN = ("run", "sample-0.1m", "--checkpoints", "0,final", "--analyses", "heads", "--tasks", "ioi,pairs.jsonl")
ANSWERING = "The results of sample-0.1m that were there already are shown now, in place of others."
OF_ROLE = "SELECT step, preset FROM head_history WHERE role = '{}' AND task IS {}"


@pytest.mark.parametrize(
    "given, scored",
    [
        ([TASKS["ioi"]], ["ioi"]),
        ([TASKS["greater_than"], NAMED, TASKS["ioi"]], ["pairs", "ioi"]),
        ([TASKS["greater_than"]], ["ioi"]),
    ],
)
def test_roles_of_names_are_scored_on_every_task_with_names(given, scored):
    """Invariant: one analysis for each such role and task, likewise the algorithm; IOI if no task has names."""
    found = analyses(Request(analyses=ANALYSES), given, None)
    for role in ("name_mover", "attn_end_s2", "s_inhibition", "effect_logits"):
        assert [analysis.task and analysis.task.name for analysis in found if analysis.role == role] == scored
    assert [analysis.task and analysis.task.name for analysis in found if analysis.kind == "algorithm"] == scored
    assert [analysis.task for analysis in found if analysis.role in ("induction", "successor", "copy_suppression")] == [
        None
    ] * 3
    keys = [analysis.key("m@0", "folder") for analysis in found]
    assert len(set(keys)) == len(keys)


def pair(i: int) -> str:
    """One name, another, and the other again; the answer is the first."""
    names = {"positions": {"IO": 1, "S1": 2, "S2": 4}, "correct_ids": 20 + i, "wrong_ids": 40 + i}
    ids = [5, 20 + i, 40 + i, 6, 40 + i, 7]
    return json.dumps({"clean_ids": ids, "corrupted_ids": [*ids[:4], 60 + i, 7], **names})


@pytest.fixture(scope="module")
def asked(benches):
    """Two checkpoints with the default parameters on two tasks, one of them with the paper's on one task."""
    bench = benches()
    (bench.folder / "pairs.jsonl").write_text("\n".join(map(pair, range(8))))
    bench.here(*RUN)
    bench.here("run", "sample-0.1m", "--checkpoints", "final", "--analyses", "heads", "--preset", "paper-code")
    return bench


def rows(bench, view: str, *options: str) -> list[dict]:
    return json.loads(bench.told("show", view, "sample-0.1m", *options, "--json")[0])["rows"]


def test_each_task_has_scores_of_its_own(asked):
    """Invariant: both tasks are there, under their names, and differ; `--task` shows one."""
    scores = {
        task: [r["value"] for r in rows(asked, "heads", "--role", "name_mover", "--task", task, "--preset", "default")]
        for task in ("ioi", "pairs")
    }
    assert len(scores["ioi"]) == len(scores["pairs"]) == 2 * 9 and scores["ioi"] != scores["pairs"]
    assert None not in scores["pairs"]


def test_what_was_asked_for_last_answers_for_all_checkpoints(asked):
    """Invariant: rows and trends are of one preset, that of the last request, though that computes nothing."""
    held = lambda role, task: set(asked.ask(OF_ROLE.format(role, task)))  # noqa: E731
    both = {(0, "default"), (7000, "default")}
    assert held("successor", "NULL") == {(7000, "paper-code")} and held("name_mover", "'pairs'") == both
    assert held("induction", "NULL") == both, "the paper's needs 200 tokens, and hides none that has values"
    assert {(r["step"], r["preset"]) for r in rows(asked, "history", "--preset", "default")} == both
    emerged = lambda: set(asked.ask("SELECT name, task, preset, stale FROM emergence_of"))  # noqa: E731
    of_roles = {("induction", None, "default", 0), ("successor", None, "paper-code", 0)}
    assert {*of_roles, ("name_mover", "ioi", "paper-code", 0)} <= emerged()
    before = asked.results()
    _, err = asked(*RUN)
    assert err.splitlines() == [ANSWERING, "0 checkpoints computed, 2 were already there, 0 failed."]
    assert asked.results() == before
    assert ANSWERING not in asked(*RUN)[1]
    assert held("successor", "NULL") == both
    assert {row[2:] for row in emerged()} == {("default", 0)}
    assert {("name_mover", "ioi", "default", 0), ("name_mover", "pairs", "default", 0)} <= emerged()


def test_the_explorer_lets_another_process_compute_the_trends(asked, monkeypatch):
    """Invariant: they follow what was asked for last, and the process that asks computes none."""

    def computed(*given):
        raise AssertionError("trends are computed in the process that asks")

    monkeypatch.setattr("circuit_sweep.runner.update_trends.refresh", computed)
    monkeypatch.chdir(asked.folder)
    emerged = lambda: set(asked.ask("SELECT preset, stale FROM emergence_of WHERE name = 'successor'"))  # noqa: E731
    for preset, steps in (("paper-code", "final"), ("default", "0,final")):
        words = ["sample-0.1m", "--checkpoints", steps, "--analyses", "heads", "--preset", preset]
        told = sweeps.begin(asked.store, run_request.parsed(words))
        assert "computed already" in told and emerged() == {(preset, 0)}


def test_a_text_is_chosen_by_its_hash_or_its_file(asked):
    """Invariant: the sample suite's own text answers by the first signs of its hash; another text is refused."""
    (digest,) = {row["text"] for row in rows(asked, "heads", "--role", "copy_suppression")}
    assert rows(asked, "heads", "--role", "copy_suppression", "--text", digest[:6])
    (asked.folder / "other.txt").write_text("another text")
    _, err = asked("show", "heads", "--text", "other.txt", code=2)
    assert digest in err and err.count("\n") == 1


def test_the_explorer_says_that_other_results_answer_now(asked):
    """Nothing is computed, yet the view changes; asked once more, nothing does."""
    request = Request(analyses=("heads",), preset="paper-code")
    begin = lambda: sweeps.begin(asked.store, RunRequest(("sample-0.1m",), "final", request))  # noqa: E731
    begin()
    sweeps.begin(asked.store, RunRequest(("sample-0.1m",), "final", Request(analyses=("heads",))))
    assert begin() == f"1 checkpoint computed already. {ANSWERING}"
    assert begin() == "1 checkpoint computed already: nothing to do."
