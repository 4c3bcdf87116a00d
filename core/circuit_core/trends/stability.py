"""Whether a stage of the IOI algorithm stays once it is there, while its heads change (METHODS h.12).

A stage emerges as a role does (METHODS g.6): at the first of two consecutive checkpoints at which its percent is at
least half of its highest. Over the checkpoints from there on:

    mean, sd, low, high  of its percent; sd is that of the sample
    head Jaccard         mean over neighbouring checkpoints of the Jaccard of its sets of heads

A stage that keeps its percent while its heads are exchanged has a small sd and a small head Jaccard. Checkpoints
without a percent (NaN) are passed over. The Jaccard of two checkpoints without heads is undefined and left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from jaxtyping import Float

from circuit_core.trends.emergence import EMERGED, lasting


@dataclass(frozen=True)
class StageStability:
    """Percents are of the stage's universe; `reason` says why there are none."""

    emerged_step: int | None = None
    checkpoints: int | None = None
    """From its emergence on."""
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    head_jaccard: float | None = None
    reason: str | None = None


def stage_stability(
    steps: Sequence[int], percents: Float[np.ndarray, " step"], heads: Sequence[frozenset[str]]
) -> StageStability:
    """Undefined for fewer than two checkpoints, and for a stage that never has half of its highest percent twice."""
    at = np.flatnonzero(~np.isnan(percents))
    if len(at) < 2:
        return StageStability(reason=f"needs two checkpoints: {len(at)} measured")
    x = percents[at]
    if not x.max() > 0:
        return StageStability(reason="no checkpoint has heads of this stage that account for anything")
    first = lasting(x >= EMERGED * x.max())
    if first is None:
        where = f"highest {x.max():.3g} at step {steps[at[x.argmax()]]}"
        return StageStability(reason=f"no two checkpoints in a row have half of its highest percent: {where}")
    kept = x[first:].tolist()
    sets = [heads[i] for i in at[first:]]
    turns = [len(a & b) / len(a | b) for a, b in zip(sets, sets[1:], strict=False) if a | b]
    return StageStability(
        *(steps[at[first]], len(kept), fmean(kept), stdev(kept), min(kept), max(kept)),
        head_jaccard=fmean(turns) if turns else None,
    )
