"""Many rows of a view are read as they are taken, result by result where that is their order."""

import re

import pytest
import recorded

from circuit_store import queries, results
from circuit_store.views import VIEWS

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)
LARGE = [name for name, which in VIEWS.items() if which.leading]


@pytest.fixture
def several(toy):
    """Results of several roles, tasks and checkpoints, and other configurations."""
    toy.circuit(20, [(0, 2, -0.5), (1, 14, 0.5), (3, 14, 0.25)], method="eap")
    toy.trained()
    results.write(toy.db, toy.of(10, "attention", task=IOI), recorded.attention([["He"]], [[[9], [8], [7], [6]]]))
    toy.score(10, 0.9, {"preset": "paper-code"})
    toy.score(20, 0.4, {"preset": "default"}, role="previous_token", dtype="float64")
    return toy


@pytest.mark.parametrize("name", VIEWS)
def test_the_rows_are_those_of_one_statement(several, name):
    """Invariant: the same rows in the same order, whatever is filtered or chosen."""
    which = VIEWS[name]
    some = [{}, {"model": "toy"}, {"model": "toy", "step": 10}, {"task": None}, {"layer": 1}, {"role": "induction"}]
    filters = [filters for filters in some if filters.keys() <= set(which.filters)]
    choices = [{}, *([{"dtype": "float64"}, {"method": "eap"}, {"run": 1}] if which.of_results else [])]
    asked = [(given, chosen) for given in filters for chosen in choices]
    wanted = [list(map(tuple, queries.found(several.db, which, *both))) for both in asked]
    assert [list(queries.streamed(several.db, which, *both)) for both in asked] == wanted and any(wanted)


def test_large_views_are_read_by_result():
    """Invariant: what leads their order is the beginning of it, and every table that grows with a model has such a
    view."""
    assert all(which.order.startswith(which.leading) for which in VIEWS.values())
    assert {"circuit", "nodes", "heads", "attention", "faithfulness"} <= set(LARGE)


@pytest.mark.parametrize("name", LARGE)
def test_the_first_row_costs_one_result(several, name):
    """Invariant: rows of other results are not looked at before they are wanted."""
    asked: list[str] = []
    of_one = lambda: [said for said in asked if re.search(r"result\.id = \d", said)]  # noqa: E731
    several.db.set_trace_callback(asked.append)
    rows = queries.streamed(several.db, VIEWS[name], {"model": "toy"})
    assert not asked
    next(rows)
    first = len(of_one())
    total = 1 + sum(1 for _ in rows)
    several.db.set_trace_callback(None)
    assert first == 1 < len(of_one()) and total > 1
    assert not several.db.in_transaction
