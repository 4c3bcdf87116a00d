"""Which heads stand for a role among those of its task's circuit: rows computed from stored scores and circuits."""

from typing import Any

import numpy as np
import pytest
import recorded

from circuit_core.graph import Graph
from circuit_store import models, queries, results, store
from circuit_store.queue import requests
from circuit_store.views import VIEWS
from circuit_sweep.runner import update_trends

GRAPH, STEPS = Graph(2, 4, True), (5, 10, 20, 30)
WITHOUT_PROMPTS = ("induction", "duplicate_token", "previous_token", "successor", "copy_suppression")
WITH_PROMPTS = ("name_mover", "negative_name_mover", "s_inhibition")
CURVES = {
    "a0.h0": [0.9, 0.9, 0.9, 0.9],
    "a0.h1": [0.0, 0.8, 0.8, 0.8],
    "a1.h0": [0.0, 0.0, 0.7, 0.7],
    "a1.h1": [0.0, 0.7, 0.7, 0.8],
}
"""Each head's score over training. Half of its highest comes first at a0.h0, then at a0.h1 and a1.h1, then at a1.h0."""


class Trained:
    """Model `toy` of 2 layers x 4 heads (parallel) with four checkpoints."""

    def __init__(self, path):
        self.db = store.open_to_write(path)
        model = models.Model("toy", "folder", "models/toy", 1000, 2, 4, 8, True, tokens_per_step=100)
        self.ids = models.add_model(self.db, model, [models.CheckpointRecord(s, s, f"step{s}") for s in STEPS])
        self.run = requests.add_run(self.db, {"models": ["toy"]}, list(self.ids.values()))
        for step, at in self.ids.items():
            models.checkpoint_loaded(self.db, at, "ok", f"f{step}")

    def write(self, step, analysis, found, role=None, task=None, params=None):
        record = results.TaskRecord(task, f"hash of {task}", "logit_diff", False) if task else None
        key = f"{step} {analysis} {role} {task}"
        at = self.run, self.ids[step], analysis, params or {"preset": "default"}, "size", f"f{step}", "float32", 0.1
        results.write(self.db, results.Provenance(key, *at, role, record), found)

    def score(self, role, task=None):
        """The curves, as a role's scores."""
        for i, step in enumerate(STEPS):
            rows: list[Any] = [(int(n[1]), int(n[4]), curve[i], None, None) for n, curve in CURVES.items()]
            self.write(step, "heads", recorded.head_scores(rows), role, task)

    def circuit(self, task, step, *names, reached=True, reason=None):
        edges = [(*GRAPH.edge(name), 1.0) for name in names]
        point = recorded.point(len(edges), len(edges), 3, 1.0, 0.9, 0.95)
        found = recorded.circuit(
            point,
            GRAPH.n_edges,
            edges,
            GRAPH.real.shape,
            np.zeros(GRAPH.real.shape, "f4"),
            metric_clean=1.1,
            metric_corrupted=-1.0,
            threshold_reached=reached,
            reason=reason,
            nodes=[],
            curve=[point],
        )
        self.write(step, "circuit", found, None, task, {"method": "eap-ig"})

    def heads(self, kind):
        """(role, task) -> the heads of that kind, in order; a dash where there is none."""
        update_trends.refresh(self.db, "toy")
        found: dict = {}
        for row in queries.rows(self.db, VIEWS["emergence"], {"model": "toy"}):
            if row["kind"] == kind:
                name = "-" if row["head"] is None else f"a{row['layer']}.h{row['head']}"
                found.setdefault((row["name"], row["task"]), []).append(name)
        return found


@pytest.fixture
def trained(tmp_path):
    made = Trained(tmp_path / "store.db")
    yield made
    store.close_writer(made.db)


def through(head):
    """A path through one head."""
    return f"input->{head}<v>", f"{head}->logits"


def test_every_role_has_the_earliest_head_of_its_tasks_circuit(trained):
    """a0.h0, in no circuit, is the earliest of all. Heads of a role that rests on prompts are looked for in the circuit
    of these prompts' task; of the others, successor and induction heads in greater-than's, the rest in IOI's."""
    of_task = {"ioi": "a0.h1", "greater_than": "a1.h0", "pairs": "a1.h1"}
    for task, head in of_task.items():
        trained.circuit(task, 20, *through(head))
    asked = [*((role, None) for role in WITHOUT_PROMPTS), *((r, t) for r in WITH_PROMPTS for t in ("ioi", "pairs"))]
    for role, task in asked:
        trained.score(role, task)
    years = dict.fromkeys(("successor", "induction"), "greater_than")
    expected = {(role, task): [of_task[task or years.get(role, "ioi")]] for role, task in asked}
    assert trained.heads("role") == {of: ["a0.h0"] for of in asked}
    assert trained.heads("role_in_circuit") == trained.heads("figure_2_head") == trained.heads("top_head") == expected


