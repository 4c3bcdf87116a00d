"""A store with a small model in it, filled through the store's own interface."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuit_store import blobs, requests, results, store

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)


class Toy:
    """Model `toy` of 2 layers x 2 heads (parallel), checkpoints 0, 10 and 20, and one run."""

    def __init__(self, path: Path):
        self.path = path
        self.db = store.open_to_write(path)
        model = requests.Model("toy", "folder", "models/toy", None, 100, 1000, 2, 2, 8, True)
        steps = [requests.Checkpoint(s, s * 100, f"step{s}") for s in (0, 10, 20)]
        self.ids = requests.add_model(self.db, model, steps)
        self.run = requests.add_run(self.db, {"models": ["toy"]}, list(self.ids.values()))

    def of(self, step: int, analysis: str, key: str | None = None, **more) -> results.Provenance:
        fields = {"run": self.run, "params": {}, "fingerprint": f"f{step}", "seconds": 0.5} | more
        return results.Provenance(
            key=key or f"{step} {analysis} {more}",
            checkpoint=self.ids[step],
            analysis=analysis,
            identity="size, time",
            dtype="float32",
            **fields,
        )

    def behaviour(self, step: int, value: float | None, key: str | None = None, **more) -> int:
        found = results.Behaviour(value, 0.1, 0.0, 1.0, 70, 0.5)
        return results.write(self.db, self.of(step, "behaviour", key, task=IOI, **more), found)

    def heads(self, step: int, value: float, role: str = "induction") -> int:
        rows: list[Any] = [(layer, head, value, value, 0.0) for layer in range(2) for head in range(2)]
        return results.write(self.db, self.of(step, "heads", role=role), results.HeadScores(rows))

    def circuit(self, step: int, edges: list[tuple[int, int, float]], **params) -> int:
        """A circuit whose curve is one point."""
        params = {
            "method": "eap-ig",
            "ig_steps": 5,
            "ig_rule": "paper",
            "selector": "greedy",
            "search": "grid",
        } | params
        point = results.CurvePoint(len(edges), len(edges), 3, 1.0, 0.9, 0.95)
        found = results.Circuit(
            n_edges=len(edges),
            n_nodes=3,
            n_edges_total=50,
            metric_clean=1.1,
            metric_corrupted=-1.0,
            metric_circuit=1.0,
            faithfulness=0.9,
            faithfulness_normalised=0.95,
            threshold_reached=True,
            edges=edges,
            curve=[point],
            scores=blobs.pack(np.zeros((7, 15), "f4")),
            scores_shape=(7, 15),
        )
        return results.write(self.db, self.of(step, "circuit", task=IOI, params=params), found)

    def full(self) -> "Toy":
        """Something in every view."""
        self.behaviour(0, -0.5)
        self.behaviour(10, 1.5)
        self.heads(10, 0.25)
        self.circuit(10, [(0, 2, 0.5), (3, 14, -1.5)])
        results.write(self.db, self.of(20, "heads", role="name_mover"), results.Undefined("no names"))
        return self


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def toy(path: Path):
    made = Toy(path)
    yield made
    made.db.close()
