"""Compute: `run`."""

from typing import Any

import click

from circuit_tui.cli.main import main
from circuit_tui.runs import flags, options


@main.command()
@flags.of_a_sweep
@flags.flag(options.DRY_RUN)
@flags.flag(options.JSON)
@click.pass_context
def run(ctx: click.Context, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Compute results of each MODEL, a known name or a folder.

    What the store holds already is not computed again.
    """
    from circuit_tui.runs import run_request

    asked = run_request.asked(flags.given(ctx))
    if dry_run:
        from circuit_tui.runs import cost_report

        raise SystemExit(cost_report.show(ctx.obj, asked, as_json))
    from circuit_tui.cli import attached_run

    raise SystemExit(attached_run.compute(ctx.obj, asked, as_json))
