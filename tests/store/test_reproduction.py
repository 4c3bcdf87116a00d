"""The paper's findings: a store filled by hand with its numbers agrees, each doctored number flips its own row."""

import json
from collections import Counter
from typing import Any

import pytest

from circuit_core.graph import Graph
from circuit_core.models import suites
from circuit_sweep import reproduction
from circuit_sweep.reproduction import measures, verdicts
from circuit_sweep.reproduction.verdicts import AGREES, DIFFERS, NOT_COMPUTED, Range

ROWS = verdicts.expected()
GRAPH = Graph(12, 12, True)
BATCH = 2_097_152
"""Tokens a step, of Pythia."""
STEP_OF = {"pythia-160m": 8000, "pythia-6.9b": 8000, "pythia-12b": 8000}
"""When IOI is acquired; 5000 by others."""


class Filled:
    """A store with what findings need, number by number, and no computation."""

    def __init__(self, db):
        self.db, self.models, self.at, self.results = db, {}, {}, {}

    def insert(self, table: str, **columns: Any) -> int:
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
        return self.db.execute(statement, list(columns.values())).lastrowid

    def model(self, name: str, **more: Any) -> int:
        if name not in self.models:
            known = suites.find(name)
            about = {k: getattr(known, k, None) for k in ("family", "size", "variant", "seed")}
            shape = {"n_layers": 12, "n_heads": 12, "d_model": 8, "parallel": 1, "params": 1000}
            self.models[name] = self.insert(
                "model", **{"name": name, "suite": "pythia", "source": name, **about, **shape, **more}
            )
        return self.models[name]

    def checkpoint(self, model: str, step: int) -> int:
        if (model, step) not in self.at:
            about = {"step": step, "tokens": step * BATCH, "revision": f"step{step}"}
            self.at[model, step] = self.insert("checkpoint", model_id=self.model(model), **about)
        return self.at[model, step]

    def task(self, name: str) -> int:
        found = self.db.execute("SELECT id FROM task WHERE name = ?", (name,)).fetchone()
        return found[0] if found else self.insert("task", name=name, hash=name, metric="logit_diff", prepend_bos=0)

    def result(self, model: str, step: int, analysis: str, task: str | None = None, role: str | None = None) -> int:
        key = f"{model} {step} {analysis} {task} {role}"
        if key not in self.results:
            same = {"run_id": 1, "params": "{}", "identity": "i", "dtype": "float32", "version": "1", "device": "cpu"}
            of = {"checkpoint_id": self.checkpoint(model, step), "analysis": analysis, "role": role}
            of["task_id"] = self.task(task) if task else None
            asked = len(self.results) + 1
            self.results[key] = self.insert("result", key=key, threads=1, seconds=1, asked=asked, **same, **of)
        return self.results[key]

    def circuit(self, model: str, step: int, task: str, edges=(), **columns: Any) -> None:
        result = self.result(model, step, "circuit", task)
        self.db.execute(
            "INSERT OR IGNORE INTO circuit (result_id, n_edges, n_edges_total) VALUES (?, 9, 1000)", (result,)
        )
        for name, value in columns.items():
            self.db.execute(f"UPDATE circuit SET {name} = ? WHERE result_id = ?", (value, result))
        for name in edges:
            source, port = GRAPH.edge(name)
            self.insert("circuit_edge", result_id=result, src=source, port=port, score=1.0)

    def emergence(self, model: str, kind: str, name: str, step: int | None, **more: Any) -> None:
        for at in (step, more.get("lost_step")):
            if at is not None:
                self.checkpoint(model, at)
        self.insert("emergence", model_id=self.model(model), kind=kind, name=name, step=step, last_result=0, **more)


