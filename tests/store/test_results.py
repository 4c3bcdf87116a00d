"""Writing results: all or nothing, one a key; and the score matrices beside them."""

from typing import Any

import numpy as np
import pytest
import recorded
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from circuit_store import blobs, models, results
from circuit_store.errors import UnknownName
from circuit_store.queue import control, requests, runs, units

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)


def counts(db) -> list[int]:
    tables = ("result", "behaviour", "head_score", "circuit", "circuit_edge", "faithfulness", "node_score")
    return [db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables]


def test_a_write_that_fails_in_the_middle_leaves_nothing(toy):
    """Invariant: after a failed write every table is as before."""
    toy.full()
    before = counts(toy.db)
    rows: list[Any] = [(0, 0, 1.0, None, None), (0, 0, 2.0, None, None)]
    with pytest.raises(Exception, match="UNIQUE"):
        results.write(toy.db, toy.of(20, "heads", role="induction"), recorded.head_scores(rows))
    assert counts(toy.db) == before
    toy.behaviour(20, 1.0)


def test_a_replacement_that_fails_leaves_the_earlier_result(toy):
    """Invariant: a key's earlier result stays if its replacement cannot be written."""
    toy.circuit(10, [(0, 2, 0.5)])
    before = counts(toy.db)
    with pytest.raises(Exception, match="UNIQUE"):
        toy.circuit(10, [(0, 1, 0.5), (0, 1, 0.5)])
    assert counts(toy.db) == before


def test_an_equal_key_replaces(toy):
    """Invariant: one key, one result; nothing of the earlier one is left in any table."""
    toy.circuit(10, [(0, 2, 0.5), (3, 14, 1.0)])
    toy.circuit(10, [(0, 1, 0.25)])
    assert counts(toy.db) == [1, 0, 0, 1, 1, 1, 7]
    assert tuple(toy.db.execute("SELECT src, port, score FROM circuit_edge").fetchone()) == (0, 1, 0.25)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_parameters_that_json_lacks_are_refused(toy, value):
    """Invariant: every result's parameters can be read by SQLite; one bad row would break each view that reads them."""
    with pytest.raises(ValueError):
        toy.circuit(10, [(0, 2, 0.5)], threshold=value)
    assert counts(toy.db)[0] == 0


def test_a_stored_score_matrix_is_read_back_whole(toy):
    """Invariant: the blob and the shape beside it give the matrix back, without a second source."""
    toy.circuit(10, [(0, 2, 0.5)])
    row = toy.db.execute("SELECT scores, scores_dtype, scores_sources, scores_ports FROM circuit").fetchone()
    assert row["scores_dtype"] == "float32"
    matrix = blobs.unpack(row["scores"], (row["scores_sources"], row["scores_ports"]))
    assert matrix.shape == (7, 15) and np.argwhere(matrix).tolist() == [[0, 2]] and matrix[0, 2] == 0.5


@given(arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=40)))
def test_blobs_round_trip_bit_for_bit(matrix):
    """Invariant: unpack(pack(x)) has the bits of x: signed zeros, infinities and NaN payloads included."""
    back = blobs.unpack(blobs.pack(matrix), matrix.shape)
    assert (back.shape, back.tobytes()) == (matrix.shape, matrix.tobytes())


@given(st.integers(1, 5), st.integers(1, 5))
def test_blobs_do_not_depend_on_memory_order(rows, columns):
    """Invariant: a transposed view packs as its contiguous copy."""
    matrix = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns).T
    assert blobs.pack(matrix) == blobs.pack(np.ascontiguousarray(matrix))


def model(name: str, source: str = "models/toy", suite: str = "folder") -> models.Model:
    return models.Model(name, suite, source, None, None, None, None, None)


@pytest.mark.parametrize("name", ["", " ", "a@b", "a\nb", "\x1b[31m"])
def test_a_name_that_no_address_can_hold_is_refused(toy, name):
    """Invariant: every name in the store can be written in `show VIEW NAME@STEP`."""
    with pytest.raises(UnknownName, match="models add NAME"):
        models.check(toy.db, model(name))


