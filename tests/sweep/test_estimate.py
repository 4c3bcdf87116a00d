"""What a request would cost: units that lack something, and time from what was computed before."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import recorded

from circuit_core.models import identity, suites
from circuit_store import models, results
from circuit_store.queries.costs import Costs
from circuit_store.queue import requests, units
from circuit_store.store import open_to_write
from circuit_sweep.planning import task_names
from circuit_sweep.planning.estimate import Estimate, ExactRuns, _Time, estimate, exact_runs
from circuit_sweep.planning.missing import Survey, note, survey
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots
from circuit_tui.cli import attached_run
from circuit_tui.runs import cost_report
from circuit_tui.runs.run_request import How, RunRequest

REQUEST = Request(analyses=("behaviour",), tasks=("ioi", "gendered_pronoun"))
STEPS = "0,250,500"
_YEARS = "greater_than"


def surveyed(db: sqlite3.Connection, model: str, steps: str, request: Request) -> Survey:
    return survey(db, model, steps, request, [task_names.find(db, name) for name in request.tasks])


@pytest.fixture
def db(tmp_path: Path) -> sqlite3.Connection:
    """Step 0 of sample-0.1m has behaviour on IOI, which took 2 s; its unit took 3 s in all."""
    db = open_to_write(tmp_path / "store.db")
    requests.add_run(db, {"models": ["sample-0.1m"]}, note(db, surveyed(db, "sample-0.1m", STEPS, REQUEST))[:1])
    unit = units.take_unit(db)
    assert unit
    (analysis,) = surveyed(db, "sample-0.1m", "0", Request(analyses=("behaviour",))).missing[0]
    assert analysis.task
    source = identity.source(suites.sample_folder() / "sample-0.1m" / "step0").identity
    task = results.TaskRecord(analysis.task.name, analysis.task.hash, analysis.task.metric, analysis.task.prepend_bos)
    key = analysis.key("sample-0.1m@0", source)
    of = results.Provenance(
        key, unit.run, unit.checkpoint, "behaviour", {}, source, "f", "float32", 2.0, task=task, device="cpu"
    )
    results.write(db, of, recorded.behaviour(1.0, 0.1, 0.9, 1.1, 70, 1.0))
    unit.computing_on("cpu")
    unit.finish("done", 3.0)
    return db


def of(db: sqlite3.Connection | None, model: str, request: Request, workers: int = 1) -> Estimate:
    return estimate(db, [model], STEPS, request, Slots("cpu", workers))


def test_time_is_that_of_the_same_analyses_and_one_start(db):
    """Invariant: of one task, step 0 lacks nothing; the two others take 2 s each, on two slots half as long, and the
    second that a small model's only checkpoint took besides is the start of a worker."""
    one = Request(analyses=("behaviour",))
    found = of(db, "sample-0.1m", one)
    assert (found.units, found.already, found.results, found.seconds) == (2, 1, 2, pytest.approx(5.0))
    assert of(db, "sample-0.1m", one, 2).seconds == pytest.approx(3.0) == of(db, "sample-0.1m", one, 9).seconds
    assert estimate(db, [], STEPS, one, Slots()).seconds == 0
    folder = suites.sample_folder() / "sample-0.1m"
    assert found.bytes == sum((folder / f"step{s}" / "model.safetensors").stat().st_size for s in (250, 500))


def test_what_was_never_computed_has_no_time(db):
    found = of(db, "sample-0.1m", REQUEST)
    assert (found.units, found.results, found.seconds, found.untimed) == (3, 5, None, ("behaviour",))
    assert of(db, "sample-0.1m", Request(analyses=("behaviour",), dtype="float64")).seconds is None


def test_another_models_time_is_scaled_by_size_and_named(db):
    sizes = {name: surveyed(db, name, "0", REQUEST).model.params for name in ("sample-0.1m", "sample-0.4m")}
    found = of(db, "sample-0.4m", Request(analyses=("behaviour",)))
    assert sizes["sample-0.1m"] and sizes["sample-0.4m"]
    assert found.seconds == pytest.approx(1 + 6.0 * sizes["sample-0.4m"] / sizes["sample-0.1m"])
    assert "by the times of sample-0.1m in proportion to parameters" in cost_report.sentences(found)[2]
    assert found.seconds_from == ("sample-0.1m",) and found.weights == 4 * sizes["sample-0.4m"]


def test_a_worker_starts_once_however_many_checkpoints_follow(db):
    """A second checkpoint of the run's slot, with .25 s besides: that is loading, .75 s of the first were the start;
    of a large model with one checkpoint nobody can tell them apart."""
    one = Request(analyses=("behaviour",))
    (queued,) = note(db, surveyed(db, "sample-0.1m", "250", one))
    requests.add_run(db, {"models": ["sample-0.1m"]}, [queued])
    unit = units.take_unit(db)
    assert unit
    unit.computing_on("cpu")
    unit.finish("done", 0.25)
    assert of(db, "sample-0.1m", one).seconds == pytest.approx(0.75 + 2 * 2.25)
    db.execute("UPDATE model SET params = 1e9")
    db.execute("DELETE FROM unit WHERE seconds = 0.25")
    assert _Time(Costs.of(db), gpu=False).start == 0 and _Time(Costs.of(db), gpu=False).loading == {"sample-0.1m": 1.0}


