"""Results carry the version of the analysis that computed them, the same that their key is made of."""

from contextlib import closing
from typing import Any

import pytest

from circuit_core.tasks.specs import TASKS
from circuit_store import models, results
from circuit_store.queue import requests, units
from circuit_store.store import open_to_write
from circuit_sweep.planning import analyses as asking
from circuit_sweep.planning.analyses import Analysis, analyses
from circuit_sweep.planning.model_sources import describe
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots
from circuit_sweep.runner.unit_lifecycle import RunningUnit
from circuit_sweep.worker.messages import CheckpointLoaded, Result


def circuits(held_out: int) -> list[Analysis]:
    """The circuit of years, and the check of it."""
    asked = Request(("greater_than",), ("circuit", "algorithm"), held_out=held_out)
    return [a for a in analyses(asked, [TASKS["greater_than"]], None) if a.kind in ("circuit", "greater_than")]


@pytest.mark.parametrize("raised", ["circuit", "algorithm", "held out"])
def test_a_version_is_of_all_that_a_result_rests_on(monkeypatch, raised):
    """Invariant: version and key of a result change together."""
    heads = (Analysis("heads", {}, None, role) for role in ("effect_logits", "induction"))
    asked = [*circuits(0), *circuits(10), *heads]
    before = [(analysis.version, analysis.key("m@0", "x")) for analysis in asked]
    if raised in asking.VERSIONS:
        monkeypatch.setitem(asking.VERSIONS, raised, asking.VERSIONS[raised] + 1)
    else:
        monkeypatch.setattr(asking, "HELD_OUT", asking.HELD_OUT + 1)
    after = [(analysis.version, analysis.key("m@0", "x")) for analysis in asked]
    differs = [tuple(a != b for a, b in zip(*pair, strict=True)) for pair in zip(before, after, strict=True)]
    expected = {"circuit": [1, 1, 1, 1, 0], "algorithm": [0, 0, 0, 0, 1], "held out": [0, 0, 1, 1, 0]}[raised]
    assert differs == [(bool(changed), bool(changed)) for changed in (*expected, 0)]


def test_a_result_is_stored_with_its_version(tmp_path):
    with closing(open_to_write(tmp_path / "x.db")) as db:
        model, found = describe(db, "sample-0.1m")
        ids = models.add_model(db, model, [models.CheckpointRecord(f.step, None, f.revision) for f in found[-1:]])
        asked = Request(tasks=("greater_than",), analyses=("circuit", "algorithm"), held_out=10)
        requests.add_run(db, vars(asked), list(ids.values()))
        unit: Any = units.take_unit(db)
        taken = RunningUnit(db, tmp_path / "x.db", unit)
        order: Any = taken.order(Slots().slots()[0], None)
        taken.say(CheckpointLoaded(unit.id, taken.source.fingerprint, "cpu", 1))
        versions = {analysis.kind: analysis.version for analysis in order.analyses}
        for analysis in order.analyses:
            taken.say(Result(unit.id, analysis, results.Undefined("not computed in this test"), 0.1))
        stored = dict(map(tuple, db.execute("SELECT analysis, version FROM result")))
        assert stored == {analysis: ".".join(map(str, version)) for analysis, version in versions.items()}
        assert stored["circuit"].count(".") == 1 and stored["greater_than"].count(".") == 2
