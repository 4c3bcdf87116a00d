"""From a file of pairs to another tool's file, through the command line: the reference figures, and nothing lost."""

import json
from typing import Any

import numpy as np
import pytest
from places import GOLDEN

pytestmark = pytest.mark.processes

CASES = ("neox_parallel", "neox_sequential", "gpt2_sequential")
SCORES = {
    "eap_ig_code_rule_m5": ("--ig-rule", "code", "--ig-steps", "5"),
    "eap_ig_code_rule_m30": ("--ig-rule", "code", "--ig-steps", "30"),
    "eap_ig_paper_rule_m5": ("--ig-rule", "paper", "--ig-steps", "5"),
    "eap": ("--method", "eap"),
}


PORTS = ("resid_post", "q", "v")


class Case:
    """A reference model, and its prompts as a file of token ids."""

    def __init__(self, bench, name: str):
        self.bench, self.name, self.folder = bench, name, GOLDEN / name
        self.arrays = dict(np.load(self.folder / "reference.npz"))
        self.figures: dict[str, Any] = json.loads((self.folder / "reference.json").read_text())
        self.pairs = bench.folder / f"pairs_{name}.jsonl"
        self.pairs.write_text("".join(json.dumps(line) + "\n" for line in self._lines()))

    def _lines(self):
        fields = ("clean", "corrupted", "lengths", "labels")
        for clean, corrupted, length, (right, wrong) in zip(*(self.arrays[f].tolist() for f in fields), strict=True):
            prompts = {"clean_ids": clean[:length], "corrupted_ids": corrupted[:length]}
            yield prompts | {"correct_ids": right, "wrong_ids": [wrong]}

    def run(self, *options: str) -> tuple[str, ...]:
        asked = ("--tasks", str(self.pairs), "--analyses", "circuit")
        return ("run", str(self.folder / "model"), *asked, *options, "--detach", "--json")

    def patch(self, port: str, frozen: bool) -> tuple[str, ...]:
        receivers = self.figures["pp_receivers"].get(port, [])
        to = ",".join(f"a{layer}.h{head}<{port}>" for layer, head in receivers) or "logits"
        asked = ("--task", str(self.pairs), "--to", to, *(["--freeze-mlps"] if frozen else []))
        return ("patch", str(self.folder / "model"), *asked, "--json")

    def circuits(self, selector: str) -> dict[int, dict[str, Any]]:
        """The reference's circuits by their number of edges."""
        return {c["n_selected"]: c for c in self.figures["circuits"] if c["selector"] == selector}

    def sized(self, selector: str) -> tuple[str, ...]:
        sizes = ",".join(map(str, self.circuits(selector)))
        return self.run(*SCORES["eap_ig_code_rule_m5"], "--select", selector, "--sizes", sizes)

    def export(self, *options: str, form: str = "eap-ig-json") -> str:
        return self.bench.here("circuit", "export", f"{self.name}@0/{self.pairs.stem}", "--format", form, *options)[0]

    def scores(self, *options: str) -> np.ndarray:
        from circuit_core.graph import Graph

        document = json.loads(self.export(*options))
        config = document["cfg"]
        graph = Graph(config["n_layers"], config["n_heads"], config["parallel_attn_mlp"])
        scores = np.zeros(graph.real.shape)
        for name, edge in document["edges"].items():
            scores[graph.edge(name)] = edge["score"]
        return scores


RunRequest = dict[tuple[str, ...], tuple[str, str]]
"""Commands, and what they wrote."""


@pytest.fixture(scope="module")
def bench(benches):
    return benches()


@pytest.fixture(scope="module")
def cases(bench) -> dict[str, Case]:
    return {name: Case(bench, name) for name in CASES}


@pytest.fixture(scope="module")
def asked(bench, cases) -> RunRequest:
    """All that is asked of all models, computed."""
    found = {}
    for case in cases.values():  # one after another: a model is built once
        commands = [
            *(case.run(*options, "--sizes", "10") for options in SCORES.values()),
            *(case.sized(selector) for selector in ("greedy", "topn")),
            case.run("--method", "exact"),
            *(case.patch(port, frozen) for port in PORTS for frozen in (False, True)),
        ]
        found |= {command: bench.here(*command) for command in commands}
    return found


