"""The rows that a record becomes, table by table."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from circuit_store.results.records import (
    Algorithm,
    AttentionRows,
    Behaviour,
    Circuit,
    CurvePoint,
    HeadScores,
    PatchEffects,
    Record,
    Years,
)

_LAYOUT = (
    "float32 [source, port], bytes shuffled, zlib; with H heads a layer, source 0 is input, 1 + l(H+1) + h head h of"
    " layer l, 1 + l(H+1) + H its MLP; port l(3H+1) + cH + h is q, k, v (c = 0, 1, 2) of a head, l(3H+1) + 3H the"
    " MLP, the last the logits; zero where there is no edge"
)

_OF_CHOSEN = (
    *("n_requested", "n_edges", "n_nodes"),
    *("faithfulness", "faithfulness_normalised", "held_out_faithfulness"),
)
_OF_CIRCUIT = (
    *("n_edges_total", "metric_clean", "metric_corrupted", "threshold_reached"),
    *("faithfulness_low", "faithfulness_high", "interval_of", "cpr", "cmd", "areas_reason"),
    *("imported_from", "original", "scores"),
)
_OF_POINT = tuple(CurvePoint.__annotations__)


class TableRows(NamedTuple):
    table: str
    columns: tuple[str, ...]
    """All but the result's id."""
    rows: Sequence[Any]
    """A tuple each."""


def rows_of(found: Record) -> Iterator[TableRows]:
    """None for what is undefined."""
    match found:
        case Behaviour():
            yield _one("behaviour", {name: value for name, value in vars(found).items() if name != "reason"})
        case HeadScores():
            scores = [(*row, found.reasons.get(row[:2])) for row in found.rows]
            yield TableRows("head_score", ("layer", "head", "value", "raw", "control", "reason"), scores)
            yield TableRows("head_detail", ("layer", "head", "name", "value"), found.details)
            if found.by_prompt is not None:
                yield _one("head_by_prompt", {"scores": found.by_prompt})
        case AttentionRows():
            prompts = enumerate(zip(found.tokens, found.weights, strict=True))
            rows = [
                (i, json.dumps(tokens), json.dumps(weights, separators=(",", ":"))) for i, (tokens, weights) in prompts
            ]
            yield TableRows("attention_row", ("prompt", "tokens", "weights"), rows)
        case Algorithm():
            for place, stage in enumerate(found.stages):
                yield _one("stage", {"place": place, **vars(stage), "heads": json.dumps(stage.heads)})
        case Years():
            yield TableRows("year_node", ("src", "looks_at_year", "raises_year", "later_minus_others"), found.nodes)
        case PatchEffects():
            yield _one("patch", {"metric_clean": found.metric_clean, "metric_corrupted": found.metric_corrupted})
            yield TableRows("patch_effect", ("layer", "head", "metric", "effect"), found.rows)
        case Circuit():
            yield _circuit(found)
            yield TableRows("circuit_edge", ("src", "port", "score"), found.edges)
            yield TableRows("node_score", ("src", "score"), found.nodes)
            yield TableRows("faithfulness", _OF_POINT, [tuple(vars(point).values()) for point in found.curve])


def _one(table: str, values: dict[str, Any]) -> TableRows:
    return TableRows(table, tuple(values), [tuple(values.values())])


def _circuit(c: Circuit) -> TableRows:
    at = vars(c.chosen) if c.chosen else {}
    values = {
        "metric_circuit": at.get("metric"),
        **{f: at.get(f) for f in _OF_CHOSEN},
        **{f: getattr(c, f) for f in _OF_CIRCUIT},
        **{"scores_dtype": "float32", "scores_layout": _LAYOUT},
        **dict(zip(("scores_sources", "scores_ports"), c.scores_shape, strict=True)),
    }
    return _one("circuit", values)
