"""How a task's circuits change over the checkpoints of a model (METHODS h.2 to h.6), from the store into rows for it.

All circuits with edges are compared, each with the next and with the last; whether they count as their task's
(METHODS l.3) is said beside. What two results have in common does not change: pairs that were compared are not again.
"""

import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from statistics import fmean
from typing import Any

import numpy as np
from jaxtyping import Float

from circuit_core.trends.correlation import size_correlation
from circuit_core.trends.similarity import Members, ewma, score_drift, similarity
from circuit_store import trends
from circuit_store.transactions import transaction
from circuit_store.trend_series import ShownResult

Row = dict[str, Any]
DEFINITION = 1
"""Part of every `pair`; raised when the same two results give other values."""
SMOOTHED = ("edge", "node", "weighted")


def similarities(
    results: Sequence[ShownResult],
    held: Mapping[str, Row],
    read: Callable[[ShownResult], Members],
    all_scores: Callable[[ShownResult], Float[np.ndarray, "src port"] | None],
    others: int = 0,
    reference: int | None = None,
) -> list[Row]:
    """Rows of the table `similarity`: neighbours, then all with the last. No circuit is read more often than streaming
    through them needs, and three are held at a time.

    Args:
        results: of one task, by step.
        held: rows that were there, by `pair`.
        read: the members of a circuit.
        all_scores: of all edges of its model, where they are kept.
        others: checkpoints that have a circuit with other parameters alone.
        reference: a step to compare all with, instead of the last.
    """
    known = [result for result in results if result.n_nodes is not None]
    if len(known) < 2:
        why = [result.reason for result in results if result.n_nodes is None and result.reason]
        if others:
            why.append(
                f"{others} others have one with other parameters" if others > 1 else "another has other parameters"
            )
        found = f"needs two checkpoints with a circuit, {len(known) or 'none'} {'has' if known else 'have'} one"
        return [
            {"against": "neighbour", "reason": ": ".join([found, *(["; ".join(dict.fromkeys(why))] if why else [])])}
        ]
    last, against = known[-1], "final"
    if reference is not None:
        chosen = [result for result in known if result.step == reference]
        if not chosen:
            return [{"against": "chosen", "reason": f"there is no circuit at step {reference}"}]
        last, against = chosen[0], "chosen"
    keep, keep_scores = lru_cache(3)(read), lru_cache(2)(all_scores)
    near, far = list[Row](), list[Row]()
    for a, b in [*pairwise(known), (known[-1], None)]:
        if b is not None:
            near.append(held.get(_pair("neighbour", a, b)) or _compared("neighbour", a, b, keep, keep_scores))
        if a is not last:
            far.append(held.get(_pair(against, a, last)) or _compared(against, a, last, keep, None))
    return [*_smoothed(near), *_smoothed(far)]


def _pair(against: str, a: ShownResult, b: ShownResult) -> str:
    return f"{DEFINITION} {against} {a.id}:{a.asked} {b.id}:{b.asked}"


def _compared(
    against: str,
    a: ShownResult,
    b: ShownResult,
    read: Callable[[ShownResult], Members],
    all_scores: Callable[[ShownResult], Float[np.ndarray, "src port"] | None] | None,
) -> Row:
    found = similarity(read(a), read(b))
    before, after = (all_scores(of) if all_scores else None for of in (a, b))
    drift = None if before is None or after is None or before.shape != after.shape else score_drift(before, after)
    numbers = {name: None if math.isnan(value) else value for name, value in vars(found).items()}
    lacks = [of.step for of in (a, b) if np.isnan(read(of).scores).any()]
    why = f"no scores at step {', '.join(map(str, lacks))}" if lacks else "the circuit's scores are all zero"
    return {
        **{"against": against, "step_a": a.step, "step_b": b.step, "result_a": a.id, "result_b": b.id},
        **numbers,
        **{"score_drift": drift, "counts": int(a.why_not is None and b.why_not is None)},
        **{"reason": why if numbers["weighted_jaccard"] is None else None, "pair": _pair(against, a, b)},
    }


def _smoothed(rows: list[Row]) -> Iterator[Row]:
    """With the EWMA of each Jaccard along them."""
    values = ([math.nan if row[f"{of}_jaccard"] is None else row[f"{of}_jaccard"] for row in rows] for of in SMOOTHED)
    for row, smooth in zip(rows, zip(*map(ewma, values), strict=True), strict=True):
        yield row | {f"{of}_ewma": None if math.isnan(v) else v for of, v in zip(SMOOTHED, smooth, strict=True)}


def correlate(db: sqlite3.Connection, model: str) -> None:
    """Bring the correlations of the suite of a model up to date, from the mean sizes of all its models.

    Models that differ in nothing but the seed count as one, by their means.
    """
    with transaction(db):
        (suite,) = db.execute("SELECT suite FROM model WHERE name = ?", (model,)).fetchone()
        found = list[Row]()
        for (variant, task), rows in groupby(trends.mean_sizes(db, suite), lambda row: (row["variant"], row["task"])):
            sizes: dict[str, list[Row]] = {}
            for row in rows:
                told = row["family"] and row["size"]
                sizes.setdefault(f"{row['family']}-{row['size']}" if told else row["model"], []).append(row)
            nodes = {name: fmean(row["nodes"] for row in of) for name, of in sizes.items()}
            counted = {name: [row["params"] for row in of if row["params"] is not None] for name, of in sizes.items()}
            correlated = size_correlation(nodes, {name: fmean(of) for name, of in counted.items() if of})
            found.append({"variant": variant, "task": task, **vars(correlated)})
        trends.put(db, "size_correlation", {"suite": suite}, found)
