"""How much of IOI is done by the algorithm of Wang et al.: three stages, each a share of an effect (METHODS f.3-f.7).

    stage                      heads that                            effect of patching them into
    movers_and_suppressors     copy names, or suppress copies        the logits
    s_inhibition               pass the test of S-inhibition         q of the name movers
    induction_and_duplicate    induce, or attend to duplicates       v of the S-inhibition heads

A name mover has a copy score above .10 and helps; a negative one copies negatively and has any effect. A
copy-suppression head has a CSPA above .10 and helps; a negative one hurts. An S-inhibition head that also suppresses
copies is not a receiver of the last stage, where a head counts if its effect is below -.001 and its score above the
mean of all heads. No limit is passed by rounding: an effect helps or hurts if it exceeds what rounding can do
(`effects`), a copy score of exactly .10 is not above it, and a score counts as above the mean by 1e-4 of attention or
more.
`PAPER_CODE` keeps the limits of the published code.

Each part is undefined only by what it needs itself (METHODS l.2):

    effects on the logits, stage 1    a model that does the task, and a corruption that tells (see `faithfulness`)
    effects on q, stage 2             also name movers that a head precedes
    effects on v                      also S-inhibition heads that a head precedes
    stage 3                           also the scores of induction and duplicate token

Without CSPA the first stage lacks two of its classes and the last excludes nobody: a note says so. A checkpoint is
post-emergence if every stage has heads and some of each are in the checkpoint's circuit: the first is known here
(`complete`), the second to those who have the circuit.
"""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.circuits.faithfulness import undefined
from circuit_core.loaded_model import LoadedModel
from circuit_core.margins import MARGIN
from circuit_core.patching.effects import Effects
from circuit_core.patching.path_patching import PathPatching
from circuit_core.patching.s_inhibition import EFFECT_BELOW, SInhibition, s_inhibition
from circuit_core.patching.stages import Stage, as_heads, stage
from circuit_core.statistics import Resampling
from circuit_core.tasks.prompts import PromptSet

THRESHOLD = 0.10
STAGES = ("movers_and_suppressors", "s_inhibition", "induction_and_duplicate")
NO_MOVER = "there is no name mover that a head precedes"
NO_INHIBITION = "there is no S-inhibition head that a head precedes"
_SHARE_ROUNDING = 1e-6
"""Of a share of hits: no other share of up to 300,000 names lies so near."""


@dataclass(frozen=True, eq=False)
class Roles:
    """Scores of all heads, as fractions."""

    name_mover: Float[Tensor, "layer head #batch"]
    """By prompt, or one score for all."""
    negative_name_mover: Float[Tensor, "layer head #batch"]
    induction: Float[Tensor, "layer head"] | None = None
    """None where it was not computed; likewise below."""
    duplicate_token: Float[Tensor, "layer head"] | None = None
    copy_suppression: Float[Tensor, "layer head"] | None = None
    """CSPA; NaN for heads without one."""
    missing: dict[str, str] = field(default_factory=dict)
    """Role -> why it was not computed."""


@dataclass(frozen=True)
class Options:
    suppression_from_layer: int = 0
    suppression_below: float = float("inf")
    """Effect on the logits below which a head may suppress copies."""


PAPER_CODE = Options(suppression_from_layer=2, suppression_below=-0.01)


@dataclass(frozen=True)
class IOIAlgorithm:
    """The stages, and the effects that they rest on (None where undefined)."""

    movers_and_suppressors: Stage
    s_inhibition: Stage
    induction_and_duplicate: Stage
    effect_logits: Float[Tensor, "layer head"] | None = None
    effect_movers_q: Float[Tensor, "layer head"] | None = None
    effect_inhibition_v: Float[Tensor, "layer head"] | None = None
    inhibition: SInhibition | None = None
    """The role `s_inhibition`."""

    @property
    def stages(self) -> tuple[Stage, Stage, Stage]:
        return self.movers_and_suppressors, self.s_inhibition, self.induction_and_duplicate

    @property
    def complete(self) -> bool | None:
        """Whether every stage has heads; None where a stage is undefined for another reason than want of heads."""
        empty = [
            s.reason in (NO_MOVER, NO_INHIBITION) if s.percent is None else not any(s.heads.values())
            for s in self.stages
        ]
        if any(empty):
            return False
        return True if all(s.percent is not None for s in self.stages) else None


def ioi_algorithm(
    model: LoadedModel,
    prompts: PromptSet,
    roles: Roles,
    options: Options | None = None,
) -> IOIAlgorithm:
    """Measure the three stages.

    Raises:
        TaskError: the prompts do not say where IO, S1 and S2 stand.
    """
    patching = PathPatching(model, prompts)
    if reason := undefined(patching.metric_clean):
        return _undefined(reason)
    return _Algorithm(patching, roles, options or Options()).measure()


