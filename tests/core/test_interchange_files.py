"""Circuit files: what is read is written again, in both of EAP-IG's formats and from one to the other."""

import itertools
import json
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from places import GOLDEN

from circuit_core.circuits import selection
from circuit_core.formats import drawn_circuit, eap_ig
from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.graph import Graph

CASES = ["neox_parallel", "neox_sequential", "gpt2_sequential"]
WIDTH = 6
RANDOM = list(itertools.product([1, 2, 3], [1, 3], [True, False], [True, False]))


def random_circuit(layers: int, heads: int, parallel: bool, full: bool) -> CircuitFile:
    """Scores of all magnitudes and any members, pruned or not; `full` adds all that a file may hold besides."""
    graph, rng = Graph(layers, heads, parallel), np.random.default_rng(layers)
    size, n = graph.real.shape, graph.n_sources
    scores = (rng.normal(size=size) * 10.0 ** rng.integers(-30, 30, size)).astype(np.float32)
    circuit = CircuitFile(graph, scores, graph.real & (rng.random(size) < 0.3), rng.random(n) < 0.5, WIDTH)
    if not full:
        return circuit
    node_scores = np.where(rng.random(n) < 0.5, np.nan, rng.normal(size=n)).astype(np.float32)
    neuron_scores = rng.normal(size=(n, WIDTH)).astype(np.float32)
    neuron_scores[0], neuron_scores[1, 0] = np.nan, np.nan
    extra = {"file": {"task": "ioi"}, "cfg": {"model": "x"}}
    return replace(
        circuit,
        node_scores=node_scores,
        neurons=rng.random((n, WIDTH)) < 0.5,
        neuron_scores=neuron_scores,
        extra=extra,
    )


def assert_same(one: CircuitFile, other: CircuitFile) -> None:
    for field in fields(CircuitFile):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=field.name, strict=True)
        else:
            assert a == b, field.name


@pytest.mark.parametrize("case", CASES)
def test_json_of_the_reference_tool_is_written_again_byte_by_byte(case, tmp_path):
    """Invariant: import then export is the identity on EAP-IG's file, the order of keys and every digit included."""
    source = GOLDEN / case / "eap_ig_graph.json"
    eap_ig.write_json(eap_ig.read(source), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("case", CASES)
def test_tensors_of_the_reference_tool_are_written_again(case, tmp_path):
    """Invariant: import then export keeps every key, in order, with equal tensors of equal dtypes."""
    source = GOLDEN / case / "eap_ig_graph.pt"
    eap_ig.write_pt(eap_ig.read(source), tmp_path / "again.pt")
    before, after = (torch.load(path, weights_only=True) for path in (source, tmp_path / "again.pt"))
    assert list(before) == list(after)
    for key, value in before.items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(after[key], value, rtol=0, atol=0)
        else:
            assert after[key] == value


@pytest.mark.parametrize("case", CASES)
def test_both_formats_hold_the_reference_circuit(case):
    """JSON and .pt of one circuit are read alike: the reference's scores, and its greedy circuit."""
    one, other = (eap_ig.read(GOLDEN / case / f"eap_ig_graph.{suffix}") for suffix in ("json", "pt"))
    assert_same(one, other)
    reference = np.load(GOLDEN / case / "reference.npz")
    np.testing.assert_array_equal(one.scores, reference["eap_ig_code_rule_m5"])
    np.testing.assert_array_equal(one.mask, reference[f"mask_greedy_{int(0.1 * one.graph.n_edges)}"])
    np.testing.assert_array_equal(one.nodes, one.mask.any(1))


@pytest.mark.parametrize("shape", RANDOM, ids=str)
def test_random_circuits_round_trip(shape, tmp_path):
    """Invariant: reading what was written gives the source: JSON, .pt, and JSON -> .pt -> JSON."""
    circuit = random_circuit(*shape)
    eap_ig.write_json(circuit, tmp_path / "a")
    eap_ig.write_pt(eap_ig.read(tmp_path / "a"), tmp_path / "b")
    eap_ig.write_json(eap_ig.read(tmp_path / "b"), tmp_path / "c")
    for name in "abc":
        assert_same(eap_ig.read(tmp_path / name), circuit)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "c").read_bytes()


@pytest.mark.parametrize("kept", [True, False])
def test_the_full_and_the_empty_circuit_round_trip(kept, tmp_path):
    graph = Graph(2, 2, True)
    empty = np.zeros(graph.real.shape, np.float32)
    circuit = CircuitFile(graph, empty, graph.real & kept, np.full(graph.n_sources, kept))
    eap_ig.write_json(circuit, tmp_path / "a")
    eap_ig.write_pt(circuit, tmp_path / "b")
    assert_same(eap_ig.read(tmp_path / "a"), circuit)
    assert_same(eap_ig.read(tmp_path / "b"), circuit)
    assert "d_model" not in json.loads((tmp_path / "a").read_text())["cfg"]


