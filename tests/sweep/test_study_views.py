"""Views of the study across training and scale, of stores that are filled by hand (METHODS h, l.10, l.14)."""

from contextlib import closing
from typing import Any

import numpy as np
import pytest
import recorded

from circuit_core.graph import Graph
from circuit_core.trends.correlation import OF_PAPER
from circuit_store import models, queries, results, store, trends
from circuit_store.queue import requests
from circuit_store.views import VIEWS
from circuit_sweep.runner import update_trends

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)
GRAPH = Graph(1, 3, True)
EDGES = dict(zip("xyz", map(GRAPH.edge, ("a0.h0->logits", "a0.h1->logits", "a0.h2->logits")), strict=True))
STEPS = (0, 1, 2, 512, 1000, 2000, 4000, 8000)


class Study:
    """A store in which nothing is computed."""

    def __init__(self, db: Any) -> None:
        self.db, self.ids = db, dict[str, dict[int, int]]()

    def model(self, name: str, params: int = 1000, **told: Any) -> None:
        of = models.Model(name, "suite", f"models/{name}", params, 1, 3, 8, True, tokens_per_step=100, **told)
        self.ids[name] = models.add_model(self.db, of, [models.CheckpointRecord(s, 100 * s, f"step{s}") for s in STEPS])
        self.run = requests.add_run(self.db, {"models": [name]}, list(self.ids[name].values()))
        for step, at in self.ids[name].items():
            models.checkpoint_loaded(self.db, at, "ok", f"{name} {step}")

    def write(self, step: int, analysis: str, found: results.Record, model="toy", role=None, **params: Any) -> None:
        of = results.Provenance(
            *(
                f"{model} {step} {analysis} {role} {params}",
                self.run,
                self.ids[model][step],
                analysis,
                params,
                "",
                None,
            ),
            *("float32", 0.1, role, IOI),
        )
        results.write(self.db, of, found)

    def circuit(
        self, step: int, scores: dict[str, float | None] | None, reached=True, n_nodes=None, every=None, **more: Any
    ) -> None:
        """By letters of `EDGES`; `every` is the score of all edges of the model."""
        if scores is None:
            return self.write(step, "circuit", results.Undefined("the task is not done"), method="eap-ig", **more)
        edges: list[Any] = [(*EDGES[letter], score) for letter, score in scores.items()]
        point = recorded.point(len(edges), len(edges), n_nodes or len(edges) + 1, 1.0, 0.9, 0.95)
        floors = more.pop("floors", {})
        kept = None if every is None else np.full(GRAPH.real.shape, every, "f4")
        found = recorded.circuit(
            point, GRAPH.n_edges, edges, GRAPH.real.shape, kept, curve=[point], threshold_reached=reached, **floors
        )
        return self.write(step, "circuit", found, **{"method": "eap-ig", **more})

    def rows(self, view: str, model: str = "toy", **filters: Any) -> list[dict[str, Any]]:
        update_trends.refresh(self.db, model)
        return queries.rows(self.db, VIEWS[view], filters)


@pytest.fixture
def study(tmp_path):
    with closing(store.open_to_write(tmp_path / "store.db")) as db:
        made = Study(db)
        made.model("toy")
        yield made


def test_circuits_are_compared_with_the_next_and_with_the_last(study):
    """METHODS h.3's example: min .25, max 1.75; a checkpoint without a circuit is passed over."""
    study.circuit(0, {"x": 0.5, "y": 0.5}, every=0.5)
    study.circuit(1, None)
    study.circuit(2, {"x": 0.25, "z": -0.75}, every=0.25)
    study.circuit(512, {"x": 1, "y": 1, "z": 2})
    rows = {(row["against"], row["step_a"]): row for row in study.rows("similarity", task="ioi")}
    assert [(*at, row["step_b"]) for at, row in rows.items()] == [
        *(("neighbour", 0, 2), ("neighbour", 2, 512), ("final", 0, 512), ("final", 2, 512))
    ]
    near = rows["neighbour", 0]
    assert (near["edge_jaccard"], near["node_jaccard"], near["weighted_jaccard"]) == (
        *(1 / 3, 2 / 4, pytest.approx(0.25 / 1.75)),
    )
    assert (near["additions"], near["deletions"], near["added_score"], near["deleted_score"]) == (1, 1, 0.75, 0.5)
    assert near["score_drift"] == pytest.approx(0.25 * GRAPH.real.size)
    assert (near["tokens_a"], near["tokens_b"], near["method"], near["counts"]) == (0, 200, "eap-ig", 1)
    after = rows["neighbour", 2]
    assert (after["edge_ewma"], after["score_drift"]) == (pytest.approx((1 / 3 + 2 / 3) / 2), None)
    assert rows["final", 0]["edge_jaccard"] == 2 / 3 == rows["final", 0]["edge_ewma"]


