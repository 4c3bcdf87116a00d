"""Results of the mathematics as records of the store: a number's column is named like the field that holds it.

So a new number needs a field where it is computed, a column in `circuit_store.schema` and its line in a view.
"""

import json
import math
from itertools import repeat
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from circuit_core.attribution.edge_scores import EdgeScores
from circuit_core.circuits.error_bars import ErrorBars
from circuit_core.circuits.search import MinimalCircuit
from circuit_core.graph import Graph
from circuit_core.heads.attention import RoleScores
from circuit_core.heads.successor_scores import SuccessorScores
from circuit_core.patching.effects import Effects
from circuit_core.patching.greater_than import GreaterThan
from circuit_core.patching.ioi_algorithm import IOIAlgorithm
from circuit_core.patching.path_patching import Head
from circuit_core.patching.stages import UNIVERSE
from circuit_core.tasks.preview import PromptPreview
from circuit_store import blobs
from circuit_store.results import Record, TableRows, Undefined

NOT_FINITE = "the model's activations are not finite"
_OF_CHOSEN = ("n_requested", "n_edges", "n_nodes", "faithfulness", "faithfulness_normalised", "held_out_faithfulness")
"""What a circuit has of its point of the curve, under the same name."""

_OF_HEAD = ("value", "raw", "control", "low", "high")


def columns(found: Any, *but: str) -> dict[str, Any]:
    """Field -> value; the reason is the whole result's."""
    return {name: value for name, value in vars(found).items() if name not in ("reason", *but)}


def of_circuit(found: MinimalCircuit, edges: EdgeScores, bars: ErrorBars) -> Record:
    scores, (low, high) = edges.scores, found.interval or (None, None)
    if not (np.isfinite(scores).all() and np.isfinite(edges.nodes).all()):
        return Undefined(NOT_FINITE)
    chosen = vars(found.chosen) if found.chosen else {}
    circuit = {
        **columns(found, "mask", "chosen", "curve", "interval", "areas"),
        **{name: chosen.get(name) for name in _OF_CHOSEN},
        **{"metric_circuit": chosen.get("metric"), "faithfulness_low": low, "faithfulness_high": high},
        **columns(found.areas),
        **{f"{kind}_floor": floor.mean for kind, floor in bars.floors.items()},
        **{f"{kind}_floor_low": floor.low for kind, floor in bars.floors.items()},
        **{"areas_reason": found.areas.reason, "n_edges_total": edges.graph.n_edges},
        **blobs.edge_scores(scores, scores.shape),
    }
    members = zip(*np.nonzero(found.mask), scores[found.mask], strict=True)
    of_members = [part.tolist() if part is not None else repeat(None) for part in (bars.se, bars.share)]
    rows = [(int(s), int(p), float(score), *of) for (s, p, score), *of in zip(members, *of_members, strict=False)]
    tables = (
        TableRows.of("circuit", circuit),
        TableRows("circuit_edge", ("src", "port", "score", "se", "share"), rows),
        TableRows("node_score", ("src", "score"), [(src, float(score)) for src, score in enumerate(edges.nodes)]),
        TableRows.of("faithfulness", *map(columns, found.curve)),
    )
    return Record(tables, found.reason)


def of_heads(
    scores: RoleScores,
    reason: str | None = None,
    reasons: dict[Head, str] | None = None,
    details: list[tuple[int, int, str, float | None]] | None = None,
) -> Record:
    """NaN is None, for the head's reason or else the one given; without any value the role is undefined.

    Args:
        details: layer, head, name and value of what the scores are made of, if that is kept; of successor heads they
            are each list's.
    """
    if bool(scores.value.isnan().all()):
        return Undefined(reason or NOT_FINITE)
    parts, reasons = [scores.value, scores.raw, scores.control, scores.low, scores.high], reasons or {}
    rows = [
        (*head, *(None if part is None else _number(part[head]) for part in parts), reasons.get(head))
        for head in np.ndindex(*scores.value.shape)
    ]
    tables = [TableRows("head_score", ("layer", "head", *_OF_HEAD, "reason"), rows)]
    if scores.by_prompt is not None:
        blob = blobs.pack(scores.by_prompt.flatten(0, 1).cpu().numpy())
        tables.append(TableRows.of("head_by_prompt", {"scores": blob}))
    if isinstance(scores, SuccessorScores):
        lists = ((head, name, value) for name, value in scores.lists.items() for head in np.ndindex(*value.shape))
        details = [(*head, name, _number(value[head])) for head, name, value in lists]
    if details is not None:
        tables.append(TableRows("head_detail", ("layer", "head", "name", "value"), details))
    unsaid = any(value is None and why is None for _, _, value, *_, why in rows)
    return Record(tuple(tables), reason or NOT_FINITE if unsaid else None)


