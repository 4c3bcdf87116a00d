"""Which model a folder is, and whether its results are there: by what its files hold, in a store without a sweep."""

import json
import os
import shutil
from contextlib import closing

import pytest
from places import SAMPLE
from safetensors.torch import load_file, save_file

from circuit_core.errors import UnsupportedModel
from circuit_core.models import checkpoints, identity, weights
from circuit_store import models, queries, results
from circuit_store.errors import UnknownName
from circuit_store.merge import merge
from circuit_store.queue import requests, units
from circuit_store.store import close_writer, open_to_write
from circuit_sweep.planning import task_names
from circuit_sweep.planning.missing import note, survey, surveys
from circuit_sweep.planning.model_sources import describe
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots
from circuit_sweep.runner.unit_lifecycle import CHANGED, RunningUnit
from circuit_sweep.worker import messages
from circuit_tui.cli import attached_run
from circuit_tui.runs.run_request import RunRequest

REQUEST = Request(analyses=("behaviour",))


@pytest.fixture
def db(tmp_path):
    with closing(open_to_write(tmp_path / "store.db")) as db:
        yield db


@pytest.fixture
def mine(tmp_path):
    """Two steps of the smallest sample model."""
    for step in (0, 250):
        shutil.copytree(SAMPLE / f"step{step}", tmp_path / "mine" / f"step{step}")
    return tmp_path / "mine"


def asked(db, folder):
    return survey(db, str(folder), "all", REQUEST, [task_names.find(db, name) for name in REQUEST.tasks])


def compute(db, folder) -> None:
    """As if a run had: a result of every analysis under its key, and what loading showed."""
    found = asked(db, folder)
    note(db, found)
    ids = models.add_model(db, found.model, [])
    run = requests.add_run(db, {"models": [found.model.name]}, [])
    for step, analyses in found.missing.items():
        source = identity.source(found.folder(step))
        models.checkpoint_loaded(db, ids[step], "ok", source.fingerprint)
        models.holds(db, ids[step], source.identity)
        for analysis in analyses:
            task, kind, params = analysis.task, analysis.kind, analysis.params
            record = task and results.TaskRecord(task.label, task.hash, task.metric, False)
            key = analysis.key(f"{found.model.name}@{step}", source.identity)
            about = (key, run, ids[step], kind, params, source.identity, source.fingerprint, "float32", 1.0)
            results.write(db, results.Provenance(*about, analysis.role, record), results.Undefined("not looked at"))


def test_a_folder_that_was_touched_copied_or_moved_computes_nothing_again(db, mine, tmp_path):
    """Invariant: it goes by the name that its results have, also in another place and under another name."""
    compute(db, mine)
    os.utime(mine / "step0" / "model.safetensors", (1, 1))
    assert asked(db, mine).missing == {}
    for place in ("elsewhere/mine", "other"):
        shutil.copytree(mine, tmp_path / place)
        found = asked(db, tmp_path / place)
        assert (found.model.name, found.model.source, found.missing) == ("mine", str(mine), {})
    shutil.rmtree(mine)
    note(db, asked(db, tmp_path / "other"))
    assert describe(db, "mine")[0].source == str(tmp_path / "other")
    assert asked(db, "mine").missing == {}


def test_a_copy_that_lacks_a_checkpoint_or_differs_in_one_is_another_model(db, mine, tmp_path):
    """Invariant: nothing of a model is filed under another, one of its name elsewhere is refused, and a copy of what
    the original no longer holds is not the original."""
    compute(db, mine)
    part = shutil.copytree(mine / "step0", tmp_path / "part" / "step0").parent
    assert describe(db, str(part))[0].name == "part"
    edited = shutil.copytree(mine, tmp_path / "elsewhere" / "mine")
    shutil.copy(SAMPLE / "step500" / "model.safetensors", edited / "step250")
    with pytest.raises(UnknownName, match=f"mine stands for {mine}, not for {edited}"):
        asked(db, edited)
    kept = shutil.copytree(mine, tmp_path / "kept")
    more = shutil.copytree(mine, tmp_path / "more")
    shutil.copytree(SAMPLE / "step500", more / "step500")
    assert [describe(db, str(folder))[0].name for folder in (kept, more)] == ["mine", "more"]
    shutil.copy(SAMPLE / "step500" / "model.safetensors", mine / "step250")
    assert describe(db, str(kept))[0].name == "kept"