def test_a_later_final_checkpoint_changes_the_reference_and_no_neighbours(study):
    """Invariant: rows are those of a refresh that finds none."""
    before = study.rows("similarity")
    for number, step in enumerate(STEPS):
        study.circuit(step, {letter: 1.0 + number for letter in "xyz"[number % 2 :]})
        before = study.rows("similarity")
    for table in trends.FURTHER:
        study.db.execute(f"DELETE FROM {table}")
    assert study.rows("similarity") == before and len(before) == 2 * (len(STEPS) - 1)


def test_any_checkpoint_can_be_the_reference(study):
    """The chosen one equals itself and is not listed; without a circuit there is a reason."""
    for step, letters in ((0, "x"), (1, "xy"), (2, "xyz")):
        study.circuit(step, dict.fromkeys(letters, 1.0))
    rows = update_trends.similar_to(study.db, "toy", "ioi", 1)
    assert [(row["step_a"], row["step_b"], row["edge_jaccard"]) for row in rows] == [(0, 1, 1 / 2), (2, 1, 2 / 3)]
    (row,) = update_trends.similar_to(study.db, "toy", "ioi", 512)
    assert row["reason"] == "there is no circuit at step 512"


def test_what_cannot_be_compared_says_why(study):
    """Too few circuits; circuits with other parameters, which are no part of the curve; imports without scores."""
    study.circuit(0, {"x": 1})
    study.circuit(1, None)
    (row,) = study.rows("similarity")
    assert (row["edge_jaccard"], row["reason"]) == (
        *(None, "needs two checkpoints with a circuit, 1 has one: the task is not done"),
    )
    study.circuit(2, {"x": 1}, method="eap")
    (row,) = study.rows("similarity")
    assert row["reason"] == "needs two checkpoints with a circuit, 1 has one: 2 others have one with other parameters"
    for step in (0, 1):
        study.circuit(step, {"x": None}, method="eap")
    for row in study.rows("similarity", against="neighbour"):
        assert (row["edge_jaccard"], row["weighted_jaccard"], row["weighted_ewma"]) == (1, None, None)
    assert [row["reason"] for row in study.rows("similarity", against="neighbour")] == [
        *("no scores at step 0, 1", "no scores at step 1"),
    ]


def test_a_circuit_that_does_not_count_is_compared_and_says_so(study):
    """METHODS l.3."""
    study.circuit(0, {"x": 1}, reached=False)
    study.circuit(1, {"x": 1})
    assert [row["counts"] for row in study.rows("similarity", against="neighbour")] == [0]
    assert [(row["step"], row["n_edges"], row["n_nodes"], row["counts"]) for row in study.rows("size")] == [
        *((0, 1, 2, 0), (1, 1, 2, 1)),
    ]
    assert study.rows("size")[0]["reason"] == "the circuit does not reach its threshold"


def test_the_floor_of_a_pair_is_the_lower_of_both(study):
    """A similarity below it is below both (METHODS l.10); without one of the two there is none."""
    for step, floor in ((0, 0.75), (1, 0.5), (2, None)):
        study.circuit(step, {"x": 1}, floors={"edge_floor": floor, "edge_floor_low": floor and floor / 2})
    found = [(row["edge_floor"], row["edge_floor_low"]) for row in study.rows("similarity", against="neighbour")]
    assert found == [(0.5, 0.25), (None, None)]


