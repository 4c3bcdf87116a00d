"""CPR and CMD, two areas that sum up how good a ranking of edges is, as the MIB benchmark has them (METHODS l.7).

With f(k) the normalised faithfulness of the circuit of int(k E) edges, k the ten shares below, by trapezoids over k:

    CPR   area under f, edges by signed score, those that help first:  higher is better
    CMD   area under |1 - f|, edges by |score|:                        lower is better, 0 ideal

Circuits are plain: the first edges of the ranking, unpruned. A score above zero helps, since corrupting the edge raises
the loss. The areas start at k = .001, so circuits that are perfect at every size have CPR .999 and CMD 0; a share of
less than one edge is the empty circuit, with f = 0.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from circuit_core.circuits.faithfulness import NOT_FINITE, Faithfulness
from circuit_core.circuits.selection import largest_first

SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
NOT_ASKED = "not asked for: `run --areas mib` computes CPR and CMD"


@dataclass(frozen=True)
class Areas:
    """Both areas, or why there are none."""

    cpr: float | None = None
    cmd: float | None = None
    reason: str | None = None


def areas(on: Faithfulness, scores: Float[np.ndarray, "src port"]) -> Areas:
    """CPR and CMD of a ranking by these scores, at most 18 circuits evaluated on the prompts of `on`."""
    if on.reason_normalised:
        return Areas(reason=on.reason_normalised)
    signed, absolute = (faithfulness(on, by) for by in (scores, np.abs(scores)))
    if not np.isfinite([signed, absolute]).all():
        return Areas(reason=NOT_FINITE)
    return Areas(under(signed), under(abs(1 - absolute)))


def faithfulness(on: Faithfulness, by: Float[np.ndarray, "src port"]) -> Float[np.ndarray, " share"]:
    """Normalised faithfulness at the ten shares, edges in the falling order of `by`."""
    ordered = largest_first(by, on.run.graph)
    masks = np.zeros((len(SHARES), *by.shape), bool)
    for mask, share in zip(masks, SHARES, strict=True):
        chosen = ordered[: int(share * len(ordered))]
        mask[chosen[:, 0], chosen[:, 1]] = True
    return np.array([on.normalised(metric) for metric in on.metrics(masks)], float)


def under(values: Float[np.ndarray, " share"]) -> float:
    """The area under values at the ten shares, by trapezoids."""
    return float(np.trapezoid(values, SHARES))
