"""Circuits between the store and the files of other tools; .pt files need torch, so a process of its own does it
(`calls`). An imported file is kept whole, so that exporting it loses nothing.
"""

import hashlib
import json
import shlex
import sqlite3
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from circuit_core.circuits import selection
from circuit_core.errors import CheckpointError, CircuitError, FormatError, UnknownModel
from circuit_core.formats import drawn_circuit, eap_ig
from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.graph import Graph
from circuit_core.models import checkpoints
from circuit_core.tasks.specs import TaskSpec
from circuit_store import addresses, blobs, models, queries, results
from circuit_store.queue import requests
from circuit_store.store import open_to_read, open_to_write
from circuit_store.transactions import transaction
from circuit_sweep.planning import task_names
from circuit_sweep.planning.missing import noted
from circuit_sweep.planning.model_sources import describe, folder_of

NOT_EVALUATED = "imported: never evaluated here"
FORMATS: dict[str, Callable[[CircuitFile, Path, dict[str, Any]], None]] = {
    "eap-ig-json": lambda circuit, path, about: eap_ig.write_json(circuit, path),
    "eap-ig-pt": lambda circuit, path, about: eap_ig.write_pt(circuit, path),
    "graphml": drawn_circuit.write_graphml,
    "dot": drawn_circuit.write_dot,
}


def export(
    store: Path, model: str, step: str, task: str, kind: str, file: Path, choices: dict[str, Any], size: int | None
) -> None:
    """Write the circuit that is shown, of those that the choices allow (which of several results), to a file.

    Raises:
        CircuitError, UnknownName: there is none, or it cannot be written.
    """
    db = open_to_read(store)
    at = addresses.resolve_step(db, model, step)
    found = queries.stored_circuit(db, model, at, task, choices)
    if found is None:
        of = task_names.spec(db, task)
        asked = ["--checkpoints", str(at), "--tasks", of.name, *(["--prepend-bos"] if of.prepend_bos else [])]
        compute = f"compute it with `circuit-tui run {shlex.join([model, *asked, '--analyses', 'circuit'])}`"
        others = f"`circuit-tui show circuits {model}` lists those that it holds"
        which = "".join(f", {choice} {value}" for choice, value in choices.items())
        raise CircuitError(
            f"The store holds no circuit {model}@{at}/{of.label}{which}: {others if which else compute}."
        )
    if found.scores is None and size is not None:
        raise CircuitError(
            f"The circuit {model}@{at}/{task} has no scores to choose {size} edges by: leave --size out."
        )
    try:
        whole = found.original if size is None else None
        circuit = eap_ig.parse(zlib.decompress(whole)) if whole else _file(found, size)
        FORMATS[kind](circuit, file, {"model": model, "step": at, "task": task, "method": found.method})
    except FormatError as error:
        raise CircuitError(f"The circuit {model}@{at}/{task} cannot be written as {kind}: {error}") from None
    except OSError as error:
        folder = tempfile.gettempdir()
        raise CircuitError(
            f"The circuit {model}@{at}/{task} passes through a file in {folder}, which cannot be written "
            f"({error.strerror}): make room there, or set TMPDIR to another folder."
        ) from None


def _file(found: queries.StoredCircuit, size: int | None) -> CircuitFile:
    graph = Graph(found.n_layers, found.n_heads, found.parallel)
    scores = None if found.scores is None else blobs.unpack(found.scores, found.shape)
    mask = np.zeros(graph.real.shape, bool)
    if size is None or scores is None:
        for source, port in found.edges:
            mask[source, port] = True
    else:
        mask = selection.circuit(selection.order(scores, graph, found.selector or "greedy"), size, graph)
    touched = mask.any(1) | np.isin(np.arange(graph.n_sources), graph.reader[mask.any(0)])  # an edge on either side
    return CircuitFile(graph, scores, mask, touched, found.d_model)


def import_file(store: Path, model: str, step: str, task: str, file: Path) -> dict[str, Any]:
    """Put a file's circuit into the store, or leave it as it was. Returns what to tell.

    Raises:
        CircuitError, UnknownName: nothing is written.
    """
    db = open_to_write(store)
    known, found = describe(db, model)
    if not (known.n_layers and known.n_heads):
        raise UnknownModel(f"The size of {known.name} is not known: none of its checkpoints can be read.")
    graph = Graph(known.n_layers, known.n_heads, bool(known.parallel))
    # What is known of the model's other sizes, by their names in a circuit's `cfg`.
    d_head = known.d_model // known.n_heads if known.d_model else None
    sizes: dict[str, Any] = {"d_model": known.d_model, "d_head": d_head}
    for at in found:
        with suppress(CheckpointError):
            config = checkpoints.config(folder_of(known, at))
            sizes |= {"d_head": config.get("head_dim") or d_head, "d_vocab": config.get("vocab_size")}
            sizes["d_mlp"] = config.get("intermediate_size") or config.get("n_inner")
            break
    circuit = eap_ig.read(file, graph, {name: size for name, size in sizes.items() if isinstance(size, int)})
    content, of = file.read_bytes(), task_names.find(db, task)
    with transaction(db):
        (label,) = task_names.keep(db, [of])
        of = task_names.spec(db, label)
        ids = models.add_model(db, known, noted(known, found))
        at = addresses.resolve_step(db, known.name, step)
        _write(db, circuit, file.name, content, f"{known.name}@{at}", ids[at], of)
    return {"circuit": f"{known.name}@{at}/{of.label}", "edges": int(circuit.mask.sum()), "file": file.name}


def _write(
    db: sqlite3.Connection, circuit: CircuitFile, name: str, content: bytes, address: str, checkpoint: int, of: TaskSpec
) -> None:
    n, edges, scores = int(circuit.mask.sum()), circuit.scores, circuit.node_scores
    members = [(s, p, None if edges is None else float(edges[s, p])) for s, p in np.argwhere(circuit.mask).tolist()]
    nodes = [] if scores is None else [(i, float(s)) for i, s in enumerate(scores) if np.isfinite(s)]
    whole = {
        **{"n_requested": n, "n_edges": n, "n_nodes": selection.n_nodes(circuit.mask, circuit.graph)},
        **{"n_edges_total": circuit.graph.n_edges, "areas_reason": NOT_EVALUATED},
        **{"imported_from": name, "original": zlib.compress(content)},
        **blobs.edge_scores(edges, circuit.mask.shape),
    }
    tables = (
        results.TableRows.of("circuit", whole),
        results.TableRows("circuit_edge", ("src", "port", "score"), members),
        results.TableRows("node_score", ("src", "score"), nodes),
    )
    digest = hashlib.sha256(content).hexdigest()
    run = requests.add_run(db, {"imported": name, "circuit": f"{address}/{of.label}"}, [])
    provenance = results.Provenance(
        key=hashlib.sha256(json.dumps([address, "imported", of.hash, digest]).encode()).hexdigest(),
        run=run,
        checkpoint=checkpoint,
        analysis="circuit",
        params={"method": "imported", "file": name, "digest": digest[:16]},
        identity=f"{name}|{digest}",
        fingerprint=None,
        dtype="float32",
        seconds=0.0,
        task=results.TaskRecord(of.label, of.hash, of.metric, of.prepend_bos),
    )
    results.write(db, provenance, results.Record(tables, NOT_EVALUATED))
    requests.close_runs(db, run)
