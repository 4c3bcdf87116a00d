"""A circuit that cannot be carried out of the store is refused in one sentence, with what to do."""

import json
import zlib
from contextlib import closing
from tempfile import gettempdir

import numpy as np
import pytest
import torch
from here import sweeping

from circuit_core.circuits import selection
from circuit_core.errors import CircuitError, TaskError
from circuit_core.formats import eap_ig, eap_ig_pt
from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.graph import Graph
from circuit_store import queries
from circuit_store.store import open_to_read, open_to_write
from circuit_store.views import VIEWS
from circuit_sweep import circuit_files
from circuit_tui.cli import circuit


@pytest.fixture
def held(tmp_path):
    """A store with one circuit of IOI, imported."""
    graph, path, file = Graph(3, 3, True), tmp_path / "x.db", tmp_path / "circuit.json"
    mask = selection.circuit(selection.order(np.ones(graph.real.shape), graph), 20, graph)
    eap_ig.write_json(CircuitFile(graph, mask.astype("f4"), mask, np.atleast_1d(mask.any(1)), 60), file)
    circuit_files.import_file(path, "sample-0.1m", "final", "ioi", file)
    return path


@pytest.mark.parametrize("kind", circuit_files.FORMATS)
def test_a_temporary_file_that_cannot_be_written_is_told_by_its_folder(held, tmp_path, kind):
    """Whichever library writes it: the user named no such file, but can choose the folder."""
    path = tmp_path / "nowhere" / "x"
    says = rf"^The circuit sample-0.1m@7000/ioi passes through a file in {gettempdir()}, .*\(No such file .* TMPDIR"
    with pytest.raises(CircuitError, match=says):
        circuit_files.export(held, "sample-0.1m", "final", "ioi", kind, path, {}, None)


@pytest.mark.parametrize("kind", circuit_files.FORMATS)
def test_a_circuit_takes_the_place_of_an_older_file(held, tmp_path, kind):
    """Invariant: the same bytes as made alone; the older file stays if there is no circuit, and nothing lies beside."""
    output, alone = tmp_path / "out", tmp_path / "alone"
    output.write_text("of before")
    there = {path.name for path in tmp_path.iterdir()}
    with sweeping():
        with pytest.raises(CircuitError, match="The store holds no circuit"):
            circuit.export(held, "sample-0.1m@0/ioi", kind, output, None, {})
        assert output.read_text() == "of before"
        circuit.export(held, "sample-0.1m@final/ioi", kind, output, None, {})
    assert {path.name for path in tmp_path.iterdir()} - {"x.db-wal", "x.db-shm"} == there - {"x.db-wal", "x.db-shm"}
    circuit_files.export(held, "sample-0.1m", "final", "ioi", kind, alone, {}, None)
    assert output.read_bytes() == alone.read_bytes()


def test_a_circuit_that_cannot_be_written_is_told_by_its_key(held, tmp_path):
    """Invariant: the sentence names circuit and key, no path in a temporary folder."""
    tensors = eap_ig_pt.tensors(eap_ig.read(tmp_path / "circuit.json")) | {"phase": torch.ones(2, dtype=torch.cfloat)}
    torch.save(tensors, tmp_path / "phase.pt")
    with closing(open_to_write(held)) as db:
        db.execute("UPDATE circuit SET original = ?", (zlib.compress((tmp_path / "phase.pt").read_bytes()),))
    with pytest.raises(CircuitError) as caught:
        circuit_files.export(held, "sample-0.1m", "final", "ioi", "eap-ig-json", tmp_path / "x", {}, None)
    says = "The circuit sample-0.1m@7000/ioi cannot be written as eap-ig-json: The further key 'phase' holds a value"
    assert str(caught.value) == f"{says} of type Tensor, which JSON cannot."
    circuit_files.export(held, "sample-0.1m", "final", "ioi", "eap-ig-pt", tmp_path / "x", {}, None)
    with pytest.raises(CircuitError, match=f"^{tmp_path}/phase.pt: The further key 'phase' holds"):
        circuit_files.import_file(held, "sample-0.1m", "final", "ioi", tmp_path / "phase.pt")


def test_a_circuit_that_is_not_there_comes_with_the_command_that_computes_it(held, tmp_path):
    given = (held, "sample-0.1m", "3500")
    run = "run sample-0.1m --checkpoints 3500 --tasks greater_than --prepend-bos --analyses circuit`"
    with pytest.raises(CircuitError, match=f"no circuit sample-0.1m@3500/greater_than.bos: compute it with .*{run}"):
        circuit_files.export(*given, "greater_than+bos", "dot", tmp_path / "x", {}, None)
    with pytest.raises(TaskError, match="There is no task nope: choose from ioi"):
        circuit_files.export(*given, "nope", "dot", tmp_path / "x", {}, None)
    with closing(open_to_read(held)) as db:
        assert db.execute("SELECT count(*) FROM run").fetchone()[0] == 1


def rewritten(file, change) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def test_a_circuit_of_another_width_is_refused_and_leaves_the_store_as_it_was(held, tmp_path):
    """The graph is the model's, as that of 410m is 1.4b's; a width that the file does not give is not wrong."""
    file = tmp_path / "circuit.json"
    with closing(open_to_read(held)) as db:
        before = list(db.iterdump())
    for name, given, right in (("d_model", 24, 60), ("d_head", 5, 20), ("d_mlp", 7, 120), ("d_vocab", 9, 310)):
        rewritten(file, lambda d, name=name, given=given: d["cfg"].update({"d_model": 60, name: given}))
        with pytest.raises(CircuitError, match=f"{name} of the circuit is {given}; the model's is {right}.$"):
            circuit_files.import_file(held, "sample-0.1m", "final", "ioi", file)
        rewritten(file, lambda d, name=name: d["cfg"].pop(name))
    with closing(open_to_read(held)) as db:
        assert list(db.iterdump()) == before
    circuit_files.import_file(held, "sample-0.1m", "final", "ioi", file)


def test_an_older_circuit_without_scores_comes_and_goes(held, tmp_path):
    """Invariant: plain booleans, no width, no scores: its edges have none in the store, and leave as they came."""
    file, back = tmp_path / "circuit.json", tmp_path / "back.json"

    def older(document):
        document["cfg"].pop("d_model")
        document["nodes"] = {name: node["in_graph"] for name, node in document["nodes"].items()}
        for edge in document["edges"].values():
            edge["score"] = None

    rewritten(file, older)
    circuit_files.import_file(held, "sample-0.1m", "3500", "ioi", file)
    with closing(open_to_read(held)) as db:
        at = {"model": "sample-0.1m", "step": 3500, "task": "ioi"}
        found = queries.rows(db, VIEWS["circuit"], at)
        assert found and {row["score"] for row in found} == {None}
        shares = [row["share_of_score"] for row in queries.rows(db, VIEWS["composition"], at)]
        assert set(shares) == {None}
    circuit_files.export(held, "sample-0.1m", "3500", "ioi", "eap-ig-json", back, {}, None)
    after, read = eap_ig.read(back), eap_ig.read(file)
    assert after.scores is None and (after.mask == read.mask).all() and (after.nodes == read.nodes).all()
    with pytest.raises(CircuitError, match="no scores to choose 5 edges by: leave --size out"):
        circuit_files.export(held, "sample-0.1m", "3500", "ioi", "dot", back, {}, 5)
