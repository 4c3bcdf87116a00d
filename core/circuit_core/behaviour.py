"""How well a model does a task: the metric on the clean prompts (METHODS d.6)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.circuits.batches import fitting, in_batches
from circuit_core.circuits.faithfulness import NOT_FINITE, ONE_PROMPT, standard_error
from circuit_core.circuits.footprint import Footprint
from circuit_core.circuits.residual import end_rows
from circuit_core.margins import ROUNDING
from circuit_core.tasks.prompts import PromptSet


@dataclass(frozen=True)
class TaskBehaviour:
    """Mean metric with its standard error and normal 95 % interval; accuracy is the share of positive metrics,
    above zero by more than 1e-5 of the largest: less may be rounding (METHODS l.1).

    One prompt has neither error nor interval.
    """

    value: float | None
    stderr: float | None
    low: float | None
    high: float | None
    n_examples: int
    accuracy: float | None
    reason: str | None = None


@torch.no_grad()
def behaviour(bridge: TransformerBridge, prompts: PromptSet) -> TaskBehaviour:
    """Raises: CircuitError, if not even one prompt fits in memory."""
    values = _metric(bridge, prompts)
    if not values.isfinite().all():
        return TaskBehaviour(None, None, None, None, len(prompts), None, NOT_FINITE)
    mean, error = values.mean().item(), standard_error(values)
    accuracy = (values > ROUNDING * values.abs().max()).float().mean().item()
    if error is None:
        return TaskBehaviour(mean, None, None, None, len(prompts), accuracy, ONE_PROMPT)
    return TaskBehaviour(mean, error, mean - 1.96 * error, mean + 1.96 * error, len(prompts), accuracy)


def _metric(bridge: TransformerBridge, prompts: PromptSet) -> Float[Tensor, " batch"]:
    def work(rows: slice) -> Float[Tensor, " some"]:
        some = prompts[rows]
        with bridge.hooks(fwd_hooks=[end_rows(some.end)]):
            return some.metric(bridge(some.clean)[:, 0])

    size = fitting(len(prompts), Footprint(bridge, prompts.clean.shape[1]).run, prompts.clean.device)
    return torch.cat(list(in_batches(len(prompts), size, work)))
