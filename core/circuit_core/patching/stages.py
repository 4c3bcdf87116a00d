"""How much of an effect a set of heads has: the percent of a stage of the IOI algorithm (METHODS f.6, l.6).

    percent = 100 * sum of |effect| over the set / sum of |effect| over all heads

Heads without a path have no effect. `effect` is the set's sum with its sign, `percent_random` the mean percent of
`RANDOM_SETS` sets drawn at random, each of as many heads of each layer. An empty set has percent 0, effect 0 and no
interval. Percent, effect and interval are None, with a reason, where the set or the whole is undefined: the model does
not do the task, corruption changes nothing or no more than noise, no head has an effect, there are no receivers, or
scores by which the set is chosen are not known.

The interval is BCa over prompts (`statistics`), within strata where the prompts have them. In each draw the set is
chosen anew, by effects and copy scores of the drawn prompts, and for S-inhibition by metric and attention. Heads that
are in the set in more than 2.5 and fewer than 97.5 % of the draws are uncertain: the low end is that of the percent
without them, the high end that with them. (BCa of a percent that jumps as heads come and go covers .70 where .95 is
meant: a jump is neither bias nor skewness, see docs/stage-coverage.md.) Held as they are on all prompts: the receivers
of the second and third stage (other receivers would be another path patching for every draw), and scores that are not
over these prompts, as induction, duplicate token and copy suppression are.
"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.circuits.faithfulness import NOT_FINITE, ONE_PROMPT
from circuit_core.patching.effects import Effects
from circuit_core.patching.path_patching import Head
from circuit_core.statistics import COVERED, RESAMPLED, RESAMPLES, Resampling

RANDOM_SETS = 100
UNIVERSE = "all heads with a path"
"""What a percent is of."""
NO_EFFECT = "no head has an effect"


@dataclass(frozen=True)
class Stage:
    """One stage; `reason` says why there is no percent."""

    name: str
    percent: float | None = None
    low: float | None = None
    high: float | None = None
    """Ends of the 95 % interval; None for an empty set and for a single prompt."""
    percent_random: float | None = None
    effect: float | None = None
    """Sum of the set's effects, signed; -1 is all of the corruption's damage."""
    heads: dict[str, list[Head]] = field(default_factory=dict)
    """By class; a class whose scores were not computed is absent."""
    reason: str | None = None
    note: str | None = None
    """What a percent was measured without."""


def percent(
    members: Bool[Tensor, "*#draw layer head"], effects: Float[Tensor, "*#draw layer head"]
) -> Float[Tensor, "..."]:
    """For each draw; NaN where no head has an effect."""
    size = effects.abs()
    return 100 * (size * members).sum((-2, -1)) / size.sum((-2, -1))


def stage(name: str, classes: dict[str, Bool[Tensor, "draw layer head"]], effects: Effects, draws: Resampling) -> Stage:
    """The stage whose set is the union of its classes, which were chosen in every draw."""
    found = effects.weighted(draws.weights)
    if not effects.patched.isfinite().all():
        return Stage(name, reason=NOT_FINITE)
    if not (found.helps | found.hurts)[0].any():
        return Stage(name, reason=NO_EFFECT)
    members = torch.stack(list(classes.values())).any(0)
    effect = found.effect[0]
    low, high = _interval(members, found.effect, draws)
    return Stage(
        name,
        percent(members[0], effect).item(),
        low,
        high,
        percent(random_sets(members[0]), effect).mean().item(),
        effect[members[0]].sum().item(),
        {label: as_heads(some[0]) for label, some in classes.items()},
        note=ONE_PROMPT if len(effects.metric_clean) == 1 else None,
    )


def _interval(
    members: Bool[Tensor, "draw layer head"], effects: Float[Tensor, "draw layer head"], draws: Resampling
) -> tuple[float | None, float | None]:
    times, few = members[RESAMPLED].sum(0), round(RESAMPLES * (1 - COVERED) / 2)
    uncertain = (times > few) & (times < RESAMPLES - few)
    least, most = (draws.interval(percent(of, effects)) for of in (members[0] & ~uncertain, members[0] | uncertain))
    return (least[0], most[1]) if least and most and members[0].any() else (None, None)


def random_sets(of: Bool[Tensor, "layer head"], seed: int = 0) -> Bool[Tensor, "set layer head"]:
    """Sets of as many heads of each layer, drawn evenly; the same for the same seed."""
    order = torch.rand(RANDOM_SETS, *of.shape, generator=torch.Generator().manual_seed(seed))
    return order.argsort(-1).argsort(-1).to(of.device) < of.sum(-1, keepdim=True)


def as_heads(found: Bool[Tensor, "layer head"]) -> list[Head]:
    return [(layer, head) for layer, head in found.nonzero().tolist()]
