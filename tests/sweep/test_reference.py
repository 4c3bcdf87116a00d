"""From a file of pairs to another tool's file, through the command line: the reference figures, and nothing lost."""

import json
from typing import Any

import numpy as np
import pytest
from places import GOLDEN

CASES = ("neox_parallel", "neox_sequential", "gpt2_sequential")
SCORES = {
    "eap_ig_code_rule_m5": ("--ig-rule", "code", "--ig-steps", "5"),
    "eap_ig_code_rule_m30": ("--ig-rule", "code", "--ig-steps", "30"),
    "eap_ig_paper_rule_m5": ("--ig-rule", "paper", "--ig-steps", "5"),
    "eap": ("--method", "eap"),
}


class Case:
    """A reference model, its prompts as a file of token ids, and a store with circuits of the reference's sizes."""

    def __init__(self, bench, name: str):
        self.bench, self.name, self.folder = bench, name, GOLDEN / name
        self.arrays = dict(np.load(self.folder / "reference.npz"))
        self.figures: dict[str, Any] = json.loads((self.folder / "reference.json").read_text())
        self.pairs = bench.folder / "pairs.jsonl"
        self.pairs.write_text("".join(json.dumps(line) + "\n" for line in self._lines()))

    def _lines(self):
        fields = ("clean", "corrupted", "lengths", "labels")
        for clean, corrupted, length, (right, wrong) in zip(*(self.arrays[f].tolist() for f in fields), strict=True):
            prompts = {"clean_ids": clean[:length], "corrupted_ids": corrupted[:length]}
            yield prompts | {"correct_ids": right, "wrong_ids": [wrong]}

    def run(self, *options: str) -> None:
        asked = ("--tasks", str(self.pairs), "--analyses", "circuit")
        self.bench("run", str(self.folder / "model"), *asked, *options)

    def export(self, *options: str) -> dict[str, Any]:
        return json.loads(
            self.bench("circuit", "export", f"{self.name}@0/pairs", "--format", "eap-ig-json", *options)[0]
        )

    def matrix(self, document: dict[str, Any]) -> np.ndarray:
        from circuit_core.graph import Graph

        config = document["cfg"]
        graph = Graph(config["n_layers"], config["n_heads"], config["parallel_attn_mlp"])
        scores = np.zeros(graph.real.shape)
        for name, edge in document["edges"].items():
            scores[graph.edge(name)] = edge["score"]
        return scores


@pytest.fixture(scope="module", params=CASES)
def case(request, benches) -> Case:
    return Case(benches(), request.param)


@pytest.mark.parametrize("figure", SCORES)
def test_exported_scores_are_the_reference(case, figure):
    """Every edge within 1e-5 of the largest |score|; all edges are listed."""
    case.run(*SCORES[figure], "--sizes", "10")
    scores, reference = case.matrix(case.export()), case.arrays[figure]
    assert np.abs(scores - reference).max() < 1e-5 * np.abs(reference).max()


@pytest.mark.parametrize("selector", ["greedy", "topn"])
def test_circuits_of_given_sizes_have_the_reference_metric(case, selector):
    """Sizes after pruning and nodes are equal, metrics within 1e-5."""
    wanted = {c["n_selected"]: c for c in case.figures["circuits"] if c["selector"] == selector}
    case.run(*SCORES["eap_ig_code_rule_m5"], "--select", selector, "--sizes", ",".join(map(str, wanted)))
    shown = json.loads(case.bench("show", "faithfulness", case.name, "--select", selector, "--json")[0])["rows"]
    curve = {r["n_requested"]: r for r in shown}
    for n, c in wanted.items():
        assert (curve[n]["n_edges"], curve[n]["n_nodes"]) == (c["n_pruned"], c["n_nodes"])
        assert curve[n]["metric"] == pytest.approx(c["metric"], abs=1e-5)


@pytest.mark.parametrize("kind", ["json", "pt"])
def test_import_then_export_loses_nothing(case, kind, tmp_path):
    """A circuit of the reference tool comes back as it was; the store says which file it is from."""
    import torch

    file, back = case.folder / f"eap_ig_graph.{kind}", tmp_path / "back"
    case.run(*SCORES["eap_ig_code_rule_m5"], "--sizes", "10")
    at = ("--model", case.name, "--step", "0", "--task", "pairs")
    case.bench("circuit", "import", str(file), *at)
    case.bench("circuit", "export", f"{case.name}@0/pairs", "--format", f"eap-ig-{kind}", "--output", str(back))
    if kind == "json":
        assert json.loads(back.read_text()) == json.loads(file.read_text())
    else:
        found, given = (torch.load(path, weights_only=True) for path in (back, file))
        assert list(found) == list(given)
        assert all(torch.equal(found[k], v) if isinstance(v, torch.Tensor) else found[k] == v for k, v in given.items())
    header = json.loads(case.bench("show", "circuit", f"{case.name}@0", "--json")[0])
    assert (header["method"], header["imported_from"]) == ("imported", file.name)
    assert case.matrix(case.export("--method", "eap-ig")).any()


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("port", ["resid_post", "q", "v"])
def test_patching_gives_the_reference_metric(case, port, frozen):
    """Every sender that has a path within 1e-5 of the metric itself."""
    receivers = case.figures["pp_receivers"].get(port, [])
    to = ",".join(f"a{layer}.h{head}<{port}>" for layer, head in receivers) or "logits"
    asked = ("--task", str(case.pairs), "--to", to, *(["--freeze-mlps"] if frozen else []))
    shown = json.loads(case.bench("patch", str(case.folder / "model"), *asked, "--json")[0])
    reference = case.arrays[f"pp_{port}_mlps_{'frozen' if frozen else 'recomputed'}"]
    found = {row["sender"]: row["metric"] for row in shown["rows"]}
    assert len(found) == reference.size
    for (layer, head), metric in np.ndenumerate(reference):
        assert found[f"a{layer}.h{head}"] == pytest.approx(metric, abs=1e-5)


def test_exact_patching_states_its_cost_first(case):
    """A run an edge, a source and a set of prompts, said before the first; then the scores are the reference's."""
    asked = ("--tasks", str(case.pairs), "--analyses", "circuit", "--method", "exact")
    _, err = case.bench("run", str(case.folder / "model"), *asked)
    scores, reference = case.matrix(case.export()), case.arrays["exact"]
    assert np.abs(scores - reference).max() < 1e-5 * np.abs(reference).max()
    runs = int(case.arrays["real_edge_mask"].sum()) + len(reference) + 2
    assert err.startswith(f"exact patching: {runs:,} forward runs for each checkpoint of {case.name}")
