"""A small store with everything the explorer must show, made through the store's own interface.

`toy-a` has 12 checkpoints of 4x3 heads: step 0 is a twin of step 1, the IOI circuit appears at step 16, one checkpoint
is unreadable, the last is still queued. `toy-b` is another shape. Nothing is random, nothing is computed.
"""

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recorded
from statements import Statements, heard
from waiting import drawing

from circuit_store import models, results, store
from circuit_store.queue import requests, units

STEPS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
LAYERS, HEADS = 4, 3
BROKEN, QUEUED = 512, 1024
IOI = results.TaskRecord("ioi", "hash of ioi", "logit_diff", False)
PRONOUN = results.TaskRecord("gendered_pronoun", "hash of pronouns", "prob_diff", False)


def source(node: str, heads: int = HEADS) -> int:
    """A node's place among the sources, METHODS a.3."""
    if node == "input":
        return 0
    layer = int(node[1:].split(".")[0])
    return 1 + layer * (heads + 1) + (heads if node[0] == "m" else int(node.split(".h")[1]))


def port(node: str, heads: int = HEADS, layers: int = LAYERS) -> int:
    """A reader's place among the ports: `a2.h1<q>`, `m3` or `logits`."""
    if node == "logits":
        return layers * (3 * heads + 1)
    layer = int(node[1:].split(".")[0])
    if node[0] == "m":
        return layer * (3 * heads + 1) + 3 * heads
    head, which = node.split(".h")[1].rstrip(">").split("<")
    return layer * (3 * heads + 1) + "qkv".index(which) * heads + int(head)


EDGES = {
    ("a3.h1", "logits"): 2.5, ("m3", "logits"): 0.9, ("a3.h0", "logits"): -1.25, ("a2.h1", "logits"): 0.4,
    ("m0", "logits"): 0.05, ("input", "logits"): -0.02,
    ("a2.h1", "a3.h1<q>"): 1.5, ("a2.h2", "a3.h1<q>"): 0.75, ("a1.h0", "a3.h1<k>"): 0.5, ("m0", "a3.h1<v>"): 0.6,
    ("a2.h1", "a3.h0<q>"): -0.7, ("input", "a3.h0<v>"): -0.3, ("m1", "a3.h0<k>"): -0.2,
    ("a2.h1", "m3"): 0.3, ("m2", "m3"): 0.2, ("m0", "m3"): 0.15, ("input", "m3"): 0.1,
    ("a1.h0", "a2.h1<k>"): 1.1, ("a0.h2", "a2.h1<k>"): 0.35, ("m0", "a2.h1<v>"): 0.45, ("input", "a2.h1<q>"): 0.12,
    ("a1.h0", "a2.h2<k>"): 0.55, ("input", "a2.h2<v>"): 0.22,
    ("m1", "m2"): 0.08, ("a0.h2", "m2"): -0.06,
    ("input", "a1.h0<q>"): 0.25, ("a0.h2", "a1.h0<k>"): 0.28, ("m0", "a1.h0<v>"): 0.33,
    ("input", "m1"): 0.07, ("input", "a0.h2<v>"): 0.18, ("input", "m0"): 0.4,
}  # fmt: skip
"""Edge -> score at the last computed checkpoint."""


def score(role: str, layer: int, head: int, place: int) -> float:
    """A head's score: noise of a fixed kind, and one head that learns the role half-way."""
    noise = hashlib.sha256(f"{role} {layer} {head}".encode()).digest()[0] / 2550
    learnt = {"induction": (2, 1, 6), "previous_token": (1, 0, 4), "successor": (0, 2, 1)}[role]
    grown = 0.85 * max(0, min(1, (place - learnt[2]) / 2)) if (layer, head) == learnt[:2] else 0
    return round(noise + grown, 4)


