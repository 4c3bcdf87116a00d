"""Bad circuit files: each fault is one sentence that names the file and the item, and no code in a file runs."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from odd_files import endless
from places import GOLDEN

from circuit_core.errors import FormatError
from circuit_core.formats import eap_ig, extra_keys
from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.graph import Graph

SOURCE = GOLDEN / "gpt2_sequential"
EDGE = "a0.h2->m0"


def refused(path: Path, item: str, expected: Graph | None = None) -> None:
    with pytest.raises(FormatError, match=item) as caught:
        eap_ig.read(path, expected)
    text = str(caught.value)
    assert text.startswith(str(path)) and "\n" not in text and text.endswith(".")


JSON_FAULTS = {
    "no edges": (lambda d: d.pop("edges"), "no key 'edges'"),
    "no cfg": (lambda d: d.pop("cfg"), "no key 'cfg'"),
    "no heads": (lambda d: d["cfg"].pop("n_heads"), "no key 'n_heads'"),
    "layers as text": (lambda d: d["cfg"].update(n_layers="2"), "n_layers of cfg is '2'"),
    "no layer": (lambda d: d["cfg"].update(n_layers=0), "n_layers of cfg is 0"),
    "parallel as number": (lambda d: d["cfg"].update(parallel_attn_mlp=1), "parallel_attn_mlp of cfg is 1"),
    "parallel for sequential": (lambda d: d["cfg"].update(parallel_attn_mlp=True), "no edge a0.h0->m0 in a model of"),
    "more layers": (lambda d: d["cfg"].update(n_layers=3), "node a2.h0 is not listed"),
    "unknown node": (lambda d: d["nodes"].update(m9={"in_graph": True}), "no node m9"),
    "unknown edge": (lambda d: d["edges"].update({"m1->m0": {"score": 1.0, "in_graph": True}}), "no edge m1->m0"),
    "edge without port": (lambda d: d["edges"].update({"m0->a1.h0": {}}), "no edge m0->a1.h0 "),
    "no logits": (lambda d: d["nodes"].pop("logits"), "node logits is not listed"),
    "missing edge": (lambda d: d["edges"].pop(EDGE), f"edge {EDGE} is not listed"),
    "no score": (lambda d: d["edges"][EDGE].pop("score"), f"edge {EDGE} has no key 'score'"),
    "null score": (lambda d: d["edges"][EDGE].update(score=None), f"score of {EDGE} is None"),
    "NaN": (lambda d: d["edges"][EDGE].update(score=float("nan")), f"score of {EDGE} is nan"),
    "text": (lambda d: d["edges"][EDGE].update(score="1.0"), f"score of {EDGE} is 1.0"),
    "beyond float32": (lambda d: d["edges"][EDGE].update(score=1e300), f"score of {EDGE} is 1e\\+300"),
    "huge whole number": (lambda d: d["edges"][EDGE].update(score=10**400), f"score of {EDGE} is 1000"),
    "flag as number": (lambda d: d["edges"][EDGE].update(in_graph=1), f"in_graph of {EDGE} is 1"),
    "an edge without end": (lambda d: d["edges"].update({EDGE: 10**4299}), f"{EDGE} has no key 'score'|{EDGE}"),
    "old and new nodes": (lambda d: d["nodes"].update(m0=True), "m0 has no key 'in_graph'"),
    "old nodes as numbers": (lambda d: d.update(nodes=dict.fromkeys(d["nodes"], 1)), "input has no key 'in_graph'"),
    "old nodes, one missing": (lambda d: d.update(nodes={"input": True}), "node a0.h0 is not listed"),
    "list of nodes": (lambda d: d.update(nodes=list(d["nodes"])), "nodes are not a JSON object"),
    "bare logits": (lambda d: d["nodes"].update(logits=True), "logits has no key 'in_graph'"),
    "few neurons": (
        lambda d: d["nodes"]["m0"].update(neurons=[True]),
        r"neurons of m0 must be a list of 36 \(d_model\), each true or false",
    ),
    "neurons of no width": (lambda d: d["cfg"].pop("d_model") and d["nodes"]["m0"].update(neurons=[True]), "'d_model'"),
    "ragged neurons": (lambda d: d["nodes"]["m0"].update(neurons=[[True], []]), "neurons of m0"),
    "node score as text": (lambda d: d["nodes"]["m0"].update(score="x"), "score of m0 must be a number"),
}


@pytest.mark.parametrize("fault", JSON_FAULTS)
def test_a_fault_in_json_is_named(fault, tmp_path):
    document = json.loads((SOURCE / "eap_ig_graph.json").read_text())
    break_it, item = JSON_FAULTS[fault]
    break_it(document)
    (tmp_path / "a").write_text(json.dumps(document))
    refused(tmp_path / "a", item)


def put(key, change):
    return lambda d: d.update({key: change(d[key])})


def _nan(scores):
    scores[3, 9] = torch.nan
    return scores


PT_FAULTS = {
    "no members": (lambda d: d.pop("edges_in_graph"), "no key 'edges_in_graph'"),
    "old flags as numbers": (put("src_nodes", lambda n: dict.fromkeys(n, 1)), "src_nodes has 1 for input"),
    "old names": (
        put("src_nodes", lambda n: dict.fromkeys([*n[:8], "a9.h9"], True)),
        "src_nodes has 'a9.h9' at place 8",
    ),
    "old flags, few": (put("src_nodes", lambda n: dict.fromkeys(n[:8], True)), "src_nodes is not a list of 9 names"),
    "no names": (lambda d: d.pop("dst_nodes"), "no key 'dst_nodes'"),
    "wrong name": (put("src_nodes", lambda n: [*n[:3], "a9.h9", *n[4:]]), "src_nodes has 'a9.h9' at place 3"),
    "few names": (put("dst_nodes", lambda n: n[:-1]), "dst_nodes is not a list of 21 names"),
    "few scores": (put("edges_scores", lambda t: t[:, :-1]), "scores is of size 9 x 20; the model's is 9 x 21"),
    "transposed": (put("edges_in_graph", lambda t: t.T), "mask is of size 21 x 9"),
    "few nodes": (put("nodes_in_graph", lambda t: t[:-1]), "nodes is of size 8"),
    "NaN": (put("edges_scores", _nan), f"{EDGE} has a score that is not a finite number"),
    "no such edge": (put("edges_in_graph", lambda t: t | True), r"a0.h0->a0.h0<q> is in the circuit, but"),
    "members as numbers": (put("edges_in_graph", lambda t: t.int()), "edges_in_graph is of torch.int32"),
    "scores as a list": (put("edges_scores", lambda t: t.tolist()), "edges_scores is not a tensor"),
    "more numbers than the file holds": (
        put("edges_scores", lambda t: torch.zeros(1, dtype=torch.float16).expand(10**6, 10**6)),
        "edges_scores has 1,000,000,000,000 numbers; nodes, ports and d_model of cfg allow 324",
    ),
    "a tensor as a size": (lambda d: d["cfg"].update(d_model=torch.ones(2)), "d_model of cfg is tensor"),
    "sparse": (put("edges_scores", lambda t: t.to_sparse()), "edges_scores is not a tensor"),
    "neurons of no width": (
        lambda d: d["cfg"].pop("d_model") and d.update(neurons_scores=torch.ones(9, 36)),
        "d_model",
    ),
    "further complex": (lambda d: d.update(phase=torch.ones(2, dtype=torch.cfloat)), "The further key 'phase' holds"),
    "further dtype": (lambda d: d["cfg"].update(dtype=torch.float16), "The further key 'dtype' holds a value of type"),
    "further tuple as key": (lambda d: d.update(at={(0, 1): 2.0}), "The further key 'at' holds a key of type tuple"),
    "further without end": (lambda d: d.update(zeros=torch.zeros(1).expand(10**12)), "hold more than 10,000,000"),
}


@pytest.mark.parametrize("fault", PT_FAULTS)
def test_a_fault_in_pt_is_named(fault, tmp_path):
    tensors = torch.load(SOURCE / "eap_ig_graph.pt", weights_only=True)
    break_it, item = PT_FAULTS[fault]
    break_it(tensors)
    torch.save(tensors, tmp_path / "a")
    refused(tmp_path / "a", item)


@pytest.mark.parametrize("expected", [Graph(3, 3, False), Graph(2, 4, False), Graph(2, 3, True)], ids=str)
@pytest.mark.parametrize("suffix", ["json", "pt"])
def test_a_circuit_of_another_model_is_refused(suffix, expected):
    blocks = "parallel" if expected.parallel else "sequential"
    model = f"{expected.n_layers} layers x {expected.n_heads} heads with {blocks} blocks"
    refused(
        SOURCE / f"eap_ig_graph.{suffix}", f"2 layers x 3 heads with sequential blocks; the model has {model}", expected
    )
    assert eap_ig.read(SOURCE / f"eap_ig_graph.{suffix}", Graph(2, 3, False)).graph == Graph(2, 3, False)


@pytest.mark.parametrize("suffix", ["json", "pt"])
@pytest.mark.parametrize(
    ("n_layers", "graph", "says"),
    [
        (10**9, None, "n_layers of cfg is 1000000000; a whole number from 1 to 999,999 is needed"),
        (10**9, Graph(2, 3, False), "n_layers of cfg is 1000000000; the model has 2"),
        (999_999, Graph(2, 3, False), "The circuit is of 999999 layers x 3 heads .* the model has 2 layers"),
        (999_999, None, "The node a2.h0 is not listed|src_nodes is not a list of 3999997 names"),
    ],
)
def test_a_circuit_of_layers_that_no_model_has(suffix, n_layers, graph, says, tmp_path):
    """Invariant: what is possible is said, before anything of that size is made."""
    if suffix == "json":
        document = json.loads((SOURCE / "eap_ig_graph.json").read_text())
        document["cfg"]["n_layers"] = n_layers
        (tmp_path / "a").write_text(json.dumps(document))
    else:
        tensors = torch.load(SOURCE / "eap_ig_graph.pt", weights_only=True)
        tensors["cfg"]["n_layers"] = n_layers
        torch.save(tensors, tmp_path / "a")
    refused(tmp_path / "a", says, graph)


@pytest.mark.parametrize("suffix", ["json", "pt"])
def test_every_number_of_cfg_must_fit(suffix):
    """Pythia 410m and 1.4b have one graph, and another width."""
    path, graph = SOURCE / f"eap_ig_graph.{suffix}", Graph(2, 3, False)
    with pytest.raises(FormatError, match=r"d_model of the circuit is 36; the model's is 72\.$"):
        eap_ig.read(path, graph, {"d_mlp": 5, "d_model": 72})
    assert eap_ig.read(path, graph, {"d_model": 36, "d_mlp": 5}).d_model == 36


def test_further_numbers_of_cfg_must_fit_and_an_unknown_width_is_not_wrong(tmp_path):
    document = json.loads((SOURCE / "eap_ig_graph.json").read_text())
    document["cfg"] = {**document["cfg"], "d_mlp": 144}
    document["cfg"].pop("d_model")
    (tmp_path / "a").write_text(json.dumps(document))
    with pytest.raises(FormatError, match="d_mlp of the circuit is 144; the model's is 100"):
        eap_ig.read(tmp_path / "a", None, {"d_model": 72, "d_mlp": 100})
    assert eap_ig.read(tmp_path / "a", None, {"d_model": 72, "d_mlp": 144}).d_model is None


@pytest.mark.parametrize("suffix", ["json", "pt"])
@pytest.mark.parametrize("share", [0.3, 0.99])
def test_a_truncated_file_is_noticed(suffix, share, tmp_path):
    content = (SOURCE / f"eap_ig_graph.{suffix}").read_bytes()
    (tmp_path / "a").write_bytes(content[: int(len(content) * share)])
    refused(tmp_path / "a", "nor whole JSON" if suffix == "json" else "damaged .pt")


@pytest.mark.parametrize(
    "content", [b"", b"[1, 2]", b"null", b"src,dst\n", b"\xff\xfe\xfd", b"[" * 100_000, b"PK", b"\x80"]
)
def test_another_kind_of_file_is_refused(content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    refused(tmp_path / "a", "neither a .pt file nor whole JSON|has no key 'cfg'|damaged")


def test_a_missing_file_is_named(tmp_path):
    refused(tmp_path / "nowhere.json", "cannot be read")


@pytest.mark.parametrize(
    "depth, times, says", [(9, 10, "hold more than 1,000 values"), (5000, 1, "key 'x' is nested too deeply for JSON")]
)
def test_lists_of_lists_of_one_list_are_refused(depth, times, says, monkeypatch):
    """Small in a pickle, and without end in JSON."""
    monkeypatch.setattr(extra_keys, "VALUES", 1000 if times > 1 else extra_keys.VALUES)
    whole: list = []
    for _ in range(depth):
        whole = [whole] * times
    with pytest.raises(FormatError, match=says):
        extra_keys.plain({"file": {"x": whole}})


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_a_key_that_takes_for_ever_to_read_is_refused(save, tmp_path):
    """A tuple of a tuple twice, sixty times over, as the key of a dictionary."""
    save({"cfg": endless(60)}, tmp_path / "a")
    refused(tmp_path / "a", "damaged")


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_code_in_a_pickle_does_not_run(save, tmp_path):
    """Invariant: a file that would run code when unpickled is refused, and the code has not run."""
    mark = tmp_path / "mark"
    save({"cfg": Touch(mark)}, tmp_path / "a")
    refused(tmp_path / "a", "code in a file is never run")
    assert not mark.exists()
    pickle.loads(pickle.dumps(Touch(mark)))
    assert mark.exists(), "the trap works"


def test_what_cannot_be_exported_is_named(tmp_path):
    """A score that is not finite, sizes of another model, a further key that JSON cannot hold."""
    graph = Graph(1, 1, True)
    mask, nodes = graph.real.copy(), np.ones(graph.n_sources, bool)
    scores = np.zeros(graph.real.shape)
    with pytest.raises(FormatError, match="mask is of size 5 x 3"):
        CircuitFile(graph, scores, mask.T, nodes)
    circuit = CircuitFile(graph, scores, mask, nodes, extra={"file": {"x": {1j}}})
    with pytest.raises(FormatError, match="The further key 'x' holds a value of type set, which JSON cannot"):
        eap_ig.write_json(circuit, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    scores[graph.edge("input->logits")] = np.inf
    with pytest.raises(FormatError, match="input->logits has a score that is not a finite number"):
        CircuitFile(graph, scores, mask, nodes)
    with pytest.raises(FormatError, match="node_scores hold a number that is not finite"):
        CircuitFile(graph, None, mask, nodes, node_scores=np.full(graph.n_sources, np.inf, np.float32))
