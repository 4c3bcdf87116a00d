"""`compare` prints two circuits side by side: as a table, JSON or CSV."""

import csv
import io
import json

import pytest

pytestmark = pytest.mark.processes

B = "sample-0.1m@final/ioi"


def test_json_csv_and_table_say_the_same(shell):
    """Invariant: JSON has the figures on top and every row, CSV the rows, a table the largest of them."""
    found = json.loads(shell("compare", B, B, "--json"))
    assert (found["edge_jaccard"], found["node_jaccard"], found["weighted_jaccard"]) == (1, 1, 1)
    assert found["gained_edges"] == found["lost_edges"] == 0 and found["shared_edges"] == found["a"]["n_edges"]
    lines = list(csv.DictReader(io.StringIO(shell("compare", B, B, "--csv"), newline="")))
    assert [line["name"] for line in lines] == [row["name"] for row in found["rows"]]
    edges = json.loads(shell("show", "circuit", "sample-0.1m@final", "--task", "ioi", "--json"))["rows"]
    named = {(f"{r['src']}->{r['dst']}<{r['port']}>" if r["port"] else f"{r['src']}->{r['dst']}") for r in edges}
    assert {row["name"] for row in found["rows"] if row["kind"] == "edge"} == named
    table = shell("compare", B, B).splitlines()
    assert table[0].startswith("A: model sample-0.1m, step ") and "edge_jaccard 1" in table[2]


def test_methods_are_chosen_for_either_side(shell):
    """An option with two values has one for A and one for B; what was not computed is a sentence."""
    assert "eap-ig" in shell("compare", B, B, "--method", "eap-ig, eap-ig")
    assert shell.refused("compare", B, B, "--method", "eap-ig,eap").startswith("The store holds no method eap")
    assert "more than two values" in shell.refused("compare", B, B, "--method", "a,b,c")
