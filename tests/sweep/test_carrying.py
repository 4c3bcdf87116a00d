"""A circuit that cannot be carried out of the store is refused in one sentence, with what to do."""

from contextlib import closing

import numpy as np
import pytest

from circuit_core.circuits import selection
from circuit_core.errors import CircuitError, TaskError
from circuit_core.formats import eap_ig
from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.graph import Graph
from circuit_core.sweep import carry
from circuit_store.store import open_to_read


@pytest.fixture
def held(tmp_path):
    """A store with one circuit of IOI, imported."""
    graph, path, file = Graph(3, 3, True), tmp_path / "x.db", tmp_path / "circuit.json"
    mask = selection.circuit(selection.order(np.ones(graph.real.shape), graph, "topn"), 20, graph)
    eap_ig.write_json(CircuitFile(graph, mask.astype("f4"), mask, np.atleast_1d(mask.any(1)), 24), file)
    carry.import_file(path, "sample-0.1m", "final", "ioi", file)
    return path


@pytest.mark.parametrize("kind", carry.FORMATS)
def test_a_file_that_cannot_be_written_is_named(held, tmp_path, kind):
    """Whichever library writes it."""
    path = tmp_path / "nowhere" / "x"
    with pytest.raises(CircuitError, match=rf"^--output {path} cannot be written \(No such file .*: name another"):
        carry.export(held, "sample-0.1m", "final", "ioi", kind, path, {}, None)


def test_a_circuit_that_is_not_there_comes_with_the_command_that_computes_it(held, tmp_path):
    given = (held, "sample-0.1m", "3500")
    run = "run sample-0.1m --checkpoints 3500 --tasks greater_than --prepend-bos --analyses circuit`"
    with pytest.raises(CircuitError, match=f"no circuit sample-0.1m@3500/greater_than.bos: compute it with .*{run}"):
        carry.export(*given, "greater_than+bos", "dot", tmp_path / "x", {}, None)
    with pytest.raises(TaskError, match="There is no task nope: choose from ioi"):
        carry.export(*given, "nope", "dot", tmp_path / "x", {}, None)
    with closing(open_to_read(held)) as db:
        assert db.execute("SELECT count(*) FROM run").fetchone()[0] == 1
