"""How well a model does a task: the metric on the clean prompts (METHODS d.6, l.5).

The interval is over other draws of the task: as many different prompts of each of its kinds, from the same words and
sentences. Whether the model does the task is told by the plain, wider error, which knows no kinds.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from circuit_core.circuits.faithfulness import NOT_FINITE, ONE_PROMPT, standard_error
from circuit_core.forward.batches import Footprint, fitting, in_batches
from circuit_core.forward.residual_stream import end_rows
from circuit_core.loaded_model import LoadedModel
from circuit_core.statistics import StandardError
from circuit_core.tasks.prompts import PromptSet


@dataclass(frozen=True)
class TaskBehaviour:
    """Mean metric with its standard error and 95 % interval; accuracy is the share of positive metrics.

    One prompt has neither error nor interval.
    """

    value: float | None
    stderr: float | None
    """By the strata of the prompts (see `statistics`)."""
    low: float | None
    high: float | None
    n_examples: int
    accuracy: float | None
    reason: str | None = None
    stderr_plain: float | None = None
    """As if the task balanced nothing."""
    n_distinct: int | None = None
    """How many different clean prompts there are among them."""
    pool: int | None = None
    """How many the task has for this tokenizer; None for a user's file."""


@torch.no_grad()
def behaviour(model: LoadedModel, prompts: PromptSet) -> TaskBehaviour:
    """Raises: CircuitError, if not even one prompt fits in memory."""
    values = metrics(model, prompts)
    n, counts = len(prompts), {"n_distinct": len(set(prompts.read)), "pool": prompts.pool}
    if not values.isfinite().all():
        return TaskBehaviour(None, None, None, None, n, None, NOT_FINITE, **counts)
    mean = values.mean().item()
    accuracy = (values > 0).float().mean().item()
    error, plain = StandardError.of(values, prompts.strata), standard_error(values)
    if error is None:
        return TaskBehaviour(mean, None, None, None, n, accuracy, ONE_PROMPT, **counts)
    low, high = mean - error.half_width, mean + error.half_width
    return TaskBehaviour(mean, error.value, low, high, n, accuracy, None, plain, **counts)


@torch.no_grad()
def metrics(model: LoadedModel, prompts: PromptSet) -> Float[Tensor, " batch"]:
    """The metric of each clean prompt, zero where rounding decides. Raises: CircuitError, as `behaviour`."""

    def work(rows: slice) -> Float[Tensor, " some"]:
        some = prompts[rows]
        with model.bridge.hooks(fwd_hooks=[end_rows(some.end)]):
            return some.metric.measured(model.bridge(some.clean)[:, 0])

    size = fitting(len(prompts), Footprint(model.bridge, prompts.clean.shape[1]).run, prompts.clean.device)
    return torch.cat(list(in_batches(len(prompts), size, work)))
