"""Two circuits side by side: against sets of names, mirrored, and against themselves."""

import math

import numpy as np
import pytest
import recorded

from circuit_core.graph import Graph
from circuit_core.trends.ranks import rank_correlation
from circuit_store import blobs, models, queries, results
from circuit_store.errors import UnknownName
from circuit_store.queue import requests
from circuit_sweep import comparison
from circuit_sweep.comparison.heads import Best

GRAPH = Graph(2, 2, True)
EDGES = [(int(s), int(p)) for s, p in np.argwhere(GRAPH.real)]


def drawn(seed: int, n: int) -> list[tuple[int, int, float]]:
    rng = np.random.default_rng(seed)
    return [(*EDGES[i], float(np.float32(rng.normal()))) for i in sorted(rng.permutation(len(EDGES))[:n])]


def by_name(circuit: list[tuple[int, int, float]]) -> dict[str, float]:
    return {GRAPH.edge_name(s, p): score for s, p, score in circuit}


def nodes(names: dict[str, float]) -> set[str]:
    return {end.split("<")[0] for name in names for end in name.split("->")}


@pytest.mark.parametrize("seed", range(8))
def test_against_sets_of_names(toy, seed):
    """Two roads: arrays of ids, and sets and sums over names."""
    one, other = drawn(seed, 6 + seed), drawn(seed + 100, 9)
    toy.circuit(0, one)
    toy.circuit(20, other)
    a, b = by_name(one), by_name(other)
    found = comparison.compare(toy.db, "toy@0/ioi", "toy/ioi", {}, {})
    figures = found.figures
    assert figures["shared_edges"] == len(a.keys() & b.keys())
    assert (figures["gained_edges"], figures["lost_edges"]) == (len(b.keys() - a.keys()), len(a.keys() - b.keys()))
    assert figures["edge_jaccard"] == len(a.keys() & b.keys()) / len(a.keys() | b.keys())
    assert figures["node_jaccard"] == len(nodes(a) & nodes(b)) / len(nodes(a) | nodes(b))
    part_a = {name: abs(score) / sum(map(abs, a.values())) for name, score in a.items()}
    part_b = {name: abs(score) / sum(map(abs, b.values())) for name, score in b.items()}
    pairs = [(part_a.get(name, 0), part_b.get(name, 0)) for name in a.keys() | b.keys()]
    assert math.isclose(figures["weighted_jaccard"], sum(map(min, pairs)) / sum(map(max, pairs)))
    edges = {row[1]: row[2:] for row in found.rows if row[0] == "edge"}
    sorts = {(True, True): "shared", (False, True): "gained", (True, False): "lost"}
    assert {name: row[0] for name, row in edges.items()} == {n: sorts[n in a, n in b] for n in a.keys() | b.keys()}
    assert all(row[1] == a[name] for name, row in edges.items() if name in a)
    assert all(row[2] == b[name] for name, row in edges.items() if name in b)
    assert all(row[3] == row[2] - row[1] for row in edges.values())
    sizes = [abs(row[5]) for row in found.rows if row[0] == "edge"]
    assert sizes == sorted(sizes, reverse=True)
    assert {row[1] for row in found.rows if row[0] == "node"} == nodes(a) | nodes(b)


def test_a_circuit_is_itself(toy):
    """Identity: every similarity is 1, nothing is gained or lost, nothing weakens it."""
    toy.circuit(10, drawn(1, 8))
    found = comparison.compare(toy.db, "toy@10", "toy@10/ioi", {}, {})
    assert [found.figures[f"{kind}_jaccard"] for kind in ("edge", "node", "weighted")] == [1, 1, 1]
    assert (found.figures["gained_edges"], found.figures["lost_edges"], found.warnings) == (0, 0, [])
    assert {row[2] for row in found.rows} == {"shared"}


