"""What the store holds is not computed again: not under its own name, nor as what another analysis looks into."""

from contextlib import closing
from dataclasses import replace

import pytest

from circuit_store import models, results
from circuit_store.queue import requests, units
from circuit_store.store import open_to_write
from circuit_sweep.planning.model_sources import describe
from circuit_sweep.planning.request import ANALYSES, Request
from circuit_sweep.planning.slots import Slots
from circuit_sweep.runner.unit_lifecycle import RunningUnit
from circuit_sweep.worker import analyses, head_roles
from circuit_sweep.worker.checkpoint import work

pytestmark = pytest.mark.long

DEFAULT = Request(tasks=("ioi", "greater_than"), sizes=(10,), device="cpu")
PASSES = [(head_roles, name) for name in ("attention_roles", "copy_scores", "copy_suppression", "successor")]
PASSES += [(analyses, "minimal_circuit"), (analyses, "attribute"), (analyses, "behaviour")]
NUMBERS = {
    "stage": "SELECT task.name, stage.place, stage.percent, stage.low, stage.high, stage.heads, stage.reason, note"
    " FROM stage JOIN result ON result.id = result_id JOIN task ON task.id = task_id ORDER BY 1, 2",
    "head_score": "SELECT role, layer, head, value FROM head_score JOIN result ON id = result_id ORDER BY 1, 2, 3",
    "year_node": "SELECT src, looks_at_year, raises_year, later_minus_others FROM year_node ORDER BY 1",
}


def computed(db, path, request: Request) -> set[str]:
    """Compute a request in this process; the keys of its analyses."""
    before = {key for keys in results.held_keys(db, "sample-0.1m").values() for key in keys}
    model, found = describe(db, "sample-0.1m")
    ids = models.add_model(db, model, [models.CheckpointRecord(f.step, None, f.revision) for f in found[-1:]])
    requests.add_run(db, vars(request), list(ids.values()))
    unit = units.take_unit(db)
    assert unit
    taken = RunningUnit(db, path, unit)
    order = taken.order(Slots("cpu").slots()[0], None)
    assert order
    keys = {taken._key(analysis) for analysis in order.analyses}
    assert not keys & before
    assert [taken.say(message) for message in work(order)][-1]
    assert db.execute("SELECT state, error FROM unit ORDER BY id DESC").fetchone()[:] == ("done", None)
    return keys


@pytest.fixture
def stores(tmp_path):
    """Two stores, the first with what a default run computes."""
    with closing(open_to_write(tmp_path / "a.db")) as one, closing(open_to_write(tmp_path / "b.db")) as other:
        computed(one, tmp_path / "a.db", DEFAULT)
        yield one, other


def test_all_analyses_after_a_default_run_take_what_is_there(stores, tmp_path, monkeypatch):
    """Invariant: none of the passes of the first run is made again, and every number is that of one run of all."""
    one, other = stores
    everything = replace(DEFAULT, analyses=ANALYSES)
    computed(other, tmp_path / "b.db", everything)
    for module, name in PASSES:
        monkeypatch.delattr(module, name)
    computed(one, tmp_path / "a.db", everything)
    for table, query in NUMBERS.items():
        found, expected = ([tuple(row) for row in db.execute(query)] for db in (one, other))
        assert found == expected != [], table


def test_what_is_held_as_undefined_stays_so(stores, tmp_path, monkeypatch):
    """Invariant: copy suppression that is stored without a score is left out of the stages, for the reason stored."""
    one, _ = stores
    one.execute("UPDATE result SET reason = 'as stored' WHERE role = 'copy_suppression'")
    one.execute("DELETE FROM head_score WHERE result_id = (SELECT id FROM result WHERE role = 'copy_suppression')")
    monkeypatch.delattr(head_roles, "copy_suppression")
    computed(one, tmp_path / "a.db", replace(DEFAULT, tasks=("ioi",), analyses=("algorithm",)))
    notes = [row[0] for row in one.execute("SELECT note FROM stage WHERE note IS NOT NULL")]
    assert notes and all("as stored" in note for note in notes)