def test_nothing_is_written_and_no_store_is_needed(db):
    before = db.total_changes
    of(db, "sample-0.4m", Request(analyses=("behaviour", "heads")))
    assert db.total_changes == before and "sample-0.4m" not in models.held_models(db)
    assert of(None, "sample-0.4m", REQUEST).units == 3


def test_the_same_is_missing_as_a_run_would_queue(db):
    for request in (REQUEST, Request(analyses=("behaviour",))):
        planned = surveyed(db, "sample-0.1m", STEPS, request)
        found = of(db, "sample-0.1m", request)
        assert (len(planned.missing), len(planned.steps)) == (found.units, found.units + found.already)


def done(db: sqlite3.Connection, steps: str, request: Request, *titles: str, seconds: float = 1.0) -> None:
    """As if another run had computed some of a request's analyses of sample-0.1m."""
    asked = surveyed(db, "sample-0.1m", steps, request)
    ids, run = models.add_model(db, asked.model, []), requests.add_run(db, {"models": []}, [])
    for step, lacking in asked.missing.items():
        source = identity.source(asked.folder(step)).identity
        for analysis in (analysis for analysis in lacking if analysis.title in titles and analysis.task):
            key, task = analysis.key(f"sample-0.1m@{step}", source), analysis.task
            of = results.Provenance(
                *(key, run, ids[step], analysis.kind, analysis.params, source, "f", "float32", seconds, analysis.role),
                task=task and results.TaskRecord(task.label, task.hash, task.metric, task.prepend_bos),
            )
            results.write(db, of, results.Undefined("not looked at"))


@pytest.mark.parametrize(
    "request_, first, second, there",
    [
        (
            Request(("greater_than",), ("circuit", "algorithm")),
            "circuit greater_than",
            "greater_than greater_than",
            1.1,
        ),
        (Request(("ioi",), ("algorithm",)), "algorithm ioi", "heads s_inhibition ioi", 31.1),
    ],
)
def test_what_rests_on_another_analysis_costs_that_one_where_it_is_found_again(db, request_, first, second, there):
    """Invariant: beside it 30 + 0.1 s and 1 s of loading; where it is there already the same, unless what is stored of
    it is all that is looked into."""
    effects = [f"heads {role} ioi" for role in ("effect_logits", "effect_movers_q", "effect_inhibition_v")]
    others = ("heads s_inhibition ioi",) if request_.tasks == ("greater_than",) else ()
    done(db, "0,250,500", request_, *effects, *others, "algorithm ioi" if others else "", seconds=0.0)
    done(db, "0", request_, first, seconds=30.0)
    done(db, "0", request_, second, seconds=0.1)
    both = estimate(db, ["sample-0.1m"], "250", request_, Slots("cpu"))
    done(db, "250", request_, first, seconds=30.0)
    alone = estimate(db, ["sample-0.1m"], "250", request_, Slots("cpu"))
    assert (both.results, alone.results) == (2, 1)
    assert (both.seconds, alone.seconds) == (pytest.approx(31.1), pytest.approx(there))


def test_what_was_only_timed_with_what_it_rests_on_counts_once(db):
    request = Request(("greater_than",), ("algorithm",))
    titles = [analysis.title for analysis in surveyed(db, "sample-0.1m", "0", request).missing[0]]
    done(db, "0", request, *titles, seconds=5.0)
    assert estimate(db, ["sample-0.1m"], "250", request, Slots("cpu")).seconds == pytest.approx(5.0 * len(titles) + 1)


def test_exact_patching_counts_what_is_missing(db, monkeypatch):
    """178 runs a circuit: none of a circuit that is there; said before anything is queued."""
    request = Request(("ioi", "gendered_pronoun"), ("circuit",), method="exact")
    done(db, "0", request, "circuit ioi")
    assert of(db, "sample-0.1m", request).exact == (ExactRuns("sample-0.1m", 3, 2 * 178, 5 * 178),)
    assert of(db, "sample-0.1m", Request(analyses=("circuit",))).exact == ()
    store = Path(db.execute("PRAGMA database_list").fetchone()["file"])
    said = "exact patching: at most 356 forward runs for each checkpoint of sample-0.1m, 890 in all"
    asked = RunRequest(("sample-0.1m",), STEPS, request, how=How(detach=True))
    assert cost_report.sentences(cost_report.cost(store, asked))[-1] == said
    queued = lambda: db.execute("SELECT count(*) FROM run").fetchone()[0]  # noqa: E731
    before = queued()
    told = []
    monkeypatch.setattr("circuit_tui.terminal.console.told", lambda text: told.append((queued(), text)))
    monkeypatch.setattr("circuit_sweep.runner.launch.start", lambda *given: None)
    assert attached_run.compute(store, asked) == 0
    assert told[0] == (before, said) and told[1][0] == before + 1


def test_exact_patching_runs_once_an_edge_and_source_and_at_both_ends(db):
    survey = surveyed(db, "sample-0.1m", "0", Request(("ioi",), ("circuit",), method="exact"))
    parallel = replace(survey.model, n_layers=3, n_heads=4, parallel=True)
    (runs,) = exact_runs([replace(survey, model=parallel)])
    assert runs.most == 250 + 16 + 2


def test_exact_patching_that_is_there_is_not_stated(db):
    request = Request(analyses=("circuit",), method="exact")
    done(db, STEPS, request, "circuit ioi")
    assert of(db, "sample-0.1m", request).exact == ()
