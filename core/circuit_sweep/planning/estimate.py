"""What a request would cost before it begins: units, bytes to read, time and memory. Light: no model is loaded.

Time is what the same analysis with the same parameters has taken on the same kind of device: of this model if the store
knows it, else of the model nearest in size, by the ratio of parameters. An analysis that was never computed so has no
time, and so the whole has none. What rests on another analysis takes that one's time too, where that is not computed
beside it. Work is shared evenly by the slots, after the start of their workers: by so much the first checkpoint of a
slot takes longer than others. Where it alone is known, all that a small model takes besides its analyses is the start,
since its weights are read in no time. Memory of a worker is its weights, and batches that are chosen to fit: 4 GB on a
CPU, half of what is free on a GPU (`forward.batches`). Exact patching runs a model once an edge and source of each
circuit.
"""

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from circuit_core.graph import Graph
from circuit_store.models import Model
from circuit_store.queries.costs import Costs
from circuit_sweep.planning import task_names
from circuit_sweep.planning.analyses import Analysis
from circuit_sweep.planning.missing import Survey, surveys
from circuit_sweep.planning.request import Request
from circuit_sweep.planning.slots import Slots

_BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
SMALL = 10_000_000
"""Parameters below which loading takes no time beside the start of a worker."""


@dataclass(frozen=True)
class ExactRuns:
    """Forward runs over all prompts of a task."""

    model: str
    checkpoints: int
    """Those that lack a circuit by exact patching."""
    most: int
    """For the checkpoint that lacks most."""
    total: int


@dataclass(frozen=True)
class Estimate:
    """The whole of a request."""

    units: int
    """Checkpoints that lack something."""
    already: int
    """Checkpoints that lack nothing."""
    results: int
    """Results to compute."""
    bytes: int
    """Of weights to read."""
    seconds: float | None
    """None while something that is asked for was never computed."""
    seconds_from: tuple[str, ...]
    """Models of another size from which the time was taken."""
    untimed: tuple[str, ...]
    """Analyses without a time."""
    slots: int
    """Units computed at once."""
    on_gpu: bool
    weights: int | None
    """Bytes of the largest model in memory; None if its size is unknown."""
    fetch: int = 0
    """Bytes that the hub is to send."""
    warnings: tuple[str, ...] = ()
    """Of what is left out, a sentence each."""
    exact: tuple[ExactRuns, ...] = ()
    """Of each model whose edges are to be scored by exact patching."""


def estimate(
    db: sqlite3.Connection | None, names: Iterable[str], schedule: str, request: Request, slots: Slots
) -> Estimate:
    """Look at what is there; nothing is written. Arguments and errors are those of `plan.survey`."""
    tasks = [task_names.find(db, name) for name in request.tasks]
    asked = surveys(db, names, schedule, request, tasks)
    places = slots.slots()
    known = Costs.of(db) if db else Costs()
    time = _Time(known, any(place.on_gpu for place in places))
    seconds = [time.of(s.model, s.missing[step], s.again[step]) for s in asked for step in s.missing]
    timed = [s for s in seconds if s is not None]
    units = sum(len(s.missing) for s in asked)
    sizes: list[int | None] = []
    for model in (s.model for s in asked if s.missing):
        again = 0  # parameters of keys and values that heads share: in memory they are repeated for each
        if model.params and model.n_layers and model.n_heads and model.d_model and model.kv_heads:
            d_head = model.d_model // model.n_heads
            again = 2 * model.n_layers * (model.n_heads - model.kv_heads) * d_head * model.d_model
        sizes.append(model.params and model.params + again)
    return Estimate(
        units=units,
        already=sum(len(s.steps) for s in asked) - units,
        results=sum(len(lacking) for s in asked for lacking in s.missing.values()),
        bytes=sum(s.on_disk(step) for s in asked for step in s.missing),
        fetch=sum(s.to_fetch(step) for s in asked for step in s.missing),
        seconds=time.shared(timed, min(len(places), units)) if len(timed) == len(seconds) else None,
        seconds_from=tuple(sorted(time.others)),
        untimed=tuple(sorted(time.untimed)),
        slots=len(places),
        on_gpu=time.gpu,
        weights=max((p * _BYTES[request.dtype] for p in sizes if p), default=None) if all(sizes) else None,
        warnings=tuple(said for s in asked for said in s.warnings),
        exact=exact_runs(asked),
    )


def exact_runs(asked: Iterable[Survey]) -> tuple[ExactRuns, ...]:
    """Of each model that lacks such a circuit, where its size is known."""
    return tuple(runs for survey in asked if (runs := _of(survey)))


def _of(asked: Survey) -> ExactRuns | None:
    model, computed = asked.model, ([*asked.missing[step], *asked.again[step]] for step in asked.missing)
    circuits = [n for some in computed if (n := _circuits(some))]
    if not (circuits and model.n_layers and model.n_heads):
        return None
    graph = Graph(model.n_layers, model.n_heads, bool(model.parallel))
    cost = graph.n_edges + graph.n_sources + 2  # forward passes over all prompts (`attribution.exact`)
    return ExactRuns(model.name, len(circuits), cost * max(circuits), cost * sum(circuits))


def _circuits(computed: list[Analysis]) -> int:
    """Circuits that are searched, for themselves or for what rests on them."""
    return sum(analysis.kind == "circuit" and analysis.params["method"] == "exact" for analysis in computed)


class _Time:
    """Seconds of units, and where they were taken from."""

    def __init__(self, known: Costs, gpu: bool) -> None:
        self.known, self.gpu = known, gpu
        self.others: set[str] = set()
        self.untimed: set[str] = set()
        first, later = known.first.get(gpu, {}), known.loading.get(gpu, {})
        small = {name: 0.0 for name in first if known.params.get(name, SMALL) < SMALL}
        self.loading = {**first, **small, **later}
        starts = [first[name] - self.loading[name] for name in first if name in small | later]
        self.start = max(0.0, sum(starts) / max(1, len(starts)))

    def shared(self, seconds: list[float], slots: int) -> float:
        """All units, by so many slots at once, whose workers start together; nothing if there are none."""
        return self.start + sum(seconds) / slots if slots else 0.0

    def of(self, of: Model, lacking: list[Analysis], again: list[Analysis]) -> float | None:
        model, params = of.name, of.params
        parts = [self._scaled(self.loading, model, params)]
        for analysis in lacking:
            parts.append(self._scaled(self.known.work.get(self._key(analysis), {}), model, params))
            if parts[-1] is None:
                self.untimed.add(analysis.kind)
        parts += [self._again(analysis, model, params) for analysis in again]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    def _again(self, analysis: Analysis, model: str, params: int | None) -> float:
        """Of what others rest on; 0 if it was never computed but within them, whose time holds it then."""
        return self._scaled(self.known.work.get(self._key(analysis), {}), model, params) or 0.0

    def _key(self, analysis: Analysis) -> tuple[str, str | None, str | None, str, str, bool]:
        task = analysis.task.hash if analysis.task else None
        return analysis.kind, analysis.role, task, json.dumps(analysis.params, sort_keys=True), analysis.dtype, self.gpu

    def _scaled(self, seconds: Mapping[str, float], model: str, params: int | None) -> float | None:
        """Of this model, or of the one nearest in size."""
        if model in seconds:
            return seconds[model]
        sizes = {name: self.known.params[name] for name in seconds if name in self.known.params}
        if not params or not sizes:
            return None
        nearest = min(sizes, key=lambda name: (abs(math.log(sizes[name] / params)), name))
        self.others.add(nearest)
        return seconds[nearest] * params / sizes[nearest]
