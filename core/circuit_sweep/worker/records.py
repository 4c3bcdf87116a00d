"""Results of the mathematics as records of the store."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from circuit_core.attribution.edge_scores import EdgeScores
from circuit_core.circuits.faithfulness import FaithfulnessPoint
from circuit_core.circuits.search import MinimalCircuit
from circuit_core.errors import TaskError
from circuit_core.graph import Graph
from circuit_core.heads.attention import RoleScores
from circuit_core.heads.successor_scores import SuccessorScores
from circuit_core.patching.effects import Effects
from circuit_core.patching.greater_than import GreaterThan
from circuit_core.patching.ioi_algorithm import IOIAlgorithm
from circuit_core.patching.path_patching import Head
from circuit_core.patching.stages import UNIVERSE
from circuit_core.tasks.preview import PromptPreview
from circuit_store import blobs, results

NOT_FINITE = "the model's activations are not finite"


def of_heads(
    scores: RoleScores, reason: str | None = None, reasons: dict[Head, str] | None = None
) -> results.HeadScores | results.Undefined:
    """NaN is None, for the head's reason or else the one given; without any value the role is undefined."""
    if bool(scores.value.isnan().all()):
        return results.Undefined(reason or NOT_FINITE)
    parts = [scores.value, scores.raw, scores.control]
    rows: list[Any] = [
        (layer, head, *(None if part is None else _number(part[layer, head]) for part in parts))
        for layer, head in np.ndindex(*scores.value.shape)
    ]
    reasons = reasons or {}
    rest = any(value is None and (layer, head) not in reasons for layer, head, value, *_ in rows)
    by_prompt = None if scores.by_prompt is None else blobs.pack(scores.by_prompt.flatten(0, 1).cpu().numpy())
    return results.HeadScores(rows, reasons=reasons, reason=reason or NOT_FINITE if rest else None, by_prompt=by_prompt)


def _number(value: Tensor) -> float | None:
    number = value.item()
    return number if math.isfinite(number) else None


def of_successor(scores: SuccessorScores) -> results.Record:
    """The score, and each list's as a detail."""
    found = of_heads(scores)
    if isinstance(found, results.Undefined):
        return found
    details = [
        (layer, head, name, _number(value[layer, head]))
        for name, value in scores.lists.items()
        for layer, head in np.ndindex(*value.shape)
    ]
    return replace(found, details=details)


def of_paths(role: str, found: IOIAlgorithm) -> results.Record:
    """A role that rests on path patching; undefined where its stage is."""
    stages = dict(zip(("effect_logits", "effect_movers_q", "effect_inhibition_v"), found.stages, strict=True))
    if role in stages:
        value, stage = getattr(found, role), stages[role]
    else:
        value, stage = found.inhibition and found.inhibition.value, found.s_inhibition
    if value is None:
        return results.Undefined(stage.reason or NOT_FINITE)
    scores = of_heads(RoleScores(role, value), stage.reason)
    if role != "s_inhibition" or isinstance(scores, results.Undefined) or found.inhibition is None:
        return scores
    details = [
        (c.layer, c.head, f"{c.counterfactual}.{name}", getattr(c, name) if math.isfinite(getattr(c, name)) else None)
        for c in found.inhibition.changes
        for name in ("logit_diff", "io", "s1", "s2")
    ]
    return replace(scores, details=details)


def of_attention(
    rows: Float[Tensor, "layer head prompt pos"], prompts: list[PromptPreview]
) -> results.AttentionRows | results.Undefined:
    """Up to each prompt's answer position."""
    if not bool(rows.isfinite().all()):
        return results.Undefined(NOT_FINITE)
    parts = (10_000 * rows).round().int().flatten(0, 1)
    weights = [parts[:, i, : p.end + 1].tolist() for i, p in enumerate(prompts)]
    return results.AttentionRows([list(p.clean) for p in prompts], weights)


def of_algorithm(found: IOIAlgorithm) -> results.Algorithm:
    return results.Algorithm(
        [
            results.StageRecord(
                stage=s.name,
                percent=s.percent,
                low=s.low,
                high=s.high,
                percent_random=s.percent_random,
                effect=s.effect,
                heads={kind: [f"a{layer}.h{head}" for layer, head in heads] for kind, heads in s.heads.items()},
                universe=UNIVERSE,
                post_emergence=found.complete,
                reason=s.reason,
                note=s.note,
            )
            for s in found.stages
        ]
    )


def of_years(found: GreaterThan, graph: Graph) -> results.Years | results.Undefined:
    heads = [(graph.head(h.layer, h.head), h.looks_at_year, h.raises_year, None) for h in found.heads]
    mlps = [(graph.mlp(m.layer), None, None, m.later_minus_others) for m in found.mlps]
    if not all(math.isfinite(number) for row in (*heads, *mlps) for number in row if number is not None):
        return results.Undefined(NOT_FINITE)
    return results.Years([*heads, *mlps], found.reason)


def of_patching(found: Effects) -> results.Record:
    """Heads that were no senders are left out; where the model does not do the task there are metrics alone."""
    if not bool(found.metric_clean.isfinite().all() and found.metric_corrupted.isfinite().all()):
        return results.Undefined(NOT_FINITE)
    metric, effect, reason = found.patched.mean(2), found.effect, found.reason
    senders = [at for at in np.ndindex(*metric.shape) if math.isfinite(metric[at].item())]
    rows: list[Any] = [(*at, metric[at].item(), None if reason else _number(effect[at])) for at in senders]
    return results.PatchEffects(rows, found.metric_clean.mean().item(), found.metric_corrupted.mean().item(), reason)


def mask_of(held: results.Held, graph: Graph) -> Bool[np.ndarray, "src port"]:
    """A circuit that the store holds. Raises: TaskError, if it is undefined."""
    if held.undefined is not None:
        raise TaskError(held.undefined)
    mask = np.zeros(graph.real.shape, bool)
    for source, port in held.edges:
        mask[source, port] = True
    return mask


def of_circuit(found: MinimalCircuit, edges: EdgeScores) -> results.Record:
    scores, (low, high) = edges.scores, found.interval or (None, None)
    if not (np.isfinite(scores).all() and np.isfinite(edges.nodes).all()):
        return results.Undefined(NOT_FINITE)
    return results.Circuit(
        chosen=found.chosen and _point(found.chosen),
        n_edges_total=edges.graph.n_edges,
        edges=[(int(s), int(p), float(scores[s, p])) for s, p in zip(*np.nonzero(found.mask), strict=True)],
        scores=blobs.pack(scores),
        scores_shape=scores.shape,
        curve=[_point(p) for p in found.curve],
        nodes=[(source, float(score)) for source, score in enumerate(edges.nodes)],
        metric_clean=found.metric_clean,
        metric_corrupted=found.metric_corrupted,
        threshold_reached=found.threshold_reached,
        faithfulness_low=low,
        faithfulness_high=high,
        interval_of=found.interval_of,
        cpr=found.areas.cpr,
        cmd=found.areas.cmd,
        areas_reason=found.areas.reason,
        reason=found.reason,
    )


def _point(point: FaithfulnessPoint) -> results.CurvePoint:
    return results.CurvePoint(**vars(point))
