"""A store with a small model in it, filled through the store's own interface."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recorded

from circuit_core.graph import Graph
from circuit_store import models, queries, results, store, trend_circuits, trend_series, trends
from circuit_store.queue import requests
from circuit_store.trend_circuits import CircuitReader
from circuit_store.views import VIEWS

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)
DEFAULT, PAPER = {"preset": "default"}, {"preset": "paper-code"}


class Toy:
    """Model `toy` of 2 layers x 2 heads (parallel), checkpoints 0, 10 and 20, and one run."""

    YEARS = results.TaskRecord("greater_than", "hash of years", "prob_diff", False)

    def __init__(self, path: Path):
        self.path = path
        self.db = store.open_to_write(path)
        told = {"family": "toys", "size": "small", "seed": 1}
        model = models.Model("toy", "folder", "models/toy", 1000, 2, 2, 8, True, tokens_per_step=100, **told)
        steps = [models.CheckpointRecord(s, s * 100, f"step{s}") for s in (0, 10, 20)]
        self.ids = models.add_model(self.db, model, steps)
        self.run = requests.add_run(self.db, {"models": ["toy"]}, list(self.ids.values()))

    def of(self, step: int, analysis: str, key: str | None = None, **more) -> results.Provenance:
        fields = {"run": self.run, "params": {}, "fingerprint": f"f{step}", "seconds": 0.5} | more
        return results.Provenance(
            key=key or f"{step} {analysis} {more}",
            checkpoint=self.ids[step],
            analysis=analysis,
            identity=f"f{step} and config",
            dtype="float32",
            **fields,
        )

    def behaviour(self, step: int, value: float | None, key: str | None = None, **more) -> int:
        found = recorded.behaviour(value, 0.1, 0.0, 1.0, 70, 0.5)
        return results.write(self.db, self.of(step, "behaviour", key, task=IOI, **more), found)

    def heads(self, step: int, value: float, role: str = "induction") -> int:
        rows: list[Any] = [(layer, head, value, value, 0.0) for layer in range(2) for head in range(2)]
        return results.write(self.db, self.of(step, "heads", role=role), recorded.head_scores(rows))

    def score(
        self, step: int, value: float, params: dict[str, Any], role="induction", task=None, dtype="float32", **more
    ) -> str:
        """Write a role's scores, the same for every head; returns their key."""
        rows: list[Any] = [(layer, head, value, value, 0.0) for layer in range(2) for head in range(2)]
        key = more.pop("key", f"{step} {role} {params} {task} {dtype} {more}")
        at = self.run, self.ids[step], "heads", params, f"f{step} and config", f"f{step}", dtype, 0.5, role, task
        results.write(self.db, results.Provenance(key, *at, **more), recorded.head_scores(rows))
        return key

    def shown(self, choices: dict[str, Any] | None = None, **filters) -> dict[int, float]:
        """Step -> the score that answers, of the first head."""
        found = queries.rows(self.db, VIEWS["history"], {"layer": 0, "head": 0, **filters}, choices)
        assert len({row["step"] for row in found}) == len(found)
        return {row["step"]: row["value"] for row in found}

    def circuit(
        self,
        step: int,
        edges: list[tuple[int, int, float]],
        version: str = "0",
        reached: bool | None = True,
        reason: str | None = None,
        **params,
    ) -> int:
        """A circuit whose curve is one point."""
        params = {
            "method": "eap-ig",
            "ig_steps": 5,
            "ig_rule": "paper",
            "selector": "greedy",
            "search": "grid",
        } | params
        point = recorded.point(len(edges), len(edges), 3, 1.0, 0.9, 0.95)
        sources, ports = (max([least, *(1 + int(edge[place]) for edge in edges)]) for place, least in ((0, 7), (1, 15)))
        scores = np.zeros((sources, ports), "f4")
        for source, port, score in edges:
            scores[source, port] = score
        found = recorded.circuit(
            point,
            50,
            edges,
            scores.shape,
            scores,
            metric_clean=1.1,
            metric_corrupted=-1.0,
            threshold_reached=reached,
            reason=reason,
            nodes=[(s, sum(score for source, _, score in edges if source == s)) for s in range(7)],
            curve=[point],
        )
        return results.write(self.db, self.of(step, "circuit", task=IOI, params=params, version=version), found)

    def in_circuits(self) -> dict[int, set[str]]:
        """Step -> the edges of the circuit for ioi that is shown and counts."""
        shown = trend_series.shown(self.db, "toy").get(("circuit", None, "ioi"), [])
        graph = Graph(*trend_circuits.shape(self.db, "toy"))
        read = CircuitReader(self.db, graph.n_sources, graph.n_ports)
        edges = {of.step: read.members(of).edges for of in shown if of.why_not is None}
        pairs = {step: [divmod(edge, graph.n_sources) for edge in of.tolist()] for step, of in edges.items()}
        return {step: {graph.edge_name(source, port) for port, source in of} for step, of in pairs.items()}

    def trained(self) -> "Toy":
        """Something in every view, and a role, copying and a circuit at every checkpoint."""
        self.full()
        for step in (0, 10, 20):
            self.score(step, step / 100, DEFAULT)
            self.score(step, 0.5, DEFAULT, role="name_mover", task=IOI)
            self.circuit(step, [(0, 2, 0.5), (3, 14, -1.5), (4, 14, 0.1)])
        return self

    def full(self) -> "Toy":
        """Something in every view."""
        self.behaviour(0, -0.5)
        self.behaviour(10, 1.5)
        self.heads(10, 0.25)
        self.circuit(10, [(0, 2, 0.5), (3, 14, -1.5)])
        results.write(self.db, self.of(20, "heads", role="name_mover"), results.Undefined("no names"))
        found = recorded.head_scores([(0, 1, 0.5, None, None), (1, 1, 0.25, None, None)], [(0, 1, "days", 0.75)])
        results.write(self.db, self.of(20, "heads", role="successor"), found)
        stage = recorded.stage("s_inhibition", 80.0, 70.0, 90.0, {"s_inhibition": ["a1.h0"]}, "all", True, None)
        results.write(self.db, self.of(20, "algorithm", task=IOI), recorded.algorithm([stage]))
        looks = recorded.attention([["He", " says"]], [[[10_000, 0], [2500, 7500], [1, 9999], [0, 10_000]]])
        results.write(self.db, self.of(20, "attention", task=IOI), looks)
        params = {"method": "eap-ig"}
        years = recorded.years([(2, 0.75, 0.5, None), (3, None, None, 1.5)])
        results.write(self.db, self.of(20, "greater_than", task=self.YEARS, params=params), years)
        effects = recorded.effects([(0, 1, 1.5, -0.5)])
        to = {"to": "logits", "senders": "all", "freeze_mlps": False}
        results.write(self.db, self.of(20, "patch", task=IOI, params=to), effects)
        came = trends.EmergenceRecord("role", "induction", 1, 0, 10, 20, 0.9, 0.45, dtype="float32")
        passed = recorded.handoff("induction", 1, 0, 20, 1, 1, 20, 2)
        last, further = trends.last_result(self.db, "toy"), recorded.further_trends()
        trends.replace(self.db, "toy", [came], [passed], last, further)
        trends.put(self.db, "size_correlation", {"suite": "folder"}, [{"task": "ioi", "models": 3, "r": 0.5}])
        return self


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def toy(path: Path, empty_store: Path):
    made = Toy(Path(shutil.copy(empty_store, path)))
    yield made
    made.db.close()


@pytest.fixture
def mixed(toy):
    """A whole sweep with the default parameters, then one checkpoint with other ones; returns the keys of the first."""
    toy.keys = [toy.score(step, 0.1, DEFAULT) for step in (0, 10, 20)]
    toy.score(10, 0.9, PAPER)
    return toy
