"""The sample suite, computed and shown: `demo`."""

import click

from circuit_core.models import suites
from circuit_store.store import open_to_read
from circuit_sweep.planning.request import ANALYSES, Request
from circuit_tui import paths
from circuit_tui.cli.main import explore, main, terminal
from circuit_tui.terminal import console

SUMMED = ("previous_token", "induction", "name_mover", "copy_suppression", "successor")
"""Roles whose best head the summary names."""


@main.command()
@click.pass_context
def demo(ctx: click.Context) -> None:
    """Compute the sample suite and open the explorer. In a pipe, print a summary instead."""
    from circuit_tui.runs import sweeps
    from circuit_tui.runs.run_request import RunRequest

    store, models = ctx.obj, [model.name for model in suites.sample_suite()]
    asked = RunRequest(tuple(models), "all", Request(analyses=ANALYSES))
    if terminal():
        return explore(ctx, lambda: sweeps.begin(store, asked))
    from circuit_store import addresses, queries
    from circuit_tui.cli import attached_run

    code = attached_run.compute(store, asked)
    # What the last checkpoint of each model shows, as a table.
    db, rows = open_to_read(store), []
    for model in models:
        step = addresses.resolve_step(db, model, "final")
        row: dict[str, object] = {"model": model, "step": step}
        for found in queries.rows(db, queries.view("behaviour"), {"model": model, "step": step, "task": "ioi"}):
            row["ioi logit diff"] = found["value"]
        if circuit := queries.circuit(db, model, step, "ioi"):
            row["circuit edges"] = f"{circuit.header['n_edges']} of {circuit.header['n_edges_total']}"
            row["faithfulness"] = circuit.header["faithfulness"]
        for role in SUMMED:
            grid = queries.head_grid(db, model, step, role).values
            scored = [(v, f"a{i}.h{j}") for i, line in enumerate(grid) for j, v in enumerate(line) if v is not None]
            row[role] = "{1} {0:.2f}".format(*max(scored)) if scored else None
        rows.append(row)
    console.table(rows)
    program = paths.program(store)
    console.shown(f"Look closer: {program}   (or: {program} show circuit sample-0.2m@final --task ioi)")
    raise SystemExit(code)
