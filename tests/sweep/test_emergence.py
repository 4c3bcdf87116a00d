"""What a whole sweep of a sample model shows: roles that come and go, or the reason why not."""

import json

import pytest

MODEL = "sample-0.2m"
YEARS = ("--tasks", "ioi,greater_than", "--sizes", "30")


pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def swept(benches):
    """Roles and behaviour of every checkpoint; of three the IOI algorithm, and the check of circuits of 30 edges."""
    bench = benches()
    bench.here("run", MODEL, "--analyses", "behaviour,heads")
    bench.here("run", MODEL, "--analyses", "algorithm", "--checkpoints", "0,3250,final", *YEARS)
    return bench


def rows(bench, view: str, **filters) -> list[dict]:
    found = json.loads(bench.told("show", view, MODEL, "--json")[0])["rows"]
    return [row for row in found if all(row[k] == v for k, v in filters.items())]


def test_each_role_emerges_or_says_why_not(swept):
    """One row a role; a temporary successor head emerges; a role without a head has a reason."""
    roles = {row["name"]: row for row in rows(swept, "emergence", kind="role")}
    assert {"induction", "duplicate_token", "previous_token", "successor", "name_mover", "copy_suppression"} <= set(
        roles
    )
    assert all((row["step"] is None) == (row["reason"] is not None) for row in roles.values())
    assert roles["successor"]["step"] < roles["successor"]["lost_step"] <= roles["induction"]["step"]
    assert "floor (0.30)" in roles["duplicate_token"]["reason"]


def test_name_movers_come_by_training_and_stay(swept):
    """Those that copy every name at last are never lost, and half of that is far above what untrained heads reach."""
    untrained = max(row["value"] for row in rows(swept, "history", role="name_mover", step=0))
    last = {(r["layer"], r["head"]): r["value"] for r in rows(swept, "history", role="name_mover", step=7000)}
    heads = {(r["layer"], r["head"]): r for r in rows(swept, "emergence", kind="head", name="name_mover")}
    stay = [heads[at] for at, value in last.items() if value > 0.99]
    assert stay and all(row["lost_step"] is None and row["threshold"] > 5 * untrained for row in stay)
    first = min(stay, key=lambda row: row["step"])
    assert (first["layer"], first["head"], first["step"]) == (1, 1, 1250)


def test_the_heads_of_the_papers_figures_are_named(swept):
    """Of each role that has scores above zero the earliest by a third of the highest score, one head, and the top ones;
    the step is the first at which the stored score reaches the threshold."""
    (shown,) = rows(swept, "emergence", kind="figure_2_head", name="previous_token")
    scores = rows(swept, "history", role="previous_token")
    assert shown["threshold"] == pytest.approx(0.33 * max(row["value"] for row in scores))
    reached = [(r["step"], r["layer"], r["head"]) for r in scores if r["value"] >= shown["threshold"]]
    assert (shown["step"], shown["layer"], shown["head"]) in reached and shown["step"] == min(reached)[0]
    assert 1 <= len(rows(swept, "emergence", kind="top_head", name="previous_token")) <= 5


def test_the_previous_token_head_hands_over(swept):
    """The first previous-token head lies in layer 1; heads of layer 0 take the role over when it is lost."""
    passed = rows(swept, "handoffs", role="previous_token")
    assert (1, 0) in {(row["from_layer"], row["to_layer"]) for row in passed}


def test_the_task_is_acquired_after_its_minimum(swept):
    kinds = {row["kind"]: row for row in rows(swept, "emergence", name="ioi")}
    assert kinds["task_minimum"]["step"] < kinds["task"]["step"] <= kinds["task_most"]["step"]
    assert kinds["task"]["tokens"] == kinds["task"]["step"] * 1536


def test_the_algorithm_has_values_or_reasons(swept):
    """Before IOI is done all stages say so; at the end movers and suppressors account for most of the direct effect."""
    stages = rows(swept, "algorithm")
    assert len(stages) == 9
    assert all((row["percent"] is None) == (row["reason"] is not None) for row in stages)
    assert {row["reason"] for row in stages if row["step"] == 0} == {"does not do the task"}
    last = next(row for row in stages if row["step"] == 7000 and row["stage"] == "movers_and_suppressors")
    assert 50 < last["low"] < last["percent"] < last["high"] <= 100
    assert any(json.loads(last["heads"]).values())


def test_greater_than_is_checked_where_it_is_done(swept):
    """At the start there is a reason alone; at the end a head looks at every year, and MLPs raise the later ones."""
    found = rows(swept, "greater_than")
    (first,) = [row for row in found if row["step"] == 0]
    assert (first["node"], first["reason"]) == (None, "does not do the task")
    last = {row["node"]: row for row in found if row["step"] == 7000}
    assert last["a1.h1"]["looks_at_year"] > 0.9 and last["a1.h1"]["raises_year"] > 0.9
    assert last["m3"]["later_minus_others"] > 0.5
    swept.told("verify")


def test_every_null_has_a_reason(swept):
    """No score is empty without a word."""
    assert [row for row in rows(swept, "heads") if row["value"] is None and not row["reason"]] == []