def test_a_comparison_is_mirrored(toy):
    """Symmetry: what is gained one way is lost the other, differences change sign, similarities stay."""
    toy.circuit(0, drawn(3, 5))
    toy.circuit(10, drawn(4, 9))
    there = comparison.compare(toy.db, "toy@0/ioi", "toy@10/ioi", {}, {})
    back = comparison.compare(toy.db, "toy@10/ioi", "toy@0/ioi", {}, {})
    turned = {"gained": "lost", "lost": "gained", "shared": "shared"}
    assert {(kind, name, turned[found], b, a, -d if d else d) for kind, name, found, a, b, d in there.rows} == set(
        back.rows
    )
    same = [name for name in there.figures if "jaccard" in name or name in ("shared_edges", "rank_correlation")]
    assert [there.figures[name] for name in same] == [back.figures[name] for name in same]


def test_two_methods_of_one_checkpoint(toy):
    """A choice for either side: each circuit is of its method, and that they differ is said."""
    toy.circuit(10, drawn(5, 4), method="eap")
    toy.circuit(10, drawn(6, 6))
    found = comparison.compare(toy.db, "toy@10", "toy@10", {"method": "eap-ig"}, {"method": "eap"})
    assert (found.a["method"], found.b["method"]) == ("eap-ig", "eap")
    assert (found.a["n_edges"], found.b["n_edges"]) == (6, 4)
    assert "They differ in method: eap-ig and eap." in found.warnings


def test_circuits_of_very_unlike_size_warn(toy):
    toy.circuit(0, drawn(7, 3))
    toy.circuit(10, drawn(8, 7))
    (sentence,) = comparison.compare(toy.db, "toy@0", "toy@10", {}, {}).warnings
    assert "3 and 7 edges" in sentence


def test_ranks():
    """Spearman's: by hand, with ties, and undefined of a constant."""
    assert math.isclose(rank_correlation(np.array([1.0, 2, 3]), np.array([10.0, 30, 20])) or 0, 0.5)
    ties = rank_correlation(np.array([1.0, 1, 2, 3]), np.array([4.0, 5, 6, 7]))  # ranks 1.5 1.5 3 4
    assert math.isclose(ties or 0, 4.5 / math.sqrt(4.5 * 5))
    assert rank_correlation(np.ones(5), np.arange(5.0)) is None
    assert rank_correlation(np.arange(2.0), np.arange(2.0)) is None


@pytest.fixture
def larger(toy):
    """Model `big` of 3 layers x 1 head, with a circuit at its one checkpoint; and a circuit of `toy`."""
    shape = models.Model("big", "folder", "models/big", 1000, 3, 1, 8, True, tokens_per_step=900)
    ids = models.add_model(toy.db, shape, [models.CheckpointRecord(5, 500, "step5")])
    requests.add_run(toy.db, {"models": ["big"]}, list(ids.values()))
    toy.circuit(10, [(1, 4, 3.0), (0, 14, -1.0)])  # a0.h0 to a logits' port among others
    toy.ids[5] = ids[5]
    toy.circuit(5, [(0, 0, 1.0), (5, 12, -1.0), (6, 12, 2.0)])
    return toy


def test_models_of_two_shapes_by_parts(larger):
    """By hand: shares of |score| by role, third of the layers and port add up to 1; edges are not compared."""
    found = comparison.compare(larger.db, "toy@10/ioi", "big/ioi", {}, {})
    assert found.figures == {} and found.columns == comparison.PARTS
    rows = {row[:3]: row[3:5] for row in found.rows}
    assert math.isclose(sum(a for a, _ in rows.values()), 1) and math.isclose(sum(b for _, b in rows.values()), 1)
    assert rows["input", None, "logits"] == (0.25, 0)
    assert rows["input", None, "q"] == (0, 0.25)
    assert rows["no role", "last", "logits"] == (0, 0.25)
    assert rows["mlp", "last", "logits"] == (0, 0.5)
    assert [s for s in found.warnings if "shape" in s] and [s for s in found.warnings if "no head of big@5/ioi" in s]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("toy@20/ioi", "toy@20 has no circuit of ioi (none was computed)"),
        ("toy@7/ioi", "toy has no step 7"),
        ("other@0/ioi", "The store holds no model other"),
        ("toy@0/years", "The store holds no task years"),
        ("toy@/ioi", "toy@/ioi names no circuit"),
        ("@0", "@0 names no circuit"),
        ("toy@0/", "toy@0/ names no circuit"),
    ],
)
def test_what_is_not_there_is_a_sentence(toy, address, says):
    toy.circuit(0, drawn(9, 4))
    with pytest.raises(UnknownName, match=rf"^{says.replace('(', '[(]').replace(')', '[)]')}"):
        comparison.compare(toy.db, "toy@0/ioi", address, {}, {})


