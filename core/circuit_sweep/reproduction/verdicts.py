"""The paper's findings held against a store: what it says of each, and whether that agrees."""

import sqlite3
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from circuit_core.models import suites
from circuit_store.queries.views import one_state
from circuit_store.views import Column
from circuit_sweep.reproduction.measures import MEASURES

AGREES, DIFFERS, NOT_COMPUTED = VERDICTS = ("agrees", "differs", "not computed")
COLUMNS = (
    Column("paper", "`paper` (arXiv 2407.10827), or `later`"),
    Column("finding", "what was found"),
    Column("source", "where"),
    Column("model", "model that the number is of", "it is of several models"),
    Column("measure", "what is measured"),
    Column("expected", "what it should be"),
    Column("found", "what the store says", "not computed", kind=float),
    Column("verdict", f"`{AGREES}`, `{DIFFERS}` or `{NOT_COMPUTED}`"),
    Column("command", "what would compute it", "it is there"),
)
_OF_A_ROW = ("rows", "models")


@dataclass(frozen=True)
class Range:
    """What agrees: from `low` to `high`; strictly between if it is open."""

    low: float | int
    high: float | int
    words: str
    open: bool = False

    def holds(self, value: float | int) -> bool:
        return self.low < value < self.high if self.open else self.low <= value <= self.high

    @staticmethod
    def of(row: dict[str, Any]) -> "Range":
        infinite = float("inf")
        if "above" in row:
            return Range(row["above"], infinite, f"above {row['above']}", open=True)
        if "below" in row:
            return Range(-infinite, row["below"], f"below {row['below']}", open=True)
        if "between" in row:
            low, high = row["between"]
            return Range(low, high, f"{low} to {high}")
        expected = row["expected"]
        if "factor" in row:
            factor = row["factor"]
            return Range(expected / factor, expected * factor, f"{expected:g}, within a factor of {factor}")
        return Range(expected - row["within"], expected + row["within"], f"{expected:g} ± {row['within']}")


@one_state
def reproduced(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """A row for each number, by `COLUMNS`, in the order of findings.toml."""
    return [_row(db, row) for row in expected()]


def _row(db: sqlite3.Connection, row: dict[str, Any]) -> dict[str, Any]:
    measure, agreeing = MEASURES[row["measure"]], Range.of(row)
    found = measure.of(db, row)
    verdict = NOT_COMPUTED if found is None else AGREES if agreeing.holds(found) else DIFFERS
    return {
        "paper": "later" if row.get("later") else "paper",
        "finding": row["says"],
        "source": row["source"],
        "model": row.get("model"),
        "measure": measure.words.format(**row),
        "expected": agreeing.words,
        "found": found,
        "verdict": verdict,
        "command": command(row) if found is None else None,
    }


def command(row: dict[str, Any]) -> str:
    """What computes the number of a row: at its steps, else over the suite's sparse schedule."""
    models = ["MODEL", "--base MODEL@STEP"]
    if "model" in row:
        models = [row["model"], *([row["other"]] if "other" in row else [])]
    elif "suite" in row:
        models = [f"pythia-{size}" for size in ("70m", "160m", "410m", "1.4b", "2.8b")]
    elif "family" in row:
        known = [m for m in suites.published().values() if (m.family, m.size) == (row["family"], row["size"])]
        models = [m.name for m in known if m.variant is None]
    steps = row.get("steps") or ([row["step"]] if "step" in row else [])
    at = ",".join(map(str, steps)) if steps else "sparse"
    tasks = f" --tasks {row['task']}" if "task" in row else ""
    analyses = MEASURES[row["measure"]].analyses
    return f"circuit-tui run {' '.join(models)} --checkpoints {at}{tasks} --analyses {analyses}"


@cache
def expected() -> list[dict[str, Any]]:
    """The rows of all findings, each with all that its finding says."""
    text = (resources.files("circuit_sweep.reproduction") / "findings.toml").read_text()
    return [row for finding in tomllib.loads(text)["finding"] for row in _rows(finding)]


def _rows(finding: dict[str, Any]) -> Iterator[dict[str, Any]]:
    common = {name: value for name, value in finding.items() if name not in _OF_A_ROW}
    for row in finding.get("rows", [{}]):
        whole = common | {name: value for name, value in row.items() if name != "models"}
        for model in row.get("models", finding.get("models", [None])):
            yield whole | ({"model": model} if model else {})