def test_the_papers_correlation_of_sizes(study):
    """METHODS h.6: its five models with its mean nodes of ioi; a second seed of one of them counts with the first."""
    params = dict(zip(OF_PAPER, (70e6, 160e6, 410e6, 1.4e9, 2.8e9), strict=True))
    nodes, rows = dict(zip(OF_PAPER, (289, 433, 883, 466, 1354), strict=True)), []
    for name, of in params.items():
        study.model(name, int(of), family="pythia", size=name.removeprefix("pythia-"))
        study.circuit(1, {"x": 1}, n_nodes=7, model=name)
        study.circuit(1000, {"x": 1}, n_nodes=nodes[name], model=name)
        rows = study.rows("size_correlation", name)
    (row,) = rows
    assert (row["models"], row["r"], row["r_log"], row["r_published"]) == pytest.approx(
        (5, 0.789, 0.743, 0.727), abs=2e-3
    )
    study.model("pythia-70m-seed1", int(70e6), family="pythia", size="70m", seed=1)
    study.circuit(1000, {"x": 1}, n_nodes=nodes["pythia-70m"], model="pythia-70m-seed1")
    assert study.rows("size_correlation", "pythia-70m-seed1") == rows


def test_two_models_are_no_correlation(study):
    study.model("other")
    study.circuit(1000, {"x": 1})
    assert len(study.rows("size_correlation")) == 1
    study.circuit(1000, {"x": 1}, model="other")
    (row,) = study.rows("size_correlation", "other")
    assert (row["r"], row["reason"]) == (None, "needs 3 models with circuits and known size: 2")


def test_seeds_are_replicates_under_the_same_parameters(study):
    """Mean and range over two seeds; a third with other parameters stands apart, a single one has no range."""
    for seed, nodes in ((1, 4), (2, 10), (3, 6)):
        study.model(f"s{seed}", family="f", size="s", seed=seed)
        method = "eap" if seed == 3 else "eap-ig"
        study.circuit(1000, {"x": 1}, n_nodes=nodes, model=f"s{seed}", method=method)
    rows = study.rows("seeds", quantity="n_nodes")
    assert [[row[name] for name in ("models", "seeds", "mean", "low", "high")] for row in rows] == [
        *([1, 1, 6.0, None, None], [2, 2, 7.0, 4.0, 10.0]),
    ]
    assert {(row["family"], row["size"], row["step"], row["tokens"]) for row in rows} == {("f", "s", 1000, 100_000)}


def test_role_load_and_the_curve_of_a_role(study):
    """Two heads come to carry it; the curve is that of the earlier one, over prompts where these are kept."""
    x = np.log(np.array([100 * max(step, 1) for step in STEPS]))
    rise = 0.9 / (1 + np.exp(-(x - np.log(60_000)) / 0.7))
    for step, score in zip(STEPS, rise.tolist(), strict=True):
        heads: list[Any] = [(0, 0, score, None, None), (0, 1, score / 2, None, None), (0, 2, 0.0, None, None)]
        study.write(step, "heads", recorded.head_scores(heads), role="previous_token")
    (curve,) = study.rows("logistic", kind="role")
    assert (curve["head"], curve["midpoint"], curve["width"]) == (
        0,
        pytest.approx(6e4, rel=0.05),
        pytest.approx(0.7, rel=0.1),
    )
    assert (curve["midpoint_low"], curve["midpoint_high"]) == (51_200, pytest.approx(100_000, rel=0.1))
    assert (curve["interval_over"], curve["r2"]) == ("checkpoints", pytest.approx(1, abs=1e-3))
    assert (curve["half_lower"], curve["half_higher"], curve["floor_higher"]) == (512, 1000, 1000)
    *_, last = study.rows("load", role="previous_token")
    assert (last["heads"], last["scored"], last["spread"]) == (2, 3, pytest.approx(9 / 5))
    assert study.rows("load", step=0)[0]["reason"] == "no head reaches the floor (0.30)"


def test_a_stage_that_stays_while_its_heads_change(study):
    for step, percent, heads in zip(STEPS, (0, 5, 10, 60, 80, 70, 70, 70), ("", "", "", *"aabbb"), strict=True):
        stage = recorded.stage("s_inhibition", percent, None, None, {"x": list(heads)}, "all", None, None)
        study.write(step, "algorithm", recorded.algorithm([stage]))
    (row,) = study.rows("stability")
    assert (row["emerged_step"], row["checkpoints"], row["mean"], row["low"], row["high"]) == (512, 5, 70, 60, 80)
    assert (row["sd"], row["head_jaccard"], row["stale"]) == (pytest.approx(50**0.5), 0.75, 0)