def test_a_config_that_is_repaired_in_place_computes_anew_and_loses_nothing(db, mine):
    """Invariant: step 0 alone is missing; its result of before stays in the store, and answers no more."""
    compute(db, mine)
    file = mine / "step0" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"rope_theta": 5.0}))
    assert list(asked(db, mine).missing) == [0]
    compute(db, mine)
    assert asked(db, mine).missing == {}
    assert db.execute("SELECT count(*) FROM result").fetchone()[0] == 3
    assert [row["step"] for row in queries.rows(db, queries.view("behaviour"))] == [0, 250]


def test_what_was_found_of_other_weights_answers_no_more(db, mine):
    """Invariant: not even where the new ones lack it; with the old weights back it answers again. A circuit that was
    imported stays, and so does what a store without a source knows."""
    compute(db, mine)
    steps = lambda: [row["step"] for row in queries.rows(db, queries.view("behaviour"))]  # noqa: E731
    file, held = mine / "step0" / "model.safetensors", (SAMPLE / "step0" / "model.safetensors").read_bytes()
    for content, answering in (((SAMPLE / "step500" / file.name).read_bytes(), [250]), (held, [0, 250])):
        file.write_bytes(content)
        note(db, asked(db, mine))
        assert steps() == answering
    db.execute("UPDATE checkpoint SET present = 'another'")
    assert steps() == []
    db.execute("""UPDATE result SET analysis = 'circuit', params = '{"method": "imported"}'""")
    assert len(queries.rows(db, queries.view("circuits"))) == 2


def test_verify_reads_what_is_at_hand_if_it_is_asked_to(db, mine, bench):
    """Invariant: what is no more what results were computed from is named; what is gone is counted, and no fault."""
    compute(db, mine)
    assert "Read 2 checkpoints with results; 0 more are not at hand." in bench.told("verify", "--weights")[1]
    shutil.copy(SAMPLE / "step500" / "model.safetensors", mine / "step0")
    (mine / "step250" / "config.json").write_text(json.dumps(checkpoints.config(mine / "step250") | {"use_cache": 5}))
    out, said = bench.here("verify", "--weights", "--json", code=1)
    assert json.loads(out)["faults"] == [
        "mine@0 has other weights now than its results were computed from",
        "mine@250 has another config.json or tokenizer now than its results were computed from",
    ]
    assert "is sound" in bench.told("verify")[1]
    (mine / "step0" / "model.safetensors").write_bytes(b"damaged")
    shutil.rmtree(mine / "step250")
    _, said = bench.here("verify", "--weights", code=1)
    assert "mine@0 cannot be read any more: " in said and "Read 1 checkpoints with results; 1 more" in said


def test_a_unit_of_weights_that_changed_meanwhile_is_queued_again(db, mine):
    """Invariant: in the run that is under way; those of settled runs stay."""
    compute(db, mine)
    ids = models.add_model(db, asked(db, mine).model, [])
    first, second = (requests.add_run(db, {"models": ["mine"], "n": n}, list(ids.values())) for n in range(2))
    db.execute("UPDATE unit SET state = 'done'")
    requests.close_runs(db, first)
    shutil.copy(SAMPLE / "step500" / "model.safetensors", mine / "step0")
    note(db, asked(db, mine))
    states = db.execute("SELECT run_id, checkpoint_id, state FROM unit ORDER BY 1, 2").fetchall()
    assert [tuple(row) for row in states] == [
        *((first, ids[step], "done") for step in (0, 250)),
        (second, ids[0], "queued"),
        (second, ids[250], "done"),
    ]


@pytest.mark.parametrize("again", ["another", "restored"])
def test_a_result_is_of_what_was_loaded(db, mine, tmp_path, again):
    """Invariant: weights that change between order and loading give results under their own identity; if what lies
    there by then is another once more, none, and the unit fails with a sentence."""
    found = asked(db, mine)
    ids = note(db, found)
    requests.add_run(db, vars(REQUEST), ids[:1])
    unit = units.take_unit(db)
    assert unit
    taken, old = RunningUnit(db, tmp_path / "store.db", unit), identity.source(mine / "step0")
    order = taken.order(Slots("cpu").slots()[0], None)
    assert order
    shutil.copy(SAMPLE / "step500" / "model.safetensors", mine / "step0")
    new = identity.source(mine / "step0")
    if again == "restored":
        shutil.copy(SAMPLE / "step0" / "model.safetensors", mine / "step0")
    taken.say(messages.CheckpointLoaded(unit.id, new.fingerprint, "cpu", 1))
    taken.say(messages.Result(unit.id, order.analyses[0], results.Undefined("not looked at"), 1.0))
    assert taken.say(messages.UnitFinished(unit.id))
    stored = [row[0] for row in db.execute("SELECT identity FROM result")]
    state = tuple(db.execute("SELECT state, error FROM unit").fetchone())
    assert (stored, state) == (([new.identity], ("done", None)) if again == "another" else ([], ("failed", CHANGED)))
    assert old.identity != new.identity