class Maker:
    """Writes the fixture store, whole or one checkpoint at a time."""

    def __init__(self, path: Path):
        self.db = store.open_to_write(path)
        self._model("toy-a", LAYERS, HEADS, STEPS, tokens=2048)
        self._model("toy-b", 2, 2, (0, 100), tokens=None)

    def _model(self, name: str, layers: int, heads: int, steps: tuple[int, ...], tokens: int | None) -> None:
        model = models.Model(
            name, "folder", f"models/{name}", layers * 50_000, layers, heads, 48, True, tokens_per_step=tokens
        )
        known = [models.CheckpointRecord(step, tokens and step * tokens, f"step{step}") for step in steps]
        ids = models.add_model(self.db, model, known)
        requests.add_run(self.db, {"models": [name]}, list(ids.values()))

    def unit(self) -> None:
        """Compute the next checkpoint."""
        unit = units.take_unit(self.db)
        assert unit
        if unit.model == "toy-a" and unit.step == BROKEN:
            reason = "model.safetensors: header too large"
            models.checkpoint_loaded(self.db, unit.checkpoint, "unreadable", None, reason)
            unit.finish("failed", 0.1, reason)
            return
        twin = "f1" if unit.step == 0 else f"f{unit.step}"
        models.checkpoint_loaded(self.db, unit.checkpoint, "ok", f"{unit.model} {twin}")
        unit.doing("circuit", 0.5)
        self._compute(unit)
        unit.finish("done", 2.0)

    def _compute(self, unit: units.Unit) -> None:
        place = STEPS.index(unit.step) if unit.step in STEPS else 5
        layers, heads = (LAYERS, HEADS) if unit.model == "toy-a" else (2, 2)
        for task, scale in ((IOI, 0.7), (PRONOUN, 0.4)):
            value = round(scale * max(0, place - 4) - 0.1, 3)
            found = recorded.behaviour(value, 0.05, value - 0.1, value + 0.1, 64, min(1.0, 0.5 + place / 20))
            results.write(self.db, self._of(unit, "behaviour", task=task), found)
        for role in ("induction", "previous_token", "successor"):
            rows: list[tuple[int, int, float | None, float | None, float | None]] = [
                (layer, head, score(role, layer, head, place), score(role, layer, head, place) + 0.02, 0.02)
                for layer in range(layers) for head in range(heads)
            ]  # fmt: skip
            results.write(self.db, self._of(unit, "heads", role=role), recorded.head_scores(rows))
        no_tokens = results.Undefined("the tokenizer has no ordinals as single tokens")
        results.write(self.db, self._of(unit, "heads", role="copy_suppression"), no_tokens)
        self._circuit(unit, place)

    def _circuit(self, unit: units.Unit, place: int) -> None:
        able = unit.model == "toy-a" and place >= 5
        share = (place - 3) / 6
        edges = [(source(a), port(b), round(s * share, 4)) for (a, b), s in list(EDGES.items())[: 5 + 4 * place]]
        point = recorded.point(len(edges), len(edges), 15, 1.7, 0.85, 0.9)
        found = recorded.circuit(
            point if able else {},
            250,
            edges if able else [],
            (17, 41),
            np.zeros((17, 41), "f4"),
            metric_clean=2.0,
            metric_corrupted=-1.0,
            threshold_reached=True if able else None,
            reason=None if able else "the model does not do the task: its metric is not above chance",
        )
        results.write(self.db, self._of(unit, "circuit", task=IOI), found)

    def add(
        self,
        step: int,
        analysis: str,
        found: results.Record,
        task: results.TaskRecord = IOI,
        model: str = "toy-a",
        **params: Any,
    ) -> None:
        """A result on IOI or another task besides, of a model at a step."""
        where = "model_id = (SELECT id FROM model WHERE name = ?) AND step = ?"
        (checkpoint,) = self.db.execute(f"SELECT id FROM checkpoint WHERE {where}", (model, step)).fetchone()
        key = f"{model} {step} {analysis} {task.name} {params}"
        of = results.Provenance(key, 1, checkpoint, analysis, params, "size, time", "f", "float32", 0.5, task=task)
        results.write(self.db, of, found)

    def _of(self, unit: units.Unit, analysis: str, **more) -> results.Provenance:
        params = {"method": "eap-ig", "ig_steps": 5, "ig_rule": "paper"} if analysis == "circuit" else {}
        key, identity = f"{unit.model} {unit.step} {analysis} {more}", "size, time"
        return results.Provenance(
            key, unit.run, unit.checkpoint, analysis, params, identity, "f", "float32", 0.5, **more
        )

    def close(self) -> None:
        store.close_writer(self.db)


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has its own state folder, working directory and usual store."""
    monkeypatch.setenv("CIRCUIT_TUI_STORE", str(tmp_path / "store.db"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path


@pytest.fixture(autouse=True)
def statements() -> Iterator[Statements]:
    """What is asked of stores: in no test on the thread of the event loop."""
    with heard() as found:
        yield found
    assert not found.on_loop, "the event loop waited for the store"


@pytest.fixture(autouse=True)
def attended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queued checkpoints of a fixture have no runner, which none but the tests on that shall notice."""
    monkeypatch.setattr("circuit_sweep.runner.launch.alive", lambda store: True)


