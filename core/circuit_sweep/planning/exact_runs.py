"""How often exact patching will run a model for what its checkpoints lack: once an edge and source of each circuit."""

from collections.abc import Iterable
from dataclasses import dataclass

from circuit_core.attribution.methods import exact_cost
from circuit_core.graph import Graph
from circuit_sweep.planning.analyses import Job
from circuit_sweep.planning.missing import Survey


@dataclass(frozen=True)
class ExactRuns:
    """Forward runs over all prompts of a task."""

    model: str
    checkpoints: int
    """Those that lack a circuit by exact patching."""
    most: int
    """For the checkpoint that lacks most."""
    total: int


def exact_runs(asked: Iterable[Survey]) -> tuple[ExactRuns, ...]:
    """Of each model that lacks such a circuit, where its size is known."""
    return tuple(runs for survey in asked if (runs := _of(survey)))


def _of(asked: Survey) -> ExactRuns | None:
    model, computed = asked.model, ([*asked.missing[step], *asked.again[step]] for step in asked.missing)
    circuits = [n for some in computed if (n := _circuits(some))]
    if not (circuits and model.n_layers and model.n_heads):
        return None
    cost = exact_cost(Graph(model.n_layers, model.n_heads, bool(model.parallel)))
    return ExactRuns(model.name, len(circuits), cost * max(circuits), cost * sum(circuits))


def _circuits(computed: list[Job]) -> int:
    """Circuits that are searched, for themselves or for what rests on them."""
    return sum(job.analysis == "circuit" and job.params["method"] == "exact" for job in computed)
