"""Options of a circuit, from the command to the rows of the store: areas, thresholds, intervals, baselines."""

from dataclasses import replace

import pytest
import recorded
from places import SAMPLE

from circuit_store import models, queries, results, store
from circuit_store.queue import requests
from circuit_store.views import VIEWS

pytestmark = pytest.mark.long

AT = {"model": "toy", "step": 0, "task": "gendered_pronoun"}


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A store with the circuit of a small sample model, asked for with these options, and what was computed."""
    from circuit_core import TASKS, loading
    from circuit_sweep.planning.analyses import analyses
    from circuit_sweep.worker.analyses import Analyses
    from circuit_tui.runs import run_request

    options = ("--areas", "mib", "--threshold-on", "normalised", "--held-out", "12", "--analyses", "circuit")
    request = run_request.parsed(["any", *options]).request
    (analysis,) = analyses(request, [replace(TASKS["gendered_pronoun"], n=12)], None)
    record = Analyses(loading.load(SAMPLE.parent / "sample-0.1m" / "step7000"))(analysis)
    db = store.open_to_write(tmp_path_factory.mktemp("options") / "x.db")
    ids = models.add_model(
        db, models.Model("toy", "f", "toy", 1, 3, 3, 60, True, tokens_per_step=1), [models.CheckpointRecord(0, 0, "")]
    )
    run = requests.add_run(db, {"models": ["toy"]}, list(ids.values()))
    task = results.TaskRecord("gendered_pronoun", "hash", "logit_diff", False)
    of = results.Provenance("k", run, ids[0], "circuit", analysis.params, "", None, "float32", 0.1, task=task)
    results.write(db, of, record)
    yield db, record
    store.close_writer(db)


def test_what_was_asked_for_is_in_the_store(held):
    db, record = held
    (row,) = queries.rows(db, VIEWS["circuits"], AT)
    assert (row["threshold_on"], row["areas_reason"], row["interval_of"]) == ("normalised", None, "held-out prompts")
    (found,) = recorded.rows(record, "circuit")
    assert (row["cpr"], row["cmd"]) == (found["cpr"], found["cmd"]) and found["cpr"] is not None
    assert row["faithfulness_normalised"] >= 0.8 and row["threshold_reached"] == 1
    assert row["faithfulness_low"] < row["held_out_faithfulness"] < row["faithfulness_high"]
    assert {row["ig_steps"] for row in queries.rows(db, VIEWS["nodes"], AT)} == {5}


@pytest.mark.parametrize("table, others", [("circuit", {"result_id", "imported_from", "original"}),
                                           ("faithfulness", {"result_id"})])  # fmt: skip
def test_every_column_of_a_circuit_is_computed(held, table, others):
    """Invariant: numbers reach their columns by name, and none is left out but those of circuits from files."""
    db, record = held
    columns = {row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (table,))}
    assert {name for row in recorded.rows(record, table) for name in row} == columns - others


def test_error_bars_are_in_the_store(held):
    """Of every edge; in all resamples the first is a member, and no two halves agree less than not at all."""
    edges, (row,) = (queries.rows(held[0], VIEWS[name], AT) for name in ("circuit", "circuits"))
    assert all(edge["se"] > 0 and 0 <= edge["share"] <= 1 for edge in edges)
    assert edges[0]["share"] > 0.9 and row["resamples"] == 200
    for kind in ("edge", "node", "weighted"):
        assert 0 <= row[f"{kind}_floor_low"] <= row[f"{kind}_floor"] <= 1


@pytest.mark.parametrize("resamples, room", [(0, 2**31), (50, 0)])
def test_error_bars_are_computed_when_asked_for_and_where_memory_is_short(held, monkeypatch, resamples, room):
    """Scores of each prompt that do not fit are computed once more for the largest edges: here all, so equal bars."""
    from circuit_core import TASKS, loading
    from circuit_core.circuits import error_bars
    from circuit_sweep.planning.analyses import Analysis
    from circuit_sweep.planning.request import Request
    from circuit_sweep.worker.analyses import Analyses

    params = Request(resamples=resamples, method="eap", sizes=(20,)).of_circuits
    analysis = Analysis("circuit", params, replace(TASKS["gendered_pronoun"], n=12))
    loaded = loading.load(SAMPLE.parent / "sample-0.1m" / "step7000")
    usual = recorded.rows(Analyses(loaded)(analysis), "circuit_edge")
    monkeypatch.setattr(error_bars, "AT_HAND", room)
    edges = recorded.rows(Analyses(loaded)(analysis), "circuit_edge")
    assert [edge["share"] for edge in edges] == [edge["share"] for edge in usual]
    assert {edge["se"] is None for edge in edges} == {edge["share"] is None for edge in edges} == {resamples == 0}
    if resamples:
        assert [edge["se"] for edge in edges] == pytest.approx([edge["se"] for edge in usual])


def test_random_circuits_have_their_mean_between_smallest_and_largest(held):
    """Invariant: of five draws; where they were not evaluated there is none of the three."""
    rows = queries.rows(held[0], VIEWS["faithfulness"], AT)
    spread = [(row["random_low"], row["random_baseline"], row["random_high"]) for row in rows]
    measured = [of for of in spread if None not in of]
    assert [of for of in spread if of not in measured] == [(None, None, None)] * (len(spread) - len(measured))
    assert measured and all(low <= mean <= high for low, mean, high in measured)
    assert any(low < high for low, _, high in measured)


def test_results_are_chosen_by_threshold_and_areas(held):
    assert len(queries.rows(held[0], VIEWS["circuits"], AT, {"threshold_on": "normalised", "areas": "mib"})) == 1
    for choice in ({"threshold_on": "raw"}, {"areas": "none"}):
        assert queries.rows(held[0], VIEWS["circuits"], AT, choice) == []


def test_the_command_of_a_result_names_what_is_not_usual():
    from circuit_sweep.planning.request import Request
    from circuit_tui.explorer.screens import exports

    facts = {"model": "toy", "step": 0, "analysis": "circuit", "task": "ioi", "dtype": "float32"}
    usual, other = (
        exports.recompute(queries.ResultOrigin(facts, request.of_circuits))
        for request in (Request(), Request(threshold_on="normalised", areas="mib"))
    )
    assert "--areas" not in usual and "--threshold-on" not in usual
    assert "--threshold-on normalised" in other and "--areas mib" in other