def test_further_keys_of_json_are_kept_wherever_they_stand(tmp_path):
    """Invariant: nothing in a JSON file is lost, known to the format or not."""
    given = json.loads((GOLDEN / "gpt2_sequential" / "eap_ig_graph.json").read_text())
    given |= {"task": "ioi", "list": [1, None, {"a": "é"}]}
    given["cfg"]["model_name"] = "gpt2"
    given["nodes"]["a0.h1"] |= {"score": 0.5, "note": "here"}
    given["nodes"]["m1"]["neurons"] = [True, False] * 18
    given["nodes"]["logits"] = {"in_graph": False, "score": 2.0}
    given["edges"]["a0.h2->m0"]["weight"] = 3
    (tmp_path / "a").write_text(json.dumps(given))
    circuit = eap_ig.read(tmp_path / "a")
    eap_ig.write_json(circuit, tmp_path / "b")
    after = json.loads((tmp_path / "b").read_text())
    for name in set(given["nodes"]) - {"m1", "logits"}:
        assert after["nodes"][name].pop("neurons") == [False] * 36, "what EAP-IG reads where none are listed"
    assert after == given
    assert (
        circuit.node_scores is not None and circuit.node_scores[2] == 0.5 and np.isnan(circuit.node_scores).sum() == 8
    )


def test_further_tensors_of_pt_are_kept_and_are_lists_in_json(tmp_path):
    """Invariant: what can be imported can be exported in both formats; JSON is valid, so what is not finite is null."""
    tensors = torch.load(GOLDEN / "gpt2_sequential" / "eap_ig_graph.pt", weights_only=True)
    further = {"baseline": torch.tensor([[0.5, torch.nan], [-torch.inf, 2.0]]), "steps": (5, {"m": torch.tensor(3)})}
    torch.save(tensors | further, tmp_path / "a")
    circuit = eap_ig.read(tmp_path / "a")
    eap_ig.write_pt(circuit, tmp_path / "b")
    again = torch.load(tmp_path / "b", weights_only=True)
    torch.testing.assert_close(again["baseline"], further["baseline"], equal_nan=True)
    eap_ig.write_json(circuit, tmp_path / "c")
    document = strictly((tmp_path / "c").read_text())
    assert (document["baseline"], document["steps"]) == ([[0.5, None], [None, 2.0]], [5, {"m": 3}])
    assert_same(replace(eap_ig.read(tmp_path / "c"), extra={}), replace(circuit, extra={}))


def test_a_dimension_without_a_score_is_null_in_json(tmp_path):
    """Invariant: the file is JSON, which knows no NaN, and reads back."""
    circuit = random_circuit(2, 3, True, full=True)
    assert circuit.neuron_scores is not None and np.isnan(circuit.neuron_scores[1]).any()
    eap_ig.write_json(circuit, tmp_path / "a")
    assert strictly((tmp_path / "a").read_text())["nodes"]["a0.h0"]["neurons_scores"][0] is None
    assert_same(eap_ig.read(tmp_path / "a"), circuit)


def strictly(text: str):
    """JSON, of which NaN and Infinity are no part."""

    def refuse(word: str):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_half_precision_scores_are_read_as_float32(tmp_path):
    """Invariant: a score of 16 bits is the same number in 32."""
    tensors = torch.load(GOLDEN / "gpt2_sequential" / "eap_ig_graph.pt", weights_only=True)
    tensors["edges_scores"] = tensors["edges_scores"].bfloat16()
    torch.save(tensors, tmp_path / "a")
    np.testing.assert_array_equal(eap_ig.read(tmp_path / "a").scores, tensors["edges_scores"].float().numpy())


def test_the_older_form_of_pt_is_read(tmp_path):
    tensors = torch.load(GOLDEN / "gpt2_sequential" / "eap_ig_graph.pt", weights_only=True)
    torch.save(tensors, tmp_path / "old", _use_new_zipfile_serialization=False)
    assert_same(eap_ig.read(tmp_path / "old"), eap_ig.read(GOLDEN / "gpt2_sequential" / "eap_ig_graph.pt"))


def older_json(document: dict) -> dict:
    """As EAP-IG of 2024 and circuits-over-time write it."""
    cfg = {key: value for key, value in document["cfg"].items() if key != "d_model"}
    return document | {"cfg": cfg, "nodes": {name: node["in_graph"] for name, node in document["nodes"].items()}}