@pytest.fixture(params=CASES)
def case(request, cases, asked) -> Case:
    return cases[request.param]


@pytest.mark.parametrize("figure", SCORES)
def test_exported_scores_are_the_reference(case, figure):
    """Every edge within 1e-5 of the largest |score|; all edges are listed."""
    scores, reference = case.scores(*SCORES[figure]), case.arrays[figure]
    assert np.abs(scores - reference).max() < 1e-5 * np.abs(reference).max()


@pytest.mark.parametrize("selector", ["greedy", "topn"])
def test_circuits_of_given_sizes_have_the_reference_metric(case, asked, selector):
    """Sizes after pruning and nodes are equal, metrics within 1e-5."""
    wanted, run = case.circuits(selector), json.loads(asked[case.sized(selector)][0])["run"]
    shown = json.loads(case.bench.told("show", "faithfulness", case.name, "--run", str(run), "--json")[0])["rows"]
    curve = {r["n_requested"]: r for r in shown}
    for n, c in wanted.items():
        assert (curve[n]["n_edges"], curve[n]["n_nodes"]) == (c["n_pruned"], c["n_nodes"])
        assert curve[n]["metric"] == pytest.approx(c["metric"], abs=1e-5)


@pytest.mark.parametrize("kind", ["json", "pt"])
def test_import_then_export_loses_nothing(case, kind, tmp_path):
    """A circuit of the reference tool comes back as it was; the store says which file it is from."""
    import torch

    file, back = case.folder / f"eap_ig_graph.{kind}", tmp_path / "back"
    at = ("--model", case.name, "--step", "0", "--task", case.pairs.stem)
    case.bench.here("circuit", "import", str(file), *at)
    case.export("--method", "imported", "--output", str(back), form=f"eap-ig-{kind}")
    if kind == "json":
        assert json.loads(back.read_text()) == json.loads(file.read_text())
    else:
        found, given = (torch.load(path, weights_only=True) for path in (back, file))
        assert list(found) == list(given)
        assert all(torch.equal(found[k], v) if isinstance(v, torch.Tensor) else found[k] == v for k, v in given.items())
    header = json.loads(case.bench.told("show", "circuit", f"{case.name}@0", "--method", "imported", "--json")[0])
    assert (header["method"], header["imported_from"]) == ("imported", file.name)
    assert header["reason"] == header["areas_reason"] == "imported: never evaluated here"
    assert case.scores("--method", "eap-ig").any()


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("port", PORTS)
def test_patching_gives_the_reference_metric(case, asked, port, frozen):
    """Every sender that has a path within 1e-5 of the metric itself."""
    shown = json.loads(asked[case.patch(port, frozen)][0])
    reference = case.arrays[f"pp_{port}_mlps_{'frozen' if frozen else 'recomputed'}"]
    found = {row["sender"]: row["metric"] for row in shown["rows"]}
    assert len(found) == reference.size
    for (layer, head), metric in np.ndenumerate(reference):
        assert found[f"a{layer}.h{head}"] == pytest.approx(metric, abs=1e-5)


def test_exact_patching_states_its_cost_first(case, asked):
    """A run an edge, a source and a set of prompts, said before the first; the scores are the reference's."""
    _, err = asked[case.run("--method", "exact")]
    scores, reference = case.scores("--method", "exact"), case.arrays["exact"]
    assert np.abs(scores - reference).max() < 1e-5 * np.abs(reference).max()
    runs = int(case.arrays["real_edge_mask"].sum()) + len(reference) + 2
    assert f"exact patching: {runs:,} forward runs for each checkpoint of {case.name}" in err.splitlines()[1]


def test_the_check_of_years_states_the_cost_of_its_circuit(tmp_path, capsys):
    """One circuit: that of years is searched too, IOI's algorithm needs none."""
    from circuit_sweep.planning.request import Request
    from circuit_tui.runs import cost_report
    from circuit_tui.runs.run_request import RunRequest

    request = Request(tasks=("ioi", "greater_than"), analyses=("algorithm",), method="exact")
    cost_report.show(tmp_path / "store.db", RunRequest(("sample-0.1m",), "0", request), as_json=False)
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "exact patching: 178 forward runs for each checkpoint of sample-0.1m"
