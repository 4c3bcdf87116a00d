"""How often the interval of a stage's percent holds the percent of all prompts, where the interval is of 70 of them.

    python benchmarks/stage_coverage.py [--prompts 3000] [--redraws 2000] [--n 70] [MODEL@STEP ...]

All prompts are a large draw of IOI without repetition: effects and copy scores are computed once, by prompt. Each
redraw takes 70 of them without repetition, as many of each stratum as the task's first 70 have, and computes the
interval as `--analyses algorithm` does: heads chosen anew in every resample, receivers of later stages those of all
prompts. Pool correction: as 70 of 3,000 are not drawn from an endless supply, both ends are moved towards the percent
by the factor sqrt(1 - 70 / 3000); it is .988, so that the rows hardly depend on it.

Aim: .90 to .98. With `--movers all` every head that helps is a name mover, whether it copies or not, so that later
stages have heads on models whose few movers nobody inhibits; it says nothing about these models.
"""

import argparse
import math
from dataclasses import dataclass, replace

import torch

from circuit_core import TASKS, draw, load, suites
from circuit_core.patching.counterfactuals import counterfactuals
from circuit_core.patching.effects import Effects
from circuit_core.patching.ioi_algorithm import (
    STAGES,
    Options,
    Roles,
    induction_and_duplicate,
    movers_and_suppressors,
)
from circuit_core.patching.path_patching import PathPatching
from circuit_core.patching.s_inhibition import BELOW, TESTED, inhibits_s
from circuit_core.patching.stages import Stage, as_heads, stage
from circuit_core.statistics import Resampling
from circuit_core.sweep import texts
from circuit_core.sweep.head_roles import HeadRoles

DEFAULT = ("sample-0.1m@7000", "sample-0.2m@3250", "sample-0.2m@7000", "sample-0.4m@3500", "sample-0.4m@7000")


@dataclass(frozen=True)
class Found:
    """What the stages are computed from, of some prompts."""

    roles: Roles
    direct: Effects
    queries: Effects | None
    tested: Effects | None
    values: Effects | None

    def of(self, rows: torch.Tensor) -> "Found":
        names, negative = self.roles.name_mover[..., rows], self.roles.negative_name_mover[..., rows]
        roles = replace(self.roles, name_mover=names, negative_name_mover=negative)
        effects = (self.direct, self.queries, self.tested, self.values)
        return Found(roles, *(some and _of(some, rows) for some in effects))

    def stages(self, draws: Resampling) -> list[Stage | None]:
        """As far as they have receivers."""
        found: list[Stage | None] = [
            stage(STAGES[0], movers_and_suppressors(self.direct, self.roles, Options(), draws.weights), self.direct, draws)
        ]
        if self.queries and self.tested:
            candidates = self.queries.weighted(draws.weights).effect < BELOW
            classes = {"s_inhibition": candidates & inhibits_s(self.tested, draws.weights)}
            found.append(stage(STAGES[1], classes, self.queries, draws))
        if self.values:
            classes = induction_and_duplicate(self.values, self.roles, draws.weights)
            found.append(stage(STAGES[2], classes, self.values, draws))
        return found


def _of(found: Effects, rows: torch.Tensor) -> Effects:
    looks = {name: value[..., rows] for name, value in found.attention.items()}
    before = {name: value[rows] for name, value in found.attention_clean.items()}
    clean, corrupted = found.metric_clean[rows], found.metric_corrupted[rows]
    return Effects(found.patched[..., rows], clean, corrupted, looks, before, found.rounding)