def _undefined(reason: str) -> IOIAlgorithm:
    first, second, third = (Stage(name, reason=reason) for name in STAGES)
    return IOIAlgorithm(first, second, third)


class _Algorithm:
    """The stages, one resting on the other; sets of heads are chosen in every draw of the prompts."""

    def __init__(self, patching: PathPatching, roles: Roles, options: Options) -> None:
        self.patching, self.roles, self.options = patching, roles, options
        prompts = patching.prompts
        draws = Resampling.of(len(prompts), prompts.strata)
        self.draws = replace(draws, weights=draws.weights.to(patching.metric_clean))

    def measure(self) -> IOIAlgorithm:
        direct = self.patching("logits")
        if direct.reason:
            return _undefined(direct.reason)
        classes = movers_and_suppressors(direct, self.roles, self.options, self.draws.weights)
        first = self._noted(stage(STAGES[0], classes, direct, self.draws))
        second, third = (Stage(name, reason=first.reason or NO_MOVER) for name in STAGES[1:])
        found = IOIAlgorithm(first, second, third, direct.effect)
        movers = classes["name_mover"][0]
        queries = self._into(movers, "q")
        if queries is None:
            return found
        inhibition = s_inhibition(self.patching, as_heads(movers), queries, self.draws.weights)
        second = stage(STAGES[1], {"s_inhibition": inhibition.heads}, queries, self.draws)
        third = Stage(STAGES[2], reason=second.reason or NO_INHIBITION)
        found = replace(found, s_inhibition=second, induction_and_duplicate=third)
        found = replace(found, effect_movers_q=queries.effect, inhibition=inhibition)
        receivers = inhibition.heads & ~classes.get("copy_suppression", torch.zeros_like(inhibition.heads))
        values = self._into(receivers[0], "v")
        if values is None:
            return found
        return replace(found, induction_and_duplicate=self._third(values), effect_inhibition_v=values.effect)

    def _into(self, heads: Bool[Tensor, "layer head"], port: str) -> Effects | None:
        """Effects on a port of these heads; None if no head precedes one of them."""
        if not heads[1:].any():
            return None
        return self.patching([f"a{layer}.h{head}<{port}>" for layer, head in as_heads(heads)])

    def _noted(self, stage: Stage) -> Stage:
        """Says if copy suppression, which the stage asks for, is not known."""
        if self.roles.copy_suppression is not None or stage.percent is None:
            return stage
        why = self.roles.missing.get("copy_suppression")
        said = f"copy suppression is not counted{f': {why}' if why else ''}"
        return replace(stage, note="; ".join(filter(None, (said, stage.note))))

    def _third(self, values: Effects) -> Stage:
        for name in ("induction", "duplicate_token"):
            if getattr(self.roles, name) is None:
                return Stage(STAGES[2], reason=self.roles.missing.get(name) or f"{name} is not known")
        classes = induction_and_duplicate(values, self.roles, self.draws.weights)
        return self._noted(stage(STAGES[2], classes, values, self.draws))


def movers_and_suppressors(
    direct: Effects, roles: Roles, options: Options, weights: Float[Tensor, "draw batch"]
) -> dict[str, Bool[Tensor, "draw layer head"]]:
    """The classes of the first stage in each draw of the prompts."""
    found = direct.weighted(weights)
    classes = {
        "name_mover": copies(roles.name_mover, weights) & found.helps,
        "negative_name_mover": copies(roles.negative_name_mover, weights) & (found.helps | found.hurts),
    }
    if roles.copy_suppression is None:
        return classes
    layers = torch.arange(found.effect.shape[1], device=found.effect.device)[:, None]
    considered = (layers >= options.suppression_from_layer) & (found.effect < options.suppression_below)
    suppresses = (roles.copy_suppression > THRESHOLD) & considered
    signs = {"copy_suppression": found.helps, "negative_copy_suppression": found.hurts}
    return classes | {name: suppresses & sign for name, sign in signs.items()}


def copies(
    scores: Float[Tensor, "layer head #batch"], weights: Float[Tensor, "draw batch"]
) -> Bool[Tensor, "draw layer head"]:
    """Heads whose copy score is above the threshold."""
    n = weights.shape[1]
    return torch.einsum("lhb,rb->rlh", scores.expand(-1, -1, n), weights) / n > THRESHOLD + _SHARE_ROUNDING


def induction_and_duplicate(
    values: Effects, roles: Roles, weights: Float[Tensor, "draw batch"]
) -> dict[str, Bool[Tensor, "draw layer head"]]:
    """The classes of the last stage in each draw, from scores that are known."""
    found, scores = values.weighted(weights), {n: getattr(roles, n) for n in ("induction", "duplicate_token")}
    helps = found.helps & (found.effect < EFFECT_BELOW)
    return {name: helps & (of > of.nanmean() + MARGIN) for name, of in scores.items()}
