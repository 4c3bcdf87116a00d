"""Score every edge by the loss that corrupting it alone would cost (METHODS b), by one of five methods.

    S(u->v) = mean over prompts of  sum over positions of  (z'_u - z_u) . g_v

z_u is what source u writes in the clean run, z'_u in the corrupted run, g_v the gradient of the loss (minus the metric)
at reader v's input, before its layer norm, averaged over runs whose token embeddings lie between the corrupted (0) and
the clean ones (1):

    eap                 the clean run alone
    clean-corrupted     both ends
    eap-ig              m points: k/m for k = 1..m (rule `paper`), k = 0..m-1 (`code`), or the midpoints (`midpoint`)
    eap-ig-activations  m points k/m between the writes of each group of sources instead (`eap_ig_activations`)
    exact               no estimate: each edge is corrupted in turn (`exact`)

S > 0 means that the edge helps the task. Scores sum over prompts and are divided once, so batches do not matter. By the
chain rule a source's edges add up to (z'_u - z_u) . dL/dz_u, the source's own score.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.attribution import eap_ig_activations, exact
from circuit_core.attribution.methods import METHODS
from circuit_core.attribution.passes import Passes
from circuit_core.attribution.score_sum import ScoreSum
from circuit_core.errors import CircuitError
from circuit_core.forward.batches import Footprint, fitting, in_batches
from circuit_core.graph import Graph
from circuit_core.loaded_model import LoadedModel
from circuit_core.tasks.prompts import PromptSet


@dataclass(frozen=True)
class EdgeScores:
    """Signed scores of all edges and of all sources."""

    scores: Float[np.ndarray, "src port"]
    """Rise of the loss if the edge is corrupted, in the metric's unit; zero where there is no edge."""
    nodes: Float[np.ndarray, " src"]
    """Rise of the loss if all edges out of the source are corrupted."""
    graph: Graph
    method: str
    ig_steps: int | None
    ig_rule: str | None
    """None where the method has none, as for the steps."""
    by_prompt: Float[np.ndarray, "batch edge"] | None = None
    """Scores of each prompt, of the edges for which they were asked, by source, then port; their mean is `scores`."""


def points(steps: int, rule: str) -> list[float]:
    """Where on the line from corrupted (0) to clean (1) gradients are taken; ascending."""
    shift = {"paper": 1.0, "code": 0.0, "midpoint": 0.5}[rule]
    return [(k + shift) / steps for k in range(steps)]


def attribute(
    model: LoadedModel,
    prompts: PromptSet,
    method: str = "eap-ig",
    *,
    ig_steps: int = 5,
    ig_rule: str = "paper",
    batch: int | None = None,
    kept: Bool[np.ndarray, "src port"] | None = None,
) -> EdgeScores:
    """Score all edges.

    Args:
        ig_steps: points of `eap-ig` and `eap-ig-activations`.
        ig_rule: where the points of `eap-ig` lie.
        batch: prompts at a time; None takes as many as are likely to fit. Fewer when memory runs out.
        kept: edges of which the scores of each prompt are kept, too: 4 bytes a prompt and edge of main memory.

    Raises:
        CircuitError: an unknown method, or not even one prompt fits in memory.
    """
    if method not in METHODS:
        raise CircuitError(f"There is no attribution method {method}: choose {', '.join(METHODS)}.")
    steps = ig_steps if method in ("eap-ig", "eap-ig-activations") else None
    rule = ig_rule if method == "eap-ig" else None
    kept_bytes = 4 * int(0 if kept is None else kept.sum())
    each = Footprint(model.bridge, prompts.clean.shape[1]).attribution(ig_steps) + kept_bytes
    size = batch or fitting(len(prompts), each, prompts.clean.device)

    def work(rows: slice) -> tuple[Float[Tensor, "src port_or_all"], Float[Tensor, "batch edge"]]:
        if method == "exact":
            total, by_prompt = exact.losses(model, prompts[rows], kept)
            return total, by_prompt.cpu()
        passes = Passes(model, prompts[rows], kept)
        if method == "eap-ig-activations":
            return _mean(eap_ig_activations.scores(passes, ig_steps), ig_steps)
        ends = {"eap": [1.0], "clean-corrupted": [0.0, 1.0]}
        alphas = ends.get(method) or points(ig_steps, ig_rule)
        return _mean(passes.between_embeddings(alphas), len(alphas))

    totals, parts = zip(*in_batches(len(prompts), size, work), strict=True)
    total = sum(totals, torch.zeros(())).cpu().numpy() / len(prompts)
    by_prompt = None if kept is None else torch.cat(parts).numpy()
    return EdgeScores(total[:, :-1].copy(), total[:, -1].copy(), model.graph, method, steps, rule, by_prompt)


def _mean(found: ScoreSum, over: int) -> tuple[Float[Tensor, "src port_or_all"], Float[Tensor, "batch edge"]]:
    """Over so many points: the scores of all edges, and last of each source; and those kept of each prompt."""
    scores = found.total / over
    return torch.cat([scores, scores.sum(1, keepdim=True)], 1), (found.by_prompt / over).cpu()