@pytest.mark.parametrize("case", CASES)
def test_older_json_is_read_and_written_in_the_form_of_today(case, tmp_path):
    """Invariant: nodes as plain booleans are the same circuit of unknown width, before and after an export."""
    document = json.loads((GOLDEN / case / "eap_ig_graph.json").read_text())
    (tmp_path / "old").write_text(json.dumps(older_json(document)))
    old = eap_ig.read(tmp_path / "old")
    assert_same(old, replace(eap_ig.read(GOLDEN / case / "eap_ig_graph.json"), d_model=None))
    eap_ig.write_json(old, tmp_path / "new.json")
    eap_ig.write_pt(old, tmp_path / "new.pt")
    assert_same(eap_ig.read(tmp_path / "new.json"), old)
    assert_same(eap_ig.read(tmp_path / "new.pt"), old)
    del document["cfg"]["d_model"]
    assert json.loads((tmp_path / "new.json").read_text()) == document


@pytest.mark.parametrize("case", CASES)
def test_older_pt_is_read_and_written_in_the_form_of_today(case, tmp_path):
    """Invariant: `edges` and a dictionary of sources are the same circuit, before and after an export."""
    tensors = torch.load(GOLDEN / case / "eap_ig_graph.pt", weights_only=True)
    members = dict(zip(tensors["src_nodes"], tensors["nodes_in_graph"].tolist(), strict=True))
    cfg = {key: value for key, value in tensors["cfg"].items() if key != "d_model"}
    old = {"cfg": cfg, "src_nodes": members, "dst_nodes": tensors["dst_nodes"], "edges": tensors["edges_scores"]}
    torch.save(old | {"edges_in_graph": tensors["edges_in_graph"]}, tmp_path / "old")
    found = eap_ig.read(tmp_path / "old")
    assert_same(found, replace(eap_ig.read(GOLDEN / case / "eap_ig_graph.pt"), d_model=None))
    eap_ig.write_pt(found, tmp_path / "new")
    assert_same(eap_ig.read(tmp_path / "new"), found)


def unscored(edges: dict, how: str) -> None:
    for edge in edges.values():
        edge.pop("score") if how == "absent" else edge.update(score=None)


@pytest.mark.parametrize("how", ["absent", "null"])
def test_a_circuit_without_scores_has_none(how, tmp_path):
    """Invariant: members chosen otherwise than by scores have no scores, never zeros, in either format and drawing."""
    document = json.loads((GOLDEN / "neox_parallel" / "eap_ig_graph.json").read_text())
    unscored(document["edges"], how)
    (tmp_path / "a").write_text(json.dumps(document))
    found = eap_ig.read(tmp_path / "a")
    scored = eap_ig.read(GOLDEN / "neox_parallel" / "eap_ig_graph.json")
    assert found.scores is None
    assert_same(found, replace(scored, scores=None))
    eap_ig.write_json(found, tmp_path / "b")
    eap_ig.write_pt(found, tmp_path / "c")
    assert_same(eap_ig.read(tmp_path / "b"), found)
    assert_same(eap_ig.read(tmp_path / "c"), found)
    tensors = torch.load(tmp_path / "c", weights_only=True)
    del tensors["edges_scores"]
    torch.save(tensors, tmp_path / "d")
    assert_same(eap_ig.read(tmp_path / "d"), found)
    drawn_circuit.write_dot(found, tmp_path / "dot")
    assert (tmp_path / "dot").read_text().count("->") == int(found.mask.sum())
    drawn_circuit.write_graphml(found, tmp_path / "graphml")
    assert 'attr.name="score"' not in (tmp_path / "graphml").read_text()


def test_our_own_circuit_is_one_that_the_tool_would_list(tmp_path):
    """A pruned circuit of ours has the same edges after a visit to either format."""
    graph = Graph(3, 2, True)
    scores = np.random.default_rng(0).normal(size=graph.real.shape)
    mask = selection.circuit(selection.order(scores, graph), 30, graph)
    eap_ig.write_json(CircuitFile(graph, scores, mask, np.any(mask, 1)), tmp_path / "a")
    listed = json.loads((tmp_path / "a").read_text())["edges"]
    assert len(listed) == graph.n_edges
    kept = [name for name, edge in listed.items() if edge["in_graph"]]
    assert {graph.edge(name) for name in kept} == {tuple(e) for e in np.argwhere(mask).tolist()}


@pytest.mark.processes
def test_json_needs_no_torch_and_drawing_no_networkx_before_it_draws():
    """Invariant: a light process reads JSON without torch; networkx is imported by the first drawing."""
    code = (
        "import sys; from pathlib import Path; from circuit_core.formats import drawn_circuit, eap_ig;"
        f"c = eap_ig.read(Path({str(GOLDEN / CASES[0] / 'eap_ig_graph.json')!r}));"
        "drawn_circuit.write_dot(c, Path('/dev/null')); print(c.mask.sum(), {'torch', 'networkx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")
