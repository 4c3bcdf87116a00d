"""How much of IOI is done by the algorithm of Wang et al.: three stages, each a share of an effect (METHODS f.3-f.7).

    stage                      heads that                            effect of patching them into
    movers_and_suppressors     copy names, or suppress copies        the logits
    s_inhibition               pass the test of S-inhibition         q of the name movers
    induction_and_duplicate    induce, or attend to duplicates       v of the S-inhibition heads

A name mover has a copy score above .10 and helps; a negative one copies negatively and has any effect. A
copy-suppression head has a CSPA above .10 and helps; a negative one hurts. An S-inhibition head that also suppresses
copies is no receiver of the last stage, where a head counts if its effect is below -.001 and its score above the mean
of all heads. Effects (shares of the corruption's damage) and distances from a mean that are below 1e-4 are none: they
may be rounding (METHODS l.1). Without CSPA the first stage lacks two of its classes and the last excludes nobody: a
note says so. `PAPER_CODE` keeps the limits of the published code.

Without name movers the later stages are undefined, without S-inhibition heads the last; all are if the model does not
do the task. A checkpoint is post-emergence if every stage has heads and some of each are in the checkpoint's circuit:
the first is known here (`complete`), the second to those who have the circuit.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.circuits.faithfulness import undefined
from circuit_core.graph import Graph
from circuit_core.margins import MARGIN
from circuit_core.patching.effects import Effects
from circuit_core.patching.path_patching import PathPatching
from circuit_core.patching.s_inhibition import BELOW, SInhibition, s_inhibition
from circuit_core.patching.stages import Stage, as_heads, stage
from circuit_core.tasks.prompts import PromptSet

THRESHOLD = 0.10
STAGES = ("movers_and_suppressors", "s_inhibition", "induction_and_duplicate")


@dataclass(frozen=True)
class Roles:
    """Scores of all heads, as fractions."""

    name_mover: Float[Tensor, "layer head"]
    negative_name_mover: Float[Tensor, "layer head"]
    induction: Float[Tensor, "layer head"]
    duplicate_token: Float[Tensor, "layer head"]
    copy_suppression: Float[Tensor, "layer head"] | None = None
    """CSPA; NaN where not computed, None if it was not computed at all."""
    without: str | None = None
    """Why it was not."""


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
    def complete(self) -> bool:
        """Whether every stage is defined and has heads."""
        return all(s.percent is not None and any(s.heads.values()) for s in self.stages)


def ioi_algorithm(
    bridge: TransformerBridge,
    graph: Graph,
    prompts: PromptSet,
    roles: Roles,
    options: Options | None = None,
) -> IOIAlgorithm:
    """Measure the three stages.

    Raises:
        TaskError: the prompts do not say where IO, S1 and S2 stand.
    """
    patching = PathPatching(bridge, graph, prompts)
    if reason := undefined(patching.metric_clean):
        first, second, third = (Stage(name, reason=reason) for name in STAGES)
        return IOIAlgorithm(first, second, third)
    return _Algorithm(patching, roles, options or Options()).measure()


class _Algorithm:
    """The stages, one resting on the other."""

    def __init__(self, patching: PathPatching, roles: Roles, options: Options) -> None:
        self.patching, self.roles, self.options = patching, roles, options

    def measure(self) -> IOIAlgorithm:
        direct = self.patching("logits")
        classes = self._movers_and_suppressors(direct.effect)
        first = self._noted(stage(STAGES[0], classes, direct))
        reason = first.reason or "there is no name mover that a head precedes"
        second, third = (Stage(name, reason=reason) for name in STAGES[1:])
        found = IOIAlgorithm(first, second, third, direct.effect)
        queries = self._into(classes["name_mover"], "q")
        if queries is None:
            return found
        inhibition = s_inhibition(self.patching, as_heads(classes["name_mover"]), queries.effect)
        second = stage(STAGES[1], {"s_inhibition": inhibition.heads}, queries)
        third = Stage(STAGES[2], reason="there is no S-inhibition head that a head precedes")
        found = replace(found, s_inhibition=second, induction_and_duplicate=third)
        found = replace(found, effect_movers_q=queries.effect, inhibition=inhibition)
        suppresses = classes.get("copy_suppression", torch.zeros_like(inhibition.heads))
        values = self._into(inhibition.heads & ~suppresses, "v")
        if values is None:
            return found
        third = self._noted(stage(STAGES[2], self._induction_and_duplicate(values.effect), values))
        return replace(found, induction_and_duplicate=third, effect_inhibition_v=values.effect)

    def _into(self, heads: Bool[Tensor, "layer head"], port: str) -> Effects | None:
        """Effects on a port of these heads; None if no head precedes one of them."""
        if not heads[1:].any():
            return None
        return self.patching([f"a{layer}.h{head}<{port}>" for layer, head in as_heads(heads)])

    def _noted(self, stage: Stage) -> Stage:
        """Says if copy suppression, which the stage asks for, is not known."""
        if self.roles.copy_suppression is not None or stage.percent is None:
            return stage
        why = f": {self.roles.without}" if self.roles.without else ""
        return replace(stage, note=f"copy suppression is not counted{why}")

    def _movers_and_suppressors(self, effect: Float[Tensor, "layer head"]) -> dict[str, Bool[Tensor, "layer head"]]:
        roles, options = self.roles, self.options
        found = {
            "name_mover": (roles.name_mover > THRESHOLD) & (effect < -MARGIN),
            "negative_name_mover": (roles.negative_name_mover > THRESHOLD) & (effect.abs() > MARGIN),
        }
        if roles.copy_suppression is None:
            return found
        layers = torch.arange(len(effect), device=effect.device)[:, None]
        considered = (layers >= options.suppression_from_layer) & (effect < options.suppression_below)
        suppresses = (roles.copy_suppression > THRESHOLD) & considered
        signs = {"copy_suppression": effect < -MARGIN, "negative_copy_suppression": effect > MARGIN}
        return found | {name: suppresses & sign for name, sign in signs.items()}

    def _induction_and_duplicate(self, effect: Float[Tensor, "layer head"]) -> dict[str, Bool[Tensor, "layer head"]]:
        scores = {"induction": self.roles.induction, "duplicate_token": self.roles.duplicate_token}
        return {name: (effect < BELOW) & (score > score.nanmean() + MARGIN) for name, score in scores.items()}
