"""A view that is asked for a part of its rows reads that part: the same rows, and no table from end to end."""

import pytest
from statements import scanned

from circuit_store import queries
from circuit_store.queries.views import found
from circuit_store.views import VIEWS
from circuit_store.views.circuits import STORED

ASKED = [view for view in VIEWS.values() if view.of_results and {"model", "step"} <= set(view.filters)]


@pytest.fixture
def several(toy):
    """Every view has rows, of two models and of two sets of parameters, of which one answers only where it is."""
    toy.trained()
    toy.score(10, 0.75, {"preset": "paper-code"})
    toy.circuit(20, [(0, 1, 0.25)], method="eap")
    return toy


@pytest.mark.parametrize("view", ASKED, ids=lambda view: view.name)
def test_rows_asked_for_are_those_of_the_whole(several, view):
    """Invariant: narrowing before results are chosen among chooses as over everything."""
    whole = queries.rows(several.db, view)
    assert whole
    columns = [name for name in ("model", "step", "task", "role") if name in view.filters]
    for n in range(1, len(columns) + 1):
        for at in {tuple(row[name] for name in columns[:n]) for row in whole}:
            filters = dict(zip(columns[:n], at, strict=True))
            asked = queries.rows(several.db, view, filters)
            assert asked == [row for row in whole if all(row[name] == value for name, value in filters.items())]


@pytest.mark.parametrize("view", [*ASKED, STORED], ids=lambda view: view.name)
def test_no_large_table_is_read_from_end_to_end(several, view):
    """Invariant: what is asked of a checkpoint is found by index, however much the store holds of others."""
    statements: list[str] = []
    several.db.set_trace_callback(statements.append)
    found(several.db, view, {"model": "toy", "step": 10}).fetchall()
    several.db.set_trace_callback(None)
    assert statements and not scanned(several.db, statements)


def test_a_scan_is_seen(several):
    plain, renamed = "SELECT sum(score) FROM circuit_edge", "SELECT sum(e.score) FROM circuit_edge AS e"
    joined = "SELECT count(*) FROM circuit_edge JOIN result ON result.id = circuit_edge.result_id + 0"
    unindexed = "SELECT count(*) FROM result JOIN circuit_edge AS e ON e.src = result.id + 0"
    largest = "SELECT max(score) FROM circuit_edge"
    for planted in (plain, renamed, joined, unindexed, largest):
        assert scanned(several.db, [planted]) == {"circuit_edge": planted}
    assert not scanned(several.db, ["SELECT sum(score) FROM circuit_edge WHERE result_id = 1"])


@pytest.mark.parametrize("name", ["similarity", "load", "logistic", "stability"])
def test_trends_of_a_model_are_found_by_index(several, name):
    """Invariant: those of other models are not read."""
    statements: list[str] = []
    several.db.set_trace_callback(statements.append)
    assert found(several.db, VIEWS[name], {"model": "toy"}).fetchall()
    several.db.set_trace_callback(None)
    assert statements and not scanned(several.db, statements, (name,))
