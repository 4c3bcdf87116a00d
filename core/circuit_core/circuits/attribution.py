"""EAP and EAP-IG: score every edge by the loss that corrupting it alone would cost, to first order (METHODS b).

    S(u->v) = mean over prompts of  sum over positions of  (z'_u - z_u) . g_v

z_u is what source u writes in the clean run, z'_u in the corrupted run, g_v the gradient of the loss (minus the metric)
at reader v's input, before its layer norm. EAP takes g_v at the clean run; EAP-IG averages it over m points on the line
from the corrupted to the clean token embeddings: k/m for k = 1..m (`paper`), k = 0..m-1 (`code`), or the midpoints.
S > 0 means that the edge helps the task. Scores sum over prompts and are divided once, so batches do not matter.

How it is computed (no per-head copies of the residual stream are hooked):
1. Per point one forward and backward pass; the point 1 is the clean run, the point 0 the corrupted one.
2. Gradients are taken at q, k and v, in head space, summed over points and projected once (`gradients`).
3. A layer's scores are one product of the differences with these gradients.
Before the first position at which the prompts differ all differences are zero, so those positions are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from circuit_core.circuits.gradients import GradientSum
from circuit_core.circuits.residual import Recorder, Weights, Writes, end_rows, stack
from circuit_core.graph import Graph
from circuit_core.tasks.prompts import PromptSet

RULES = ("paper", "code", "midpoint")


@dataclass(frozen=True)
class EdgeScores:
    """Signed scores of all edges."""

    scores: Float[np.ndarray, "src port"]
    """Estimated rise of the loss if the edge is corrupted, in the metric's unit; zero where there is no edge."""
    graph: Graph
    ig_steps: int
    ig_rule: str


def points(steps: int, rule: str) -> list[float]:
    """Where on the line from corrupted (0) to clean (1) gradients are taken; ascending."""
    shift = {"paper": 1.0, "code": 0.0, "midpoint": 0.5}[rule]
    return [(k + shift) / steps for k in range(steps)]


def attribute(
    bridge: TransformerBridge,
    graph: Graph,
    prompts: PromptSet,
    ig_steps: int = 5,
    ig_rule: str = "paper",
    batch: int | None = None,
) -> EdgeScores:
    """Score all edges by EAP-IG; one step of the rule `paper` is EAP, of `code` the gradient at the corrupted run.

    Args:
        batch: prompts at a time; None takes as many as fit about 1 GB of differences.
    """
    weights = [Weights(bridge, layer) for layer in range(graph.n_layers)]
    size = batch or _batch(graph, prompts, bridge.cfg.d_model)
    total = torch.zeros(graph.n_sources, graph.n_ports, device=prompts.clean.device)
    for first in range(0, len(prompts), size):
        total += _run_batch(bridge, graph, prompts[first : first + size], weights, points(ig_steps, ig_rule))
    return EdgeScores((total / len(prompts)).cpu().numpy(), graph, ig_steps, ig_rule)


def _batch(graph: Graph, prompts: PromptSet, d_model: int) -> int:
    width = prompts.clean.shape[1] - min(prompts.first_difference, prompts.clean.shape[1] - 1)
    return max(1, 2**28 // (graph.n_sources * width * d_model))


def _run_batch(
    bridge: TransformerBridge, graph: Graph, prompts: PromptSet, weights: list[Weights], alphas: Sequence[float]
) -> Float[Tensor, "src port"]:
    """Scores summed over the batch's prompts."""
    start = min(prompts.first_difference, prompts.clean.shape[1] - 1)
    gradients = GradientSum(graph, weights, start)
    clean, corrupted = (bridge.embed(tokens) for tokens in (prompts.clean, prompts.corrupted))
    written: dict[float, Writes] = {}
    for alpha in alphas:
        recorder = Recorder(graph.n_layers, start)
        _forward_backward(bridge, prompts, corrupted + alpha * (clean - corrupted), gradients, recorder)
        if alpha in (0.0, 1.0):
            written[alpha] = recorder.writes
    for alpha, tokens in {0.0: prompts.corrupted, 1.0: prompts.clean}.items():
        if alpha not in written:
            written[alpha] = _forward(bridge, prompts, tokens, start, graph)
    return _scores(stack(written[0.0], written[1.0], weights, graph), gradients, graph) / len(alphas)


@torch.no_grad()
def _forward(bridge: TransformerBridge, prompts: PromptSet, tokens: Tensor, start: int, graph: Graph) -> Writes:
    recorder = Recorder(graph.n_layers, start)
    with bridge.hooks(fwd_hooks=[*recorder.hooks, end_rows(prompts.end)]):
        bridge(tokens)
    return recorder.writes


def _forward_backward(
    bridge: TransformerBridge, prompts: PromptSet, embedded: Tensor, gradients: GradientSum, recorder: Recorder
) -> None:
    leaf = embedded.detach().requires_grad_(True)
    forward = [("hook_embed", lambda tensor, hook: leaf), *recorder.hooks, *gradients.forward, end_rows(prompts.end)]
    with bridge.hooks(fwd_hooks=forward, bwd_hooks=gradients.backward):
        loss = -prompts.metric(bridge(prompts.clean)[:, 0]).sum()
        torch.autograd.grad(loss, leaf)


def _scores(
    differences: Float[Tensor, "src batch pos d_model"], gradients: GradientSum, graph: Graph
) -> Float[Tensor, "src port"]:
    flat = differences.flatten(1)
    scores = flat.new_zeros(graph.n_sources, graph.n_ports)
    for layer in range(graph.n_layers):
        n, port = graph.before_layer(layer), graph.head_ports(layer, "q").start
        scores[:n, port : port + 3 * graph.n_heads] = flat[:n] @ gradients.heads(layer).flatten(1).T
        n = graph.before_mlp(layer)
        scores[:n, graph.mlp_port(layer)] = flat[:n] @ gradients.other[f"m{layer}"].flatten()
    scores[:, graph.logits] = flat @ gradients.other["logits"].flatten()
    return scores