def _number(value: Tensor | float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def of_paths(role: str, found: IOIAlgorithm) -> Record:
    """A role that rests on path patching; undefined where its stage is."""
    stages = dict(zip(("effect_logits", "effect_movers_q", "effect_inhibition_v"), found.stages, strict=True))
    if role in stages:
        value, stage = getattr(found, role), stages[role]
    else:
        value, stage = found.inhibition and found.inhibition.value, found.s_inhibition
    if value is None:
        return Undefined(stage.reason or NOT_FINITE)
    details = None
    if role == "s_inhibition" and found.inhibition is not None:
        changes = ((c, name) for c in found.inhibition.changes for name in ("logit_diff", "io", "s1", "s2"))
        details = [(c.layer, c.head, f"{c.counterfactual}.{name}", _number(getattr(c, name))) for c, name in changes]
    return of_heads(RoleScores(role, value), stage.reason, details=details)


def of_attention(rows: Float[Tensor, "layer head prompt pos"], prompts: list[PromptPreview]) -> Record:
    """Up to each prompt's answer position, in ten-thousandths: short as text, and text is what SQL can read."""
    if not bool(rows.isfinite().all()):
        return Undefined(NOT_FINITE)
    parts = (10_000 * rows).round().int().flatten(0, 1)
    texts = [
        (i, json.dumps(p.clean), json.dumps(parts[:, i, : p.end + 1].tolist(), separators=(",", ":")))
        for i, p in enumerate(prompts)
    ]
    return Record((TableRows("attention_row", ("prompt", "tokens", "weights"), texts),))


def of_algorithm(found: IOIAlgorithm) -> Record:
    whole, rows = {"universe": UNIVERSE, "post_emergence": found.complete}, []
    for place, stage in enumerate(found.stages):
        heads = {kind: [f"a{layer}.h{head}" for layer, head in heads] for kind, heads in stage.heads.items()}
        about = {"place": place, "stage": stage.name, "heads": json.dumps(heads), "reason": stage.reason}
        rows.append({**columns(stage, "name", "heads"), **about, **whole})
    return Record((TableRows.of("stage", *rows),))


def of_years(found: GreaterThan, graph: Graph) -> Record:
    heads = [(graph.head(h.layer, h.head), h.looks_at_year, h.raises_year, None) for h in found.heads]
    mlps = [(graph.mlp(m.layer), None, None, m.later_minus_others) for m in found.mlps]
    if not all(math.isfinite(number) for row in (*heads, *mlps) for number in row if number is not None):
        return Undefined(NOT_FINITE)
    names = ("src", "looks_at_year", "raises_year", "later_minus_others")
    return Record((TableRows("year_node", names, [*heads, *mlps]),), found.reason)


def of_patching(found: Effects) -> Record:
    """Heads that were no senders are left out; where the model does not do the task there are metrics alone."""
    if not bool(found.metric_clean.isfinite().all() and found.metric_corrupted.isfinite().all()):
        return Undefined(NOT_FINITE)
    metric, effect, reason = found.patched.mean(2), found.effect, found.reason
    senders = [at for at in np.ndindex(*metric.shape) if math.isfinite(metric[at].item())]
    rows = [(*at, metric[at].item(), None if reason else _number(effect[at])) for at in senders]
    whole = {name: getattr(found, name).mean().item() for name in ("metric_clean", "metric_corrupted")}
    tables = TableRows.of("patch", whole), TableRows("patch_effect", ("layer", "head", "metric", "effect"), rows)
    return Record(tables, reason)