def write(store: Filled, row: dict[str, Any], value: float | int) -> None:
    """What makes the measure of a row this value."""
    said: list[Any] = [row.get(name) for name in ("measure", "model", "task", "step", "steps")]
    of, model, task, step, steps = said
    if of in ("behaviour", "accuracy"):
        column = "value" if of == "behaviour" else "accuracy"
        store.insert(
            "behaviour", result_id=store.result(model, step, "behaviour", task), **{column: value, "n_examples": 70}
        )
    elif of in ("metric_corrupted", "edges"):
        store.circuit(model, step, task, **{{"edges": "n_edges"}.get(of, of): value})
    elif of == "first_size":
        result = store.result(model, step, "circuit", task)
        for n, reached in ((value / 2, 0.5), (value, 0.9), (2 * value, 0.95)):
            sizes = {"n_requested": n, "n_edges": n, "n_nodes": 9, "faithfulness": reached}
            store.insert("faithfulness", result_id=result, **sizes)
    elif of == "median_share":
        for at, share in ((100, value / 2), (200, value), (300, value * 2)):
            store.circuit(model, at, task, n_edges=share * 1e6, n_edges_total=1e6, threshold_reached=1)
    elif of in ("edge_jaccard", "edge_ewma"):
        pair = {"step_a": steps[0], "step_b": steps[1], of: value, "against": "neighbour", "last_result": 0}
        store.insert("similarity", model_id=store.model(model), task=task, **pair)
    elif of == "does_task":
        store.emergence(model, "task", task, 5000 if value else None)
    elif of == "emergence_step":
        store.emergence(model, "role", row["role"], int(value))
    elif of == "emergence_tokens" and model != "pythia-1b":
        store.emergence(model, "role", row["role"], int(value / BATCH))
    elif of == "acquired_after_role":
        store.emergence(model, "task", task, 2500 + int(value))
    elif of == "acquired_before":
        store.emergence(model, "task", task, int(8000 * value))
    elif of in ("head_emerged", "head_lost"):
        head = {"layer": row["layer"], "head": row["head"]}
        held = store.db.execute("SELECT id FROM emergence WHERE kind = 'head'").fetchone()
        if held:
            store.checkpoint(model, int(value / BATCH))
            column = "step" if of == "head_emerged" else "lost_step"
            store.db.execute(f"UPDATE emergence SET {column} = ? WHERE id = ?", (int(value / BATCH), held[0]))
        else:
            store.emergence(model, "head", row["role"], int(value / BATCH), lost_step=14305, **head)
    elif of == "score_change":
        for at, score in zip(steps, (0.5, 0.5 + value), strict=True):
            result = store.result(model, at, "heads", role=row["role"])
            store.insert("head_score", result_id=result, layer=row["layer"], head=row["head"], value=score)
    elif of == "stage_mean":
        percents = {"stage": row["stage"], "mean": value, "last_result": 0}
        store.insert("stability", model_id=store.model(model), task="ioi", **percents)
    elif of == "stage_heads":
        heads = json.dumps({row["kind"]: [f"a1.h{n}" for n in range(int(value))], "induction": ["a2.h0"]})
        found = {"place": 2, "stage": row["stage"], "heads": heads, "universe": "all"}
        store.insert("stage", result_id=store.result(model, 900, "algorithm", "ioi"), **found)
    elif of == "size_correlation":
        store.insert("size_correlation", suite="pythia", task=task, models=5, r_published=value)
    elif of == "nodes_kept":
        kept = ["a0.h0->a1.h0<q>", "a1.h0->logits"]
        store.circuit("base", 10, task, kept)
        store.model("tuned", base="base@10")
        store.circuit("tuned", 20, task, ["a0.h0->a1.h0<k>" if value > 0 else kept[0], kept[1]])
    elif of == "middle_over_seeds":
        names = [f"pythia-{row['size']}-seed{n}" for n in (1, 2)]
        for name, head in zip(names, (0, 1), strict=True):
            middle, last = (head, 0) if value < 0 else (0, head)
            edges = ["a0.h0->a5.h0<q>", f"a5.h{middle}->a10.h0<q>", f"a10.h{last}->logits"]
            store.circuit(name, 143000, task, edges)
    else:
        assert model == "pythia-1b" and of == "emergence_tokens"  # its other row has written that


def agreeing(row: dict[str, Any]) -> float | int:
    """A number well inside what agrees."""
    if row["measure"] in ("emergence_step", "acquired_after_role"):
        return 2500 if row["measure"] == "emergence_step" else 1000
    if row["measure"] == "acquired_before":
        return 5 / 8 if "below" in row else 1
    of = Range.of(row)
    ends = {"above": of.low + max(1, abs(of.low) / 10), "below": of.high - max(abs(of.high) / 2, 0.5)}
    return next((ends[name] for name in ends if name in row), row.get("expected", 0))


def differing(row: dict[str, Any]) -> float | int:
    of, measure = Range.of(row), row["measure"]
    if measure == "emergence_step":
        return 4200 if row["role"] == "name_mover" or row["role"] == "copy_suppression" else 3100
    if measure == "acquired_after_role":
        return 4000
    if measure == "does_task":
        return 1
    if measure in ("stage_heads",):
        return 1 if "below" in row else 0
    return of.high + abs(of.high) * 0.2 + 0.2 if of.high < float("inf") else of.low - max(1, abs(of.low) / 2)


def filled(toy, doctored: int | None = None) -> list[dict[str, Any]]:
    store = Filled(toy.db)
    with toy.db:
        store.emergence("pythia-160m", "task", "ioi", 8000)
        for place, row in enumerate(ROWS):
            write(store, row, differing(row) if place == doctored else agreeing(row))
    return reproduction.reproduced(toy.db)


def test_a_store_with_the_papers_numbers_agrees_throughout(toy):
    found = filled(toy)
    assert [row for row in found if row["verdict"] != AGREES] == []
    assert Counter(row["measure"] for row in ROWS).keys() == measures.MEASURES.keys()


@pytest.mark.long
@pytest.mark.parametrize("place", range(len(ROWS)), ids=lambda place: f"{place}-{ROWS[place]['measure']}")
def test_a_doctored_number_flips_its_own_row(toy, place):
    found = filled(toy, place)
    flipped = [other for other, row in enumerate(found) if row["verdict"] == DIFFERS]
    if ROWS[place] == next((r for r in ROWS if (r["measure"], r.get("model")) == ("emergence_tokens", "pythia-1b")), 0):
        assert flipped == []  # it is the number of another row, too
    else:
        assert flipped == [place]


def test_of_an_empty_store_nothing_is_computed(toy):
    """Each row names a command that `run` understands."""
    from circuit_tui.runs.flags import words

    for row in reproduction.reproduced(toy.db):
        assert (row["verdict"], row["found"]) == (NOT_COMPUTED, None)
        program, command, *rest = row["command"].split()
        assert (program, command) == ("circuit-tui", "run")
        words.make_context("run", [word for word in rest if not word.startswith("MODEL@")])
