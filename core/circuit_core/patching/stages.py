"""How much of an effect a set of heads has: the percent of a stage of the IOI algorithm (METHODS f.6).

    percent = 100 * sum of |effect| over the set / sum of |effect| over all heads

Heads without a path have no effect. The interval is the middle 95 % over resamples of the prompts, the set held fixed.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.circuits.faithfulness import NOT_FINITE
from circuit_core.patching.effects import Effects
from circuit_core.patching.path_patching import Head

RESAMPLES = 1000
UNIVERSE = "all heads with a path"
"""What a percent is of."""


@dataclass(frozen=True)
class Stage:
    """One stage; `reason` says why there is no percent."""

    name: str
    percent: float | None = None
    low: float | None = None
    high: float | None = None
    effect: float | None = None
    """Sum of the set's effects, signed; -1 is all of the corruption's damage."""
    heads: dict[str, list[Head]] = field(default_factory=dict)
    """By class; a class whose scores were not computed is absent."""
    reason: str | None = None
    note: str | None = None
    """What a percent was measured without."""


def percent(
    members: Bool[Tensor, "layer head"], effects: Float[Tensor, "*resample layer head"]
) -> Float[Tensor, "*resample"]:
    """NaN where no head has an effect."""
    size = effects.abs()
    return 100 * (size * members).sum((-2, -1)) / size.sum((-2, -1))


def stage(name: str, classes: dict[str, Bool[Tensor, "layer head"]], effects: Effects) -> Stage:
    """The stage whose set is the union of its classes."""
    heads = {label: as_heads(found) for label, found in classes.items()}
    union = torch.stack(list(classes.values())).any(0)
    value = percent(union, effects.effect).item()
    if value != value:
        return Stage(name, reason=_undefined(effects))
    resampled = percent(union, effects.effects(_resamples(effects.metric_clean)))
    low, high = resampled.nanquantile(resampled.new_tensor([0.025, 0.975])).tolist()
    return Stage(name, value, low, high, effects.effect[union].sum().item(), heads)


def _undefined(effects: Effects) -> str:
    gap = (effects.metric_clean - effects.metric_corrupted).sum()
    if not (gap.isfinite() and effects.patched.isfinite().all()):
        return NOT_FINITE
    return "no head has an effect" if gap else "corruption changes nothing"


def _resamples(of: Float[Tensor, " batch"]) -> Float[Tensor, "resample batch"]:
    """How often each prompt is drawn; the same for the same number of prompts."""
    draws = torch.randint(len(of), (RESAMPLES, len(of)), generator=torch.Generator().manual_seed(0))
    return torch.zeros(draws.shape).scatter_add(1, draws, torch.ones(draws.shape)).to(of)


def as_heads(found: Bool[Tensor, "layer head"]) -> list[Head]:
    return [(layer, head) for layer, head in found.nonzero().tolist()]