@pytest.mark.parametrize("form", ["greater_than_digit", "greater_than+bos", "greater_than_digit+bos"])
def test_a_task_in_the_form_that_the_tokenizer_can_express(trained, form):
    """Greater-than is empty there, so that its circuit does not count; that of the other form does."""
    for role in ("induction", "successor"):
        trained.score(role)
    trained.circuit("greater_than", 10, *through("a0.h0"), reached=None, reason="the tokenizer lacks numbers")
    trained.circuit(form, 10, *through("a0.h1"), reached=None, reason="does not do the task")
    reason = f"no circuit of greater_than or {form} counts: the tokenizer lacks numbers; does not do the task"
    trained.heads("role_in_circuit")
    rows = queries.rows(trained.db, VIEWS["emergence"], {"model": "toy"})
    assert {row["reason"] for row in rows if row["kind"] == "role_in_circuit"} == {reason}
    trained.circuit(form, 20, *through("a1.h0"))
    expected = {("induction", None): ["a1.h0"], ("successor", None): ["a1.h0"]}
    assert trained.heads("role_in_circuit") == trained.heads("figure_2_head") == trained.heads("top_head") == expected


def test_a_head_must_write_and_read_in_the_circuit(trained):
    """a0.h0 only writes and a0.h1 only reads, as in a file's circuit; a1.h0 does both, at different checkpoints."""
    trained.score("name_mover", "ioi")
    trained.circuit("ioi", 10, "a0.h0->logits", "input->a0.h1<q>", "input->a1.h0<k>")
    trained.circuit("ioi", 20, "a1.h0->logits")
    assert trained.heads("role_in_circuit") == trained.heads("top_head") == {("name_mover", "ioi"): ["a1.h0"]}


def test_the_top_heads_are_those_longest_in_the_circuit(trained):
    """Not by score: a1.h0 is in three circuits, a1.h1 in two, a0.h1 in one, the strongest head in none."""
    trained.score("copy_suppression")
    for step, heads in ((5, ["a1.h0"]), (10, ["a1.h0", "a1.h1"]), (20, ["a1.h0", "a1.h1", "a0.h1"])):
        trained.circuit("ioi", step, *(edge for head in heads for edge in through(head)))
    assert trained.heads("top_head") == {("copy_suppression", None): ["a1.h0", "a1.h1", "a0.h1"]}


def test_circuits_of_repeated_checkpoints_do_not_count(trained):
    trained.score("induction")
    trained.circuit("greater_than", 10, *through("a0.h1"))
    trained.circuit("greater_than", 20, *through("a1.h0"))
    models.checkpoint_loaded(trained.db, trained.ids[10], "ok", "f20")
    assert trained.heads("role_in_circuit") == {("induction", None): ["a1.h0"]}


def test_only_circuits_that_do_the_task_and_reach_the_threshold_count(trained):
    """Neither where it fails its threshold nor where that is undefined, though the head has the role there."""
    trained.score("induction")
    trained.circuit("greater_than", 5, *through("a0.h0"), reached=None, reason="does not do the task")
    trained.circuit("greater_than", 10, *through("a0.h1"), reached=False)
    trained.circuit("greater_than", 20, *through("a1.h0"))
    of_role = {("induction", None): ["a1.h0"]}
    assert trained.heads("role_in_circuit") == trained.heads("figure_2_head") == trained.heads("top_head") == of_role


def test_where_no_circuit_counts_the_reason_is_said(trained):
    """NULL in place of a head, in all that looks into the circuit; the role itself is not touched."""
    trained.score("name_mover", "pairs")
    trained.circuit("pairs", 5, *through("a0.h0"), reached=None, reason="does not do the task")
    trained.circuit("pairs", 10, *through("a0.h1"), reached=False)
    update_trends.refresh(trained.db, "toy")
    why = "no circuit of pairs counts: does not do the task; the circuit does not reach its threshold"
    told = {row["kind"]: row for row in queries.rows(trained.db, VIEWS["emergence"], {"task": "pairs"})}
    for kind in ("role_in_circuit", "figure_2_head", "top_head"):
        assert (told[kind]["head"], told[kind]["step"], told[kind]["reason"]) == (None, None, why)
    assert (told["role"]["head"], told["role"]["step"]) == (0, 5)


def test_without_the_tasks_circuit_nothing_is_restricted(trained):
    """Another task's circuit is no substitute; a circuit without heads that were scored leaves nobody."""
    trained.score("induction")
    trained.circuit("ioi", 20, *through("a1.h0"))
    assert trained.heads("role_in_circuit") == {}
    assert trained.heads("figure_2_head") == {("induction", None): ["a0.h0"]}
    trained.circuit("greater_than", 20, *through("a1.h3"), "input->m0", "m0->logits")
    assert trained.heads("role_in_circuit") == {("induction", None): ["-"]}
    assert trained.heads("figure_2_head") == {}