def test_a_circuit_that_is_undefined_says_why(toy):
    toy.circuit(0, drawn(9, 4))
    same = {"method": "eap-ig", "ig_steps": 5, "ig_rule": "paper", "selector": "greedy", "search": "grid"}
    at = toy.of(10, "circuit", task=results.TaskRecord("ioi", "hash", "logit_diff", False), params=same, version="0")
    results.write(toy.db, at, results.Undefined("the metric is the same"))
    with pytest.raises(UnknownName, match="the metric is the same"):
        comparison.compare(toy.db, "toy@0/ioi", "toy@10/ioi", {}, {})


def test_over_training_is_each_compared_with_the_baseline(toy):
    """Two roads: similarities of all checkpoints at once, and of each pair by `compare`; the lower of both floors."""
    for step, seed in ((0, 1), (10, 2), (20, 3)):
        toy.circuit(step, drawn(seed, 6 + seed))
    toy.db.execute("UPDATE circuit SET edge_floor_low = 0.5 + result_id / 1000.0, node_floor_low = NULL")
    base = comparison.side_at(toy.db, {"model": "toy", "step": 10, "task": "ioi"})
    curve = comparison.over_training(toy.db, base, "toy", "ioi")
    assert curve and [row["step"] for row in curve] == [0, 10, 20]
    for row in curve:
        pair = comparison.compare(toy.db, "toy@10/ioi", f"toy@{row['step']}/ioi", {}, {}).figures
        assert all(row[name] == pair[name] for name in ("edge_jaccard", "node_jaccard"))
        assert math.isclose(row["weighted_jaccard"], pair["weighted_jaccard"], rel_tol=1e-6)
        assert (
            row["edge_floor_low"] == min(pair["edge_floor_a"], pair["edge_floor_b"]) and row["node_floor_low"] is None
        )


def test_models_of_two_shapes_have_no_similarity_over_training(larger):
    base = comparison.side_at(larger.db, {"model": "big", "step": 5, "task": "ioi"})
    assert comparison.over_training(larger.db, base, "toy", "ioi") is None


def test_roles_by_depth(toy):
    """By hand: layer 1 of 3 is half-way down, the only layer is the first; measurements are no roles."""
    scores = {"induction": [(1, 0, 0.75), (0, 1, 0.5)], "attn_end_io": [(1, 1, 1.0)], "successor": [(0, 0, None)]}
    for role, heads in scores.items():
        results.write(
            toy.db, toy.of(10, "heads", role=role), recorded.head_scores([(*row, None, None) for row in heads])
        )
    at = queries.role_tasks(toy.db, "toy").at(10, None)
    (found,) = comparison.role_depths(toy.db, (at, 3), ([], 5))
    assert (found.role, found.a, found.b, found.difference) == ("induction", Best(1, 0, 0.75, 0.5), None, None)
    (alone,) = comparison.role_depths(toy.db, (at, 3), (at, 2))
    assert alone.difference == 0.5 and comparison.role_depths(toy.db, (at, 1), (at, 1))[0].difference == 0


def test_some_scores_of_a_blob_are_those_of_the_whole():
    scores = np.random.default_rng(3).normal(size=(5, 7)).astype("f4")
    planes, at = blobs.planes(blobs.pack(scores)), np.array([0, 34, 8, 8])
    assert (blobs.values(planes, at) == scores.reshape(-1)[at]).all() and (blobs.matrix(planes, (5, 7)) == scores).all()
