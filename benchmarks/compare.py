"""CPU seconds of comparing two circuits of a model of Pythia-2.8b's shape, 1.6 M edges, on random scores.

Prints JSON lines: {"name", "value", "unit", "goal"}. The circuits hold a twentieth of all edges, as most circuits hold
at most (the paper, section on circuits), or all. The rows that `--csv` prints are counted apart.
"""

import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from circuit_core.graph import Graph
from circuit_store import blobs, models, results, store
from circuit_store.queue import requests
from circuit_store.results import Record, TableRows
from circuit_sweep.comparison import edges
from circuit_sweep.comparison.sides import side

GRAPH = Graph(32, 32, True)
PARTS = {"a twentieth of all edges": 0.05, "all edges": 1.0}
IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)
PARAMS = {"method": "eap-ig", "ig_steps": 5, "ig_rule": "paper", "selector": "greedy", "search": "grid"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        db = store.open_to_write(Path(folder) / "store.db")
        shape = models.Model("big", "folder", "big", 2_097_152, 32, 32, 2560, True, tokens_per_step=2_775_208_960)
        steps = [models.CheckpointRecord(step, step, f"step{step}") for step in range(2 * len(PARTS))]
        ids = models.add_model(db, shape, steps)
        run = requests.add_run(db, {"models": ["big"]}, list(ids.values()))
        for step, part in enumerate(part for part in PARTS.values() for _ in range(2)):
            at = results.Provenance(
                str(step), run, ids[step], "circuit", PARAMS, "i", str(step), "float32", 1.0, None, IOI
            )
            results.write(db, at, circuit(step, part))
        for place, name in enumerate(PARTS):
            compared(db, 2 * place, name)


def circuit(seed: int, part: float) -> Record:
    """The largest random scores, a part of all edges."""
    scores = np.where(GRAPH.real, np.random.default_rng(seed).standard_normal(GRAPH.real.shape), 0).astype("f4")
    least = np.quantile(abs(scores[GRAPH.real]), 1 - part)
    members = np.argwhere(GRAPH.real & (abs(scores) >= least))
    held = [(int(s), int(p), float(scores[s, p])) for s, p in members]
    about = {"n_edges": len(held), "n_edges_total": GRAPH.n_edges, **blobs.edge_scores(scores, scores.shape)}
    return Record((TableRows.of("circuit", about), TableRows("circuit_edge", ("src", "port", "score"), held)))


def compared(db: sqlite3.Connection, first: int, name: str) -> None:
    with told(f"compare, circuits of {name}", 1.0):
        a, b = (side(db, f"big@{step}/ioi", {}) for step in (first, first + 1))
        edges.figures(a, b)
    if name != "all edges":
        with told(f"its rows, circuits of {name}"):
            sum(1 for _ in edges.edges(a, b))


@contextmanager
def told(name: str, goal: float | None = None) -> Iterator[None]:
    start = time.process_time()
    yield
    spent = round(time.process_time() - start, 3)
    print(json.dumps({"name": name, "value": spent, "unit": "CPU s", "goal": goal}), flush=True)


if __name__ == "__main__":
    main()
