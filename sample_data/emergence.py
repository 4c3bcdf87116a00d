"""The tables of what emerges in the sample suite, from a store, so that none is typed by hand.

    circuit-tui --store suite.db run sample-0.1m sample-0.2m sample-0.4m --analyses all \\
        --tasks ioi,gendered_pronoun,greater_than,subject_verb
    python sample_data/emergence.py suite.db

prints "What emerges in the sample suite" of docs/results.md, its table of compositions, and, with the role rows
alone, the table of docs/sample-suite.md.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from circuit_store import addresses, queries
from circuit_store.store import open_to_read

Row = dict[str, Any]
TASKS = ("ioi", "greater_than", "gendered_pronoun", "subject_verb")
KINDS = ("head", "mlp", "input")
NOT_COMPUTED = "not computed"


class Model:
    """What the store holds of one model."""

    def __init__(self, db: Any, name: str) -> None:
        self.db, self.name = db, name
        self.final = addresses.resolve_step(db, name, "final")
        self.emergence = self.view("emergence")

    def view(self, name: str, **where: Any) -> list[Row]:
        return queries.rows(self.db, queries.view(name), {"model": self.name, **where})

    def told(self, kind: str, name: str) -> list[Row]:
        return [row for row in self.emergence if row["kind"] == kind and row["name"] == name]

    def first(self, role: str) -> str:
        """The role's earliest head, or the reason why there is none."""
        rows = self.told("role", role)
        return _course(rows[0]) if rows else NOT_COMPUTED

    def stays(self, role: str) -> str:
        """The earliest of the heads that never lose it."""
        kept = [row for row in self.told("head", role) if row["state"] == "emerged"]
        return _course(min(kept, key=lambda row: (row["step"], -row["value"]))) if kept else self.first(role)

    def strongest(self, role: str) -> str:
        heads = [row for row in self.told("head", role) if row["step"] is not None]
        return _course(max(heads, key=lambda row: row["value"])) if heads else self.first(role)

    def acquired(self, task: str) -> str:
        rows = self.told("task", task)
        return NOT_COMPUTED if not rows else rows[0]["reason"] or f"step {rows[0]['step']}"

    def stage(self, stage: str) -> str:
        rows = [row for row in self.view("algorithm", step=self.final, task="ioi") if row["stage"] == stage]
        if not rows:
            return NOT_COMPUTED
        (row,) = rows
        if row["percent"] is None:
            return f"undefined: {row['reason']}"
        interval = "" if row["low"] is None else f" ({row['low']:.0f} to {row['high']:.0f})"
        return f"{row['percent']:.0f} %{interval}"

    def years(self) -> str:
        """Heads of the greater-than circuit that look at the year in a fifth of the prompts, most first."""
        rows = self.view("greater_than", step=self.final, task="greater_than")
        heads = sorted((r for r in rows if (r["looks_at_year"] or 0) >= 0.2), key=lambda r: -r["looks_at_year"])
        named = "; ".join(f"{row['node']}, {100 * row['looks_at_year']:.0f} %" for row in heads)
        return named or (_reason(rows) if rows else NOT_COMPUTED)

    def last_mlp(self) -> str:
        rows = self.view("greater_than", step=self.final, task="greater_than")
        mlps = [row for row in rows if row["later_minus_others"] is not None]
        if not mlps:
            return _reason(rows) if rows else NOT_COMPUTED
        last = max(mlps, key=lambda row: int(row["node"][1:]))
        return f"{last['node']}, {last['later_minus_others']:.1f} logits"

    def composition(self, task: str) -> str:
        """Shares of |score| that leave heads, MLPs and input, in percent."""
        rows = self.view("composition", step=self.final, task=task)
        shares = {row["kind"]: row["share_of_score"] for row in rows if row["port"] is None}
        return ", ".join(f"{100 * (shares.get(kind) or 0):.0f}" for kind in KINDS) if shares else NOT_COMPUTED


def _reason(rows: list[Row]) -> str:
    return f"undefined: {rows[0]['reason']}" if rows[0]["reason"] else "none"


def _course(row: Row) -> str:
    """`a1.h1, step 500 to 2000`, or why the role emerges nowhere."""
    if row["step"] is None:
        return row["reason"]
    lost = f" to {row['lost_step']}" if row["lost_step"] is not None else ""
    return f"a{row['layer']}.h{row['head']}, step {row['step']}{lost}"


Line = tuple[str, Callable[[Model], str]]
ROLES: list[Line] = [
    ("`successor`", lambda m: m.first("successor")),
    ("`previous_token`, first", lambda m: m.first("previous_token")),
    ("`previous_token`, for good", lambda m: m.stays("previous_token")),
    ("`induction`", lambda m: m.first("induction")),
    ("`name_mover` (copy score), first", lambda m: m.first("name_mover")),
    ("`name_mover`, for good", lambda m: m.stays("name_mover")),
    ("`negative_name_mover`, strongest", lambda m: m.strongest("negative_name_mover")),
    ("`copy_suppression`", lambda m: m.first("copy_suppression")),
    ("`duplicate_token`", lambda m: m.first("duplicate_token")),
    ("`s_inhibition`", lambda m: m.first("s_inhibition")),
    ("IOI, half of the final metric", lambda m: m.acquired("ioi")),
]
ALGORITHM: list[Line] = [
    ("greater-than heads that look at the year", Model.years),
    ("the last MLP, later years minus others", Model.last_mlp),
    ("movers and suppressors, at the end", lambda m: m.stage("movers_and_suppressors")),
    ("S-inhibition", lambda m: m.stage("s_inhibition")),
    ("induction and duplicates", lambda m: m.stage("induction_and_duplicate")),
]
COMPOSITION: list[Line] = [(f"`{task}`", lambda m, task=task: m.composition(task)) for task in TASKS]


def table(models: list[Model], lines: list[Line], corner: str = "") -> str:
    """Markdown, a column a model."""
    head = [corner, *(f"`{m.name}`" for m in models)]
    rows = [[label, *(cell(m) for m in models)] for label, cell in lines]
    return "\n".join(
        "|" + "|".join(f" {c} " if c else " " for c in row) + "|" for row in [head, ["---"] * len(head), *rows]
    )


def main(store: str) -> None:
    db = open_to_read(Path(store))
    models = [Model(db, row["model"]) for row in queries.rows(db, queries.view("models"))]
    print(table(models, [*ROLES, *ALGORITHM]), end="\n\n")
    print(table(models, COMPOSITION, "share of \\|score\\| that leaves heads, MLPs, input, in %"), end="\n\n")
    print(table(models, ROLES))


if __name__ == "__main__":
    main(*sys.argv[1:])
