"""S-inhibition heads: they turn the name movers away from the repeated name (METHODS e.6, after Wang et al.).

A candidate's z at END is taken from prompts in which the same name is repeated but the two first mentions are swapped,
and path-patched into the queries of all name movers. It inhibits S if, relative to the clean run, the logit difference
falls, the movers look less at IO and more at S1, each by more than rounding can (1e-4 in single precision: attention
weights are exponentials of sums). Its value is the share of the logit difference lost, 0 if the test fails. Candidates
are heads whose corruption, patched into the movers' queries, has an effect below -.001.

The changes under all five sets of counterfactual prompts are kept: they tell whether a head carries the token, the
position, or both. `token` says which name comes twice, `position` whether its first mention stands where S stood first.
Tokens are replaced at the positions IO, S1 and S2; x and y are two other names of the same set of prompts:

    set                                   IO  S1  S2
    token_same_position_opposite          s   io  s
    token_opposite_position_opposite      io  s   io     the corrupted prompts of the task
    token_opposite_position_same          s   io  io
    token_different_position_same         x   y   y
    token_different_position_opposite     x   y   x

For draws of the prompts both candidates and test are decided anew (`Tested.heads`): every head that is a candidate in
any draw is patched once, and its metric and attention are averaged over each draw. The movers stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from circuit_core.errors import TaskError
from circuit_core.patching.effects import Effects
from circuit_core.patching.path_patching import Head, PathPatching
from circuit_core.tasks.prompts import PromptSet
from circuit_core.tasks.specs import IOI_POSITIONS

SETS = {
    "token_same_position_opposite": ("s", "io", "s"),
    "token_opposite_position_opposite": ("io", "s", "io"),
    "token_opposite_position_same": ("s", "io", "io"),
    "token_different_position_same": ("x", "y", "y"),
    "token_different_position_opposite": ("x", "y", "x"),
}
"""Who stands at IO, S1 and S2."""
TESTED = "token_same_position_opposite"
EFFECT_BELOW = -0.001
"""Effect from which on a head is a candidate."""
FIGURES = ("logit_diff", "io", "s1", "s2")


def counterfactuals(prompts: PromptSet, seed: int = 0) -> dict[str, Int[Tensor, "batch pos"]]:
    """The five sets; those with other names only if the prompts hold four names in all.

    Raises:
        TaskError: the prompts do not say where IO, S1 and S2 stand.
    """
    if missing := [place for place in IOI_POSITIONS if place not in prompts.positions]:
        raise TaskError(
            f"{prompts.name} lacks the position of {missing[0]}: give {', '.join(IOI_POSITIONS)} for every prompt."
        )
    rows = torch.arange(len(prompts), device=prompts.clean.device)
    names = {who: prompts.clean[rows, prompts.positions[place]] for who, place in (("io", "IO"), ("s", "S1"))}
    known = torch.cat([*names.values()]).unique()
    if len(known) >= 4:
        draws = torch.rand(len(rows), len(known), generator=torch.Generator().manual_seed(seed)).to(rows.device)
        draws[(known == names["io"][:, None]) | (known == names["s"][:, None])] = -1
        names["x"], names["y"] = known[draws.topk(2).indices].T
    found = {}
    for name, people in SETS.items():
        if set(people) <= set(names):
            found[name] = prompts.clean.clone()
            for place, who in zip(IOI_POSITIONS, people, strict=True):
                found[name][rows, prompts.positions[place]] = names[who]
    return found


@dataclass(frozen=True)
class Change:
    """What one candidate under one counterfactual set does, relative to the clean run; NaN where that is zero."""

    layer: int
    head: int
    counterfactual: str
    logit_diff: float
    io: float
    """Of the movers' mean attention from END to IO; likewise below."""
    s1: float
    s2: float


@dataclass(frozen=True, eq=False)
class SInhibition:
    value: Float[Tensor, "layer head"]
    """Share of the logit difference lost; 0 for heads that fail the test or are not candidates."""
    changes: list[Change]
    """Of every candidate, under every set."""
    heads: Bool[Tensor, "draw layer head"]
    """Which heads inhibit S in each draw; the first are the prompts themselves."""


def s_inhibition(
    patching: PathPatching, movers: Sequence[Head], into_queries: Effects, weights: Float[Tensor, "draw batch"]
) -> SInhibition:
    """Test every candidate.

    Args:
        movers: the name movers, at least one after a candidate.
        into_queries: effects of every head on the movers' queries.
        weights: of the prompts, in draws; each once in the first.

    Raises:
        TaskError: the prompts do not say where IO, S1 and S2 stand.
    """
    sets, queries = counterfactuals(patching.prompts), [f"a{layer}.h{head}<q>" for layer, head in movers]
    effects = into_queries.weighted(weights)
    candidates = effects.helps & (effects.effect < EFFECT_BELOW)
    value = torch.zeros_like(into_queries.effect)
    if not candidates.any():
        return SInhibition(value, [], candidates)

    def changed(name: str, senders: Bool[Tensor, "layer head"]) -> Effects:
        return patching(queries, _listed(senders), positions="end", source=sets[name])

    tested = changed(TESTED, candidates.any(0))
    inhibits = candidates & inhibits_s(tested, weights)
    once, changes = weights[:1], []
    for name in sets if candidates[0].any() else ():
        relative = _relative(tested if name == TESTED else changed(name, candidates[0]), once)[:, 0]
        changes += [Change(*at, name, *relative[:, *at].tolist()) for at in _listed(candidates[0])]
    lost = -_relative(tested, once)[0, 0]
    return SInhibition(lost.where(inhibits[0], value), changes, inhibits)


def _relative(found: Effects, weights: Float[Tensor, "draw batch"]) -> Float[Tensor, "figure draw layer head"]:
    """The change of each figure's mean as a share of the clean run's."""
    before = torch.stack([found.metric_clean, *(found.attention_clean[place] for place in IOI_POSITIONS)])
    after = torch.stack([found.patched, *(found.attention[place] for place in IOI_POSITIONS)])
    mean = (before @ weights.T)[..., None, None]
    return (torch.einsum("flhb,rb->frlh", after, weights) / mean - 1).where(mean != 0, torch.nan)


def inhibits_s(found: Effects, weights: Float[Tensor, "draw batch"]) -> Bool[Tensor, "draw layer head"]:
    metric, io, s1, _ = _relative(found, weights)
    margin = 10 * found.rounding
    return (metric < -margin) & (io < -margin) & (s1 > margin)


def _listed(heads: Bool[Tensor, "layer head"]) -> list[Head]:
    return [(layer, head) for layer, head in heads.nonzero().tolist()]
