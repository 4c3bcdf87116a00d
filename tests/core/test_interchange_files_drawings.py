"""GraphML and DOT: exactly the circuit's edges, and nothing in a name or attribute breaks the file."""

import re

import networkx as nx
import numpy as np
import pytest

from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.formats.drawn_circuit import LOWERS, RAISES, write_dot, write_graphml
from circuit_core.graph import Graph

HOSTILE = 'a"];\n} <b>&amp;]]> \\" \\ \x00\x1b[31m \u2028 \ud800 é'
SHOWN = 'a"]; } <b>&amp;]]> \\" \\   [31m     é'
STRING = r'"(?:[^"\\]|\\.)*"'
EDGE = re.compile(rf'  ({STRING}) -> ({STRING}) \[label=({STRING}), penwidth=([\d.]+), color="(#\w+)"\];')


@pytest.fixture(params=[True, False])
def circuit(request) -> CircuitFile:
    """Heads and MLPs of two layers; q, k and v of one pair among the edges, and both signs."""
    graph = Graph(2, 2, request.param)
    edges = {f"m0->a1.h1<{port}>": score for port, score in zip("qkv", (0.5, -2.0, 0.25), strict=True)}
    edges |= {"input->m0": 4.0, "a1.h1->logits": -1.0, "a0.h0->m1": 0.0}
    scores, mask = np.ones(graph.real.shape), np.zeros(graph.real.shape, bool)
    for name, score in edges.items():
        scores[graph.edge(name)], mask[graph.edge(name)] = score, True
    return CircuitFile(graph, scores, mask, np.array(mask.any(1)))


def expected(circuit: CircuitFile) -> dict[str, float]:
    assert circuit.scores is not None
    members = np.argwhere(circuit.mask).tolist()
    return {circuit.graph.edge_name(*e): float(circuit.scores[tuple(e)]) for e in members}


def test_graphml_holds_the_circuit(circuit, tmp_path):
    """Invariant: networkx reads back each edge once, with score and port, and each node with its place."""
    attributes = {"model": "m", "step": 512, "task": "ioi", "method": None, "share": 0.5}
    write_graphml(circuit, tmp_path / "a", attributes)
    drawn = nx.read_graphml(tmp_path / "a", force_multigraph=True)
    assert drawn.is_directed()
    assert {key: values["score"] for _, _, key, values in drawn.edges(keys=True, data=True)} == expected(circuit)
    assert {v["port"] for v in drawn["m0"]["a1.h1"].values()} == set("qkv")
    assert all("port" not in v for v in drawn["input"]["m0"].values())
    assert drawn.nodes["a1.h1"] == {"kind": "head", "layer": 1, "head": 1}
    assert drawn.nodes["m0"] == {"kind": "mlp", "layer": 0}
    assert drawn.nodes["input"] == {"kind": "input"} and drawn.nodes["logits"] == {"kind": "logits"}
    assert set(drawn) == {"input", "m0", "a0.h0", "a1.h1", "m1", "logits"}
    stated = {key: drawn.graph[key] for key in attributes.keys() & drawn.graph.keys()}
    assert stated == {"model": "m", "step": 512, "task": "ioi", "share": 0.5}


def test_hostile_text_stays_text_in_graphml(circuit, tmp_path):
    """Invariant: the file parses, and an attribute reads back as it was, control characters aside."""
    write_graphml(circuit, tmp_path / "a", {"task": HOSTILE, HOSTILE: 1})
    drawn = nx.read_graphml(tmp_path / "a", force_multigraph=True)
    assert drawn.graph["task"] == SHOWN and drawn.graph[SHOWN] == 1
    assert drawn.number_of_edges() == circuit.mask.sum()


def test_dot_holds_the_circuit_one_edge_a_line(circuit, tmp_path):
    """Invariant: each edge is one line: label port and score, width by |score|, colour by sign."""
    write_dot(circuit, tmp_path / "a", {"model": "m", "step": 512, "task": None})
    lines = (tmp_path / "a").read_text().splitlines()
    found = {}
    for line in lines:
        if "->" in line:
            source, reader, label, width, colour = EDGE.fullmatch(line).groups()  # type: ignore[union-attr]
            port, _, score = label.strip('"').rpartition(" ")
            name = f"{source}->{reader}".replace('"', "") + (f"<{port}>" if port else "")
            found[name] = (float(score), float(width), colour)
    assert {name: score for name, (score, _, _) in found.items()} == expected(circuit)
    assert {name for name, (_, _, colour) in found.items() if colour == LOWERS} == {"m0->a1.h1<k>", "a1.h1->logits"}
    assert {colour for *_, colour in found.values()} == {RAISES, LOWERS}
    widths = [found[name][1] for name in sorted(found, key=lambda name: abs(found[name][0]))]
    assert widths == sorted(widths) and widths[0] == 0.5 and widths[-1] == 5.0
    assert '  label="model m, step 512";' in lines


def test_rows_of_dot_are_depths(circuit, tmp_path):
    """Invariant: no edge joins two nodes of a row; an MLP stands beside its layer's heads only in parallel blocks."""
    write_dot(circuit, tmp_path / "a")
    rows = [set(re.findall(r'"([^"]+)"', line)) for line in (tmp_path / "a").read_text().splitlines() if "rank" in line]
    beside = [{"input"}, {"a0.h0", "m0"}, {"a1.h1", "m1"}, {"logits"}]
    apart = [{"input"}, {"a0.h0"}, {"m0"}, {"a1.h1"}, {"m1"}, {"logits"}]
    assert [row for row in rows if row] == (beside if circuit.graph.parallel else apart)


def test_hostile_text_stays_one_string_in_dot(circuit, tmp_path):
    """Invariant: the caption is one quoted string on one line, whatever it holds; unescaped, it is the text."""
    write_dot(circuit, tmp_path / "a", {"task": HOSTILE})
    lines = (tmp_path / "a").read_text().splitlines()
    caption = re.fullmatch(rf"  label=({STRING});", lines[1])
    assert caption and re.sub(r"\\(.)", r"\1", caption[1][1:-1]) == f"task {SHOWN}"
    assert sum("->" in line for line in lines) == circuit.mask.sum() and lines[-1] == "}"


@pytest.mark.parametrize("write", [write_graphml, write_dot])
def test_an_empty_circuit_is_an_empty_drawing(write, tmp_path):
    graph = Graph(1, 1, True)
    nothing = np.zeros(graph.real.shape, bool)
    write(CircuitFile(graph, nothing.astype(float), nothing, nothing[:, 0]), tmp_path / "a")
    text = (tmp_path / "a").read_text()
    assert "->" not in text and "<edge " not in text and "m0" not in text