def test_a_name_stands_for_one_folder(toy):
    """Invariant: a folder never takes over another's name; the error names both and what to do."""
    with pytest.raises(UnknownName, match="models/toy.*elsewhere.*models add NAME"):
        models.check(toy.db, model("toy", "elsewhere"))
    assert models.held_models(toy.db)["toy"].source == "models/toy"


def test_a_suite_may_move_with_the_installation(toy):
    """Invariant: a model that ships with the program keeps its name when the program is installed elsewhere."""
    for source in ("old", "new"):
        models.check(toy.db, model("sample", source, "sample"))
        models.add_model(toy.db, model("sample", source, "sample"), [])
    assert models.held_models(toy.db)["sample"].source == "new"


def test_no_two_take_one_unit(toy):
    """Invariant: each queued unit is given out once, in order, then none."""
    taken = [units.take_unit(toy.db) for _ in range(4)]
    assert [t and t.step for t in taken] == [0, 10, 20, None]


def test_a_request_that_is_open_is_taken_up_again(toy):
    """Invariant: the same request twice is one run with one unit a checkpoint; a finished unit is not queued again."""
    first = units.take_unit(toy.db)
    assert first is not None
    first.finish("done", 1.0)
    again = requests.add_run(toy.db, {"models": ["toy"]}, list(toy.ids.values()))
    found = toy.db.execute("SELECT state FROM unit ORDER BY id").fetchall()
    assert (again, [u["state"] for u in found]) == (toy.run, ["done", "queued", "queued"])


def test_an_interrupted_request_queues_all_that_is_missing(toy):
    """Invariant: after an interruption whatever is asked for is queued, also what was done but has changed since, and
    what was left though nothing of it is missing now: else the run would never end."""
    first = units.take_unit(toy.db)
    assert first is not None
    first.finish("done", 1.0)
    control.interrupt(toy.db, toy.run)
    requests.add_run(toy.db, {"models": ["toy"]}, [toy.ids[0], toy.ids[20]])
    found = toy.db.execute("SELECT state FROM unit ORDER BY id").fetchall()
    assert [u["state"] for u in found] == ["queued", "queued", "queued"]
    while unit := units.take_unit(toy.db):
        unit.finish("done", 1.0)
    requests.close_runs(toy.db)
    assert runs.run_state(toy.db, toy.run) == "done"


def test_what_a_dead_runner_left_is_queued_again(toy):
    """Invariant: a unit under way is queued again, finished ones stay."""
    first = units.take_unit(toy.db)
    assert first is not None
    first.finish("done", 1.0)
    units.take_unit(toy.db)
    units.requeue_orphans(toy.db)
    found = toy.db.execute("SELECT state, attempts FROM unit ORDER BY id").fetchall()
    assert [tuple(u) for u in found] == [("done", 1), ("queued", 1), ("queued", 0)]


@pytest.mark.parametrize("states, settled", [("ddd", "done"), ("dfd", "failed")])
def test_a_run_is_settled_by_its_units(toy, states, settled):
    """Invariant: a run with a failed unit is `failed`, with none `done`, and has an end."""
    for state in states:
        unit = units.take_unit(toy.db)
        assert unit is not None
        unit.finish({"d": "done", "f": "failed"}[state], 1.0)
    requests.close_runs(toy.db)
    state, ended = toy.db.execute("SELECT state, ended FROM run").fetchone()
    assert (state, ended is not None) == (settled, True)


def test_a_value_with_a_reason_is_no_value_that_is_missing(toy):
    """Invariant: what a run could not compute at all does not count a metric whose error alone is undefined."""
    one = recorded.behaviour(1.0, None, None, None, 1, 1.0, "one prompt")
    results.write(toy.db, toy.of(10, "behaviour", task=IOI), one)
    none = recorded.behaviour(None, None, None, None, 1, None, "not finite")
    results.write(toy.db, toy.of(20, "behaviour", task=IOI), none)
    assert runs.undefined(toy.db, toy.run) == [("not finite", 1)]
