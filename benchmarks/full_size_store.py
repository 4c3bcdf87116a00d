"""Fill a store of full size, through the store's own interface, with results that nobody computed.

    python benchmarks/full_size_store.py STORE [--models 8] [--checkpoints 154]

Eight models of Pythia's shapes, 154 checkpoints each, four tasks: behaviour, eight head roles, circuits with members,
node scores and curve, and attention rows at every eighth checkpoint: 10 million edges and 5.6 million head scores. The
scores of all edges are kept of the last 40 checkpoints, of ioi. Results are keyed and written in the order of a sweep,
checkpoint by checkpoint. Numbers are random, of the kind that training gives: heads learn a role and lose it, the same
edges are large for long. `benchmarks/explorer.py --store STORE` measures the explorer on it.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from circuit_core.graph import Graph
from circuit_core.tasks.specs import TASKS
from circuit_store import blobs, models, results, store
from circuit_store.queue import requests, units
from circuit_store.results import Record, TableRows
from circuit_sweep.planning.analyses import Analysis, analyses
from circuit_sweep.planning.request import Request

SIZES = {
    "70m": (6, 8, 512, 200), "160m": (12, 12, 768, 500), "410m": (24, 16, 1024, 1500), "1b": (16, 8, 2048, 500),
    "1.4b": (24, 16, 2048, 1500), "2.8b": (32, 32, 2560, 3500), "6.9b": (32, 32, 4096, 3500),
    "12b": (36, 40, 5120, 5000),
}  # fmt: skip
"""Layers, heads, width, and edges of a circuit."""
STEPS = [0, *(2**i for i in range(10)), *range(1000, 144_000, 1000)]
TOKENS = 2_097_152
ROLES = (
    *("induction", "duplicate_token", "previous_token", "successor", "name_mover", "negative_name_mover"),
    *("attn_end_io", "copy_suppression"),
)
LISTS = ("days", "months", "numbers", "ordinals", "letters", "numerals")
CURVE = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
WORDS = "Then , Mary and John went to the store . Mary gave a drink to".split()
TEXT = "0123456789abcdef"
"""Hash of a text for copy suppression."""
WITH_ALL_SCORES = 40


class FullSizeModel:
    """What of a model stays over training, and its results at a step."""

    def __init__(self, size: str, seed: int) -> None:
        self.layers, self.heads, self.width, self.members = SIZES[size]
        self.name = f"pythia-{size}"
        self.graph, self.rng = Graph(self.layers, self.heads, True), np.random.default_rng(seed)
        self.real = np.flatnonzero(self.graph.real.ravel())
        n, draw = self.layers * self.heads, self.rng
        self.learnt = {
            role: (draw.uniform(500, 60_000, n), (draw.random(n) < 0.06) * draw.uniform(0.3, 1, n)) for role in ROLES
        }
        self.lost = np.where(draw.random(n) < 0.3, draw.uniform(70_000, 140_000, n), np.inf)
        self.base = draw.standard_normal(len(self.real)) * np.exp(2 * draw.standard_normal(len(self.real)))
        self.candidates = {
            task: np.argpartition(-abs(self.base * np.exp(draw.standard_normal(len(self.base)))), 2 * self.members)
            for task in TASKS
        }

    def record(self, analysis: Analysis, step: int, all_scores: bool) -> Record:
        if analysis.kind == "behaviour":
            value = 3 / (1 + (3000 / (step + 1)) ** 3) + self.rng.normal(0, 0.05)
            low, high = value - 0.2, value + 0.2
            numbers = {"value": value, "stderr": 0.1, "low": low, "high": high, "n_examples": 70, "accuracy": 0.9}
            return Record((TableRows.of("behaviour", numbers),))
        if analysis.kind == "attention":
            rows = (self.rng.dirichlet(np.ones(len(WORDS)), self.layers * self.heads) for _ in range(8))
            looks = [json.dumps((row * 10_000).round().astype(int).tolist(), separators=(",", ":")) for row in rows]
            tokens = json.dumps(WORDS)
            columns = ("prompt", "tokens", "weights")
            return Record((TableRows("attention_row", columns, [(i, tokens, row) for i, row in enumerate(looks)]),))
        return self._roles(analysis.role, step) if analysis.role else self._circuit(analysis, all_scores)

    def _roles(self, role: str, step: int) -> Record:
        at, size = self.learnt[role]
        value = size / (1 + (at / (step + 1)) ** 4) * (step < self.lost) + abs(self.rng.normal(0, 0.02, len(at)))
        places = [(layer, head) for layer in range(self.layers) for head in range(self.heads)]
        rows = [(*place, float(v)) for place, v in zip(places, value, strict=True)]
        parts = [(*place, name, float(self.rng.random())) for name in LISTS for place in places]
        scores = TableRows("head_score", ("layer", "head", "value"), rows)
        details = TableRows("head_detail", ("layer", "head", "name", "value"), parts if role == "successor" else [])
        return Record((scores, details))

    def _circuit(self, analysis: Analysis, all_scores: bool) -> Record:
        assert analysis.task is not None
        edges, total = self._edges(analysis.task.name), len(self.real)
        curve = [self._point(max(1, int(share * total)), total) for share in CURVE]
        at = self._point(len(edges), total)
        whole = {"metric_circuit" if name == "metric" else name: value for name, value in at.items()}
        whole |= {"n_edges_total": total, "metric_clean": 3.0, "metric_corrupted": -1.0, "threshold_reached": True}
        whole |= blobs.edge_scores(self._all_scores() if all_scores else None, self.graph.real.shape)
        nodes = list(enumerate(self.rng.standard_normal(self.graph.n_sources).tolist()))
        tables = (
            TableRows.of("circuit", {name: v for name, v in whole.items() if name != "random_baseline"}),
            TableRows("circuit_edge", ("src", "port", "score"), edges),
            TableRows("node_score", ("src", "score"), nodes),
            TableRows.of("faithfulness", *{p["n_requested"]: p for p in (*curve, at)}.values()),
        )
        return Record(tables)

    def _edges(self, task: str) -> list[tuple[int, int, float]]:
        """Members in the order of the index space."""
        n = max(5, int(self.members * self.rng.uniform(0.8, 1.2)))
        among = self.candidates[task][: 2 * self.members]
        chosen = np.sort(self.rng.choice(among, min(n, len(among)), replace=False))
        scores = self.base[chosen] * np.exp(0.3 * self.rng.standard_normal(len(chosen)))
        src, port = np.unravel_index(self.real[chosen], self.graph.real.shape)
        return list(zip(src.tolist(), port.tolist(), scores.tolist(), strict=True))

    def _all_scores(self) -> np.ndarray:
        scores = np.zeros(self.graph.real.size, np.float32)
        scores[self.real] = self.base * np.exp(0.3 * self.rng.standard_normal(len(self.base)))
        return scores.reshape(self.graph.real.shape)

    def _point(self, n: int, total: int) -> dict[str, Any]:
        faith = min(1.0, (n / total) ** 0.2)
        return {
            **{"n_requested": n, "n_edges": n, "n_nodes": min(self.graph.n_sources, n), "metric": 3 * faith},
            **{"faithfulness": faith, "faithfulness_normalised": faith, "random_baseline": faith / 10},
        }


def wanted() -> list[Analysis]:
    asked = analyses(Request(tasks=tuple(TASKS)), list(TASKS.values()), TEXT)
    of_ioi = [one for one in asked if one.kind == "attention" and one.task is TASKS["ioi"]]
    return [one for one in asked if one.kind in ("behaviour", "circuit") or one.role in ROLES] + of_ioi


def fill(db: Any, model: FullSizeModel, steps: list[int], number: int) -> None:
    """All checkpoints of a model, as a sweep would."""
    shape = (None, model.layers, model.heads, model.width)
    known = models.Model(model.name, "folder", f"/models/{model.name}", *shape, parallel=True, tokens_per_step=TOKENS)
    ids = models.add_model(db, known, [models.CheckpointRecord(s, s * TOKENS, f"step{s}") for s in steps])
    run = requests.add_run(db, {"models": [model.name], "checkpoints": "all"}, list(ids.values()))
    for index, step in enumerate(steps):
        unit = units.take_unit(db, "0:cpu")
        assert unit and unit.checkpoint == ids[step]
        mark = f"{number:04x}{step:012x}"
        models.checkpoint_loaded(db, unit.checkpoint, "ok", mark)
        models.holds(db, unit.checkpoint, mark)
        for analysis in wanted():
            if analysis.kind == "attention" and index % 8 and index + 1 < len(steps):
                continue
            all_scores = analysis.task is TASKS["ioi"] and index >= len(steps) - WITH_ALL_SCORES
            task, kind, params = analysis.task, analysis.kind, analysis.params
            record = task and results.TaskRecord(task.label, task.hash, task.metric, False)
            of = results.Provenance(
                analysis.key(f"{model.name}@{step}", mark), run, unit.checkpoint, kind, params, mark, mark,
                analysis.dtype, 1.5, analysis.role, record, version=".".join(map(str, analysis.version)),
            )  # fmt: skip
            results.write(db, of, model.record(analysis, step, all_scores))
        unit.finish("done", 30.0)
    requests.close_runs(db)


def chosen(n: int) -> Iterator[int]:
    return (STEPS[int(place)] for place in np.linspace(0, len(STEPS) - 1, n))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--models", type=int, default=len(SIZES))
    parser.add_argument("--checkpoints", type=int, default=len(STEPS))
    args = parser.parse_args()
    db = store.open_to_write(args.store)
    for number, size in enumerate(list(SIZES)[-args.models :]):
        fill(db, FullSizeModel(size, number), list(chosen(args.checkpoints)), number)
        print(f"pythia-{size}: {time.process_time():.0f} CPU s, {args.store.stat().st_size / 1e6:.0f} MB", flush=True)
    store.close_writer(db)


if __name__ == "__main__":
    main()
