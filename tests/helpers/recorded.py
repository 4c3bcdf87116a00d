"""Results as an analysis would find them, in few words, and what stands in a record."""

import json
from collections.abc import Sequence
from typing import Any

from circuit_store import blobs
from circuit_store.results import Record, TableRows

POINT = ("n_requested", "n_edges", "n_nodes", "metric", "faithfulness", "faithfulness_normalised")
Head = tuple[int, int]


def rows(record: Record, table: str) -> list[dict[str, Any]]:
    """What a record has in a table, by column."""
    found = [part for part in record.tables if part.table == table]
    return [dict(zip(part.columns, row, strict=True)) for part in found for row in part.rows]


def behaviour(
    value: float | None, stderr: float | None, low: float | None, high: float | None, n: int, accuracy: float | None,
    reason: str | None = None,
) -> Record:  # fmt: skip
    numbers = {"value": value, "stderr": stderr, "low": low, "high": high, "n_examples": n, "accuracy": accuracy}
    return Record((TableRows.of("behaviour", numbers),), reason)


def head_scores(
    scores: Sequence[tuple[int, int, Any, Any, Any]],
    details: Sequence[tuple[int, int, str, float | None]] = (),
    reason: str | None = None,
    reasons: dict[Head, str] | None = None,
) -> Record:
    """Of (layer, head, value, raw, control), and (layer, head, name, value)."""
    whole = [(*row, (reasons or {}).get(row[:2])) for row in scores]
    columns = ("layer", "head", "value", "raw", "control", "reason")
    parts = TableRows("head_detail", ("layer", "head", "name", "value"), details)
    return Record((TableRows("head_score", columns, whole), parts), reason)


def attention(
    tokens: list[list[str]], weights: list[list[list[int]]], positions: dict[str, int] | None = None
) -> Record:
    """Of each prompt, and of each [layer * head][token], in ten-thousandths; `positions` are those of every prompt."""
    prompts, named = enumerate(zip(tokens, weights, strict=True)), json.dumps(positions or {})
    texts = [(i, json.dumps(words), named, json.dumps(looks, separators=(",", ":"))) for i, (words, looks) in prompts]
    return Record((TableRows("attention_row", ("prompt", "tokens", "positions", "weights"), texts),))


def stage(
    name: str, percent: float | None, low: float | None, high: float | None, heads: dict[str, list[str]],
    universe: str, post_emergence: bool | None, reason: str | None, note: str | None = None,
    percent_random: float | None = None, effect: float | None = None,
) -> dict[str, Any]:  # fmt: skip
    return {
        **{"stage": name, "percent": percent, "low": low, "high": high, "heads": json.dumps(heads)},
        **{"universe": universe, "post_emergence": post_emergence, "reason": reason, "note": note},
        **{"percent_random": percent_random, "effect": effect},
    }


def algorithm(stages: list[dict[str, Any]]) -> Record:
    return Record((TableRows.of("stage", *({"place": place, **of} for place, of in enumerate(stages))),))


def years(nodes: list[tuple[int, float | None, float | None, float | None]], reason: str | None = None) -> Record:
    """Of (source, looks_at_year, raises_year, later_minus_others)."""
    columns = ("src", "looks_at_year", "raises_year", "later_minus_others")
    return Record((TableRows("year_node", columns, nodes),), reason)


def effects(
    senders: list[tuple[int, int, float, float | None]], clean: float | None = None, corrupted: float | None = None,
    reason: str | None = None,
) -> Record:  # fmt: skip
    """Of (layer, head, metric, effect)."""
    whole = TableRows.of("patch", {"metric_clean": clean, "metric_corrupted": corrupted})
    return Record((whole, TableRows("patch_effect", ("layer", "head", "metric", "effect"), senders)), reason)


def point(*numbers: float | None) -> dict[str, Any]:
    """Of the curve; see `POINT`."""
    return dict(zip(POINT, numbers, strict=False))


def circuit(
    chosen: dict[str, Any], total: int, edges: Sequence[tuple[int, int, float | None]], shape: tuple[int, int],
    scores: Any = None, nodes: Sequence[tuple[int, float]] = (), curve: Sequence[dict[str, Any]] = (),
    reason: str | None = None, **more: Any,
) -> Record:  # fmt: skip
    """Of the chosen point, none of an undefined circuit, and of (source, port, score)."""
    at = {"metric_circuit" if name == "metric" else name: value for name, value in chosen.items()}
    whole = {**at, "n_edges_total": total, **blobs.edge_scores(scores, shape), **more}
    tables = (
        TableRows.of("circuit", whole),
        TableRows("circuit_edge", ("src", "port", "score"), edges),
        TableRows("node_score", ("src", "score"), nodes),
        TableRows.of("faithfulness", *curve),
    )
    return Record(tables, reason)


def handoff(*columns: Any) -> dict[str, Any]:
    """Of role, layer, head and step of the loss, the same of the gain, window, its tokens, fall, rise, and chance."""
    heads = ("from_layer", "from_head", "lost_step", "to_layer", "to_head", "gained_step")
    names = ("role", *heads, "window", "window_tokens", "fall", "rise", "expected_by_chance")
    return dict(zip(names, columns, strict=False))


def further_trends() -> dict[str, list[dict[str, Any]]]:
    """A row of each table of trends but `emergence` and `handoff`."""
    of = {"task": "ioi", "dtype": "float32", "preset": "default"}
    ends = {"step_a": 0, "step_b": 20, "edge_jaccard": 0.25, "weighted_jaccard": 0.125, "method": "eap-ig"}
    return {
        "logistic": [{**of, "kind": "task", "name": "ioi", "midpoint": 1500.0, "r2": 0.95}],
        "load": [{**of, "role": "name_mover", "step": 10, "heads": 2, "load": 0.5}],
        "stability": [{**of, "stage": "s_inhibition", "emerged_step": 10, "mean": 80.0}],
        "similarity": [{"task": "ioi", "dtype": "float32", "against": "final", **ends}],
        "mean_size": [{"task": "ioi", "nodes": 3.0, "checkpoints": 2}],
    }