@pytest.fixture
def maker(tmp_path: Path, empty_store: Path):
    """A store that is known but not computed yet."""
    made = Maker(Path(shutil.copy(empty_store, tmp_path)))
    yield made
    made.db.close()


@pytest.fixture
def fill() -> Callable[[Maker], None]:
    """Computes all but the last checkpoint of `toy-a`, and one of `toy-b`."""

    def whole(made: Maker) -> None:
        for _ in range(len(STEPS) - 1):
            made.unit()
        later = "UPDATE unit SET state = ? WHERE checkpoint_id = (SELECT id FROM checkpoint WHERE step = ?)"
        made.db.execute(later, ("interrupted", QUEUED))
        made.unit()
        made.db.execute(later, ("queued", QUEUED))

    return whole


@pytest.fixture
def db(maker: Maker, fill: Callable[[Maker], None]) -> sqlite3.Connection:
    """The whole store."""
    fill(maker)
    return maker.db


@pytest.fixture
def path(db: sqlite3.Connection, tmp_path: Path) -> Path:
    """The whole store's file."""
    return tmp_path / "store.db"


@pytest.fixture
def explore(tmp_path: Path):
    """Opens the explorer on a store, the fixture's unless another is named, and waits until it stands."""
    from circuit_tui.explorer.app import Explorer

    @asynccontextmanager
    async def opened(
        size: tuple[int, int] = (120, 40), store: Path | None = None, begin: Callable[[], str] | None = None
    ):
        app = Explorer(store or tmp_path / "store.db", begin)
        async with app.run_test(size=size) as pilot:
            drawing(pilot)
            await pilot.pause()
            bringing = [worker for worker in app.workers if worker.name == "_bring_plot"]
            if bringing:  # of an empty list Textual waits for all
                await app.workers.wait_for_complete(bringing)
            await pilot.pause()
            yield app, pilot
            await pilot.pause()

    return opened


@pytest.fixture
def screen_text():
    """What stands on the screen."""

    def text(app) -> str:
        return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

    return text


@pytest.fixture
def plotted():
    """What stands in the plot."""

    def text(app) -> str:
        region = app.main.of("history").plot.region
        strips = app.screen._compositor.render_strips()[region.y : region.bottom]
        return "\n".join(strip.text[region.x : region.right] for strip in strips)

    return text


@pytest.fixture
def said(monkeypatch) -> list[str]:
    """What the explorer has told by a toast, in order: toasts themselves go away with time."""
    from circuit_tui.explorer.app import Explorer

    told: list[str] = []
    notify = Explorer.notify

    def noted(app, message: str, **how: Any) -> None:
        told.append(message)
        notify(app, message, **how)

    monkeypatch.setattr(Explorer, "notify", noted)
    return told


@pytest.fixture
def started(monkeypatch) -> list:
    """Runners are noted instead of started."""
    calls = []
    monkeypatch.setattr("circuit_sweep.runner.launch.start", lambda *given: calls.append(given))
    return calls