def test_a_model_that_has_moved_out_of_its_folder_is_the_same(db, mine, tmp_path):
    """Invariant: the folder that is left may be empty."""
    compute(db, mine)
    (tmp_path / "other").mkdir()
    for step in mine.iterdir():
        step.rename(tmp_path / "other" / step.name)
    found = asked(db, tmp_path / "other")
    assert (found.model.name, found.model.source, found.missing) == ("mine", str(tmp_path / "other"), {})


def test_zeroed_heads_are_no_duplicate_and_another_model_for_merge(db, mine, tmp_path):
    """Invariant: edited rows beside their original stay in the trends; under its name elsewhere they are numbered."""
    compute(db, mine)
    other = tmp_path / "elsewhere" / "mine"
    held = load_file(mine / "step0" / "model.safetensors")
    held["gpt_neox.layers.1.attention.query_key_value.weight"][20:40] = 0
    shutil.copytree(mine / "step0", other / "step0")
    shutil.copytree(mine / "step0", mine / "step1")
    for folder in (other / "step0", mine / "step1"):
        save_file(held, folder / "model.safetensors")
    compute(db, mine)
    shown = queries.rows(db, queries.view("checkpoints"))
    assert [(row["step"], row["status"]) for row in shown] == [(0, "ok"), (1, "ok"), (250, "ok")]
    with closing(open_to_write(tmp_path / "other.db")) as second:
        compute(second, other)
        close_writer(second)
    assert merge(db, tmp_path / "other.db").renamed_models == {"mine": "mine~2"}


def test_a_link_keeps_its_own_name_and_step(db, tmp_path):
    """Invariant: the name of a snapshot says nothing; two links are two models."""
    shutil.copytree(SAMPLE / "step7000", tmp_path / "snapshots" / "3c5df0a")
    (tmp_path / "my-model").mkdir()
    for step in (7000, 8000):
        (tmp_path / "my-model" / f"step{step}").symlink_to(tmp_path / "snapshots" / "3c5df0a")
        model, found = describe(db, str(tmp_path / "my-model" / f"step{step}"))
        assert (model.name, [f.step for f in found]) == (f"step{step}", [step])
        assert model.source == str(tmp_path / "my-model" / f"step{step}")


def test_two_folders_of_one_name_are_refused(db, mine, tmp_path):
    """Invariant: before anything is queued, in one request and against the store."""
    other = shutil.copytree(mine, tmp_path / "elsewhere" / "mine")
    tasks = [task_names.find(db, name) for name in REQUEST.tasks]
    with pytest.raises(UnknownName, match=f"mine stands for {mine}, not for {other}"):
        surveys(db, [str(mine), str(other)], "all", REQUEST, tasks)


def change(folder, **fields) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def test_one_checkpoint_that_is_not_supported_does_not_stop_a_sweep(db, mine):
    """Invariant: a sweep is refused if none of its checkpoints can be computed; one alone fails in its unit."""
    change(mine / "step0", num_local_experts=8)
    assert list(asked(db, mine).missing) == [0, 250]
    change(mine / "step250", num_local_experts=8)
    with pytest.raises(UnsupportedModel, match="sends each token to a few of many experts"):
        asked(db, mine)


def test_weights_are_read_once_while_their_files_stay(db, mine, monkeypatch):
    """Invariant: planning reads again what has changed, and no other weights."""
    compute(db, mine)
    asked_for = []
    read = weights.fingerprint
    monkeypatch.setattr(
        "circuit_core.models.weights.fingerprint", lambda folder: (asked_for.append(folder.name), read(folder))[1]
    )
    for _ in range(2):
        note(db, asked(db, mine))
    os.utime(mine / "step0" / "model.safetensors", (1, 1))
    note(db, asked(db, mine))
    note(db, asked(db, mine))
    assert asked_for == ["step0", "step250", "step0"]


def test_whoever_gives_a_copy_is_told_its_name(db, mine, tmp_path, monkeypatch):
    compute(db, mine)
    copy = shutil.copytree(mine, tmp_path / "copy")
    told = []
    monkeypatch.setattr("circuit_tui.terminal.console.told", told.append)
    assert attached_run.compute(tmp_path / "store.db", RunRequest((str(copy),), "all", REQUEST)) == 0
    assert told[0] == f"{copy} goes by the name mine."
    assert "0 checkpoints computed, 2 were already there, 0 failed." in told
