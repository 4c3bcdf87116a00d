"""One head's scores, circuits and edges: looked up by the head, they are those of the views of everything."""

import recorded
from statements import LARGE, heard, scanned

from circuit_store import queries, results
from circuit_store.store import open_to_read
from circuit_store.views import VIEWS

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)
HEADS = [(layer, head) for layer in range(2) for head in range(2)]
EDGES = [(0, 0, 0.5), (0, 3, -0.25), (1, 7, 2.0), (1, 11, -3.0), (4, 14, 1.0), (5, 14, 0.125), (2, 14, 0.75)]
"""Of the toy: sources 1, 2 are the heads of layer 0, 4 and 5 those of layer 1; ports 7 to 12 are of layer 1."""


def test_a_heads_edges_are_those_of_the_circuit_largest_first(toy):
    """Invariant: for every head, what the circuit holds into it and out of it, by |score|."""
    result = toy.circuit(10, EDGES)
    circuit = queries.circuit(toy.db, "toy", 10, "ioi")
    assert circuit
    for layer, head in HEADS:
        name, found = f"a{layer}.h{head}", queries.edges_of_head(toy.db, result, layer, head)
        assert found.into == circuit.into.get(name, [])
        every = [edge for edges in circuit.into.values() for edge in edges if edge.src == name]
        assert found.out == sorted(every, key=lambda edge: -abs(edge.score or 0))
    assert queries.edges_of_head(toy.db, result + 1, 0, 0) == queries.HeadEdges([], [])


def test_a_head_is_in_the_circuits_that_it_reads_in_and_of_imported_ones_in_those_that_it_only_writes_in(toy):
    first, second, none = toy.circuit(0, EDGES), toy.circuit(10, EDGES[2:3]), toy.circuit(20, [])
    held = queries.circuits_of_model(toy.db, "toy")
    assert [(one.result, one.task, one.step) for one in held] == [
        (first, "ioi", 0),
        (second, "ioi", 10),
        (none, "ioi", 20),
    ]
    assert [one.n_edges for one in held] == [7, 1, 0]
    inside = {head: queries.circuits_with(toy.db, "toy", (one.result for one in held), *head) for head in HEADS}
    assert inside == {(0, 0): {first}, (0, 1): {first}, (1, 0): {first, second}, (1, 1): set()}
    toy.db.execute("UPDATE circuit SET imported_from = 'file.json' WHERE result_id = ?", (second,))
    assert queries.circuits_with(toy.db, "toy", [first, second], 0, 0) == {first, second}


def test_a_heads_scores_over_training_are_those_of_the_history(toy):
    """Invariant: of every role that is shown beside a task, step by step, with interval and reason."""
    toy.full()
    found = recorded.head_scores([(0, 0, 0.5, None, None), (1, 1, None, None, None)], reasons={(1, 1): "not finite"})
    results.write(toy.db, toy.of(10, "heads", role="name_mover", task=IOI), found)
    shown = queries.role_tasks(toy.db, "toy").over("ioi")
    for layer, head in HEADS:
        scores = queries.scores_over_training(toy.db, shown, layer, head)
        for role in ("induction", "name_mover", "successor"):
            rows = queries.rows(toy.db, VIEWS["history"], {"model": "toy", "role": role, "layer": layer, "head": head})
            wanted = {row["step"]: (row["value"], row["low"], row["high"], row["reason"]) for row in rows}
            got = {shown[result][1]: score for result, score in scores.items() if shown[result][0] == role}
            assert {s: (one.value, one.low, one.high, one.reason) for s, one in got.items() if s in wanted} == wanted
            assert all(one.value is None for step, one in got.items() if step not in wanted)


def test_no_large_table_is_read_from_end_to_end(toy):
    toy.trained()
    with heard() as statements, open_to_read(toy.path) as db:
        held = [one.result for one in queries.circuits_of_model(db, "toy")]
        assert queries.circuits_with(db, "toy", held, 0, 0)
        queries.edges_of_head(db, held[0], 0, 0)
        queries.scores_over_training(db, queries.role_tasks(db, "toy").over("ioi"), 1, 0)
        queries.attended(db, "toy", 20, "ioi", (1, 0))
    asked = [said for said in statements.in_threads + statements.on_loop if said.startswith(("SELECT", "WITH"))]
    assert len(asked) > 8 and not scanned(toy.db, asked, LARGE)
