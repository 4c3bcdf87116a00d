"""Commands that compute: `demo`, `run` and `patch`."""

from pathlib import Path
from typing import Any

import click

from circuit_core.tasks.specs import labelled
from circuit_tui.cli.main import explore, main, terminal
from circuit_tui.runs import flags, options


@main.command()
@click.pass_obj
def demo(store: Path) -> None:
    """Compute the sample suite and look at it; in a pipe, compute and print a summary."""
    from circuit_core.models import suites
    from circuit_tui.runs import sweeps

    models = [m.name for m in suites.sample_suite()]
    if terminal():
        explore(store, lambda: sweeps.begin(store, sweeps.demo(models)))
    else:
        code = sweeps.run(store, sweeps.demo(models))
        sweeps.summary(store, models)
        raise SystemExit(code)


@main.command()
@flags.of_a_sweep
@flags.flag(options.DRY_RUN)
@flags.flag(options.JSON)
@click.pass_context
def run(ctx: click.Context, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Compute MODELs (known names or folders) into the store; what is there already is not computed again."""
    from circuit_tui.runs import run_request

    asked = run_request.asked(flags.given(ctx))
    if dry_run:
        from circuit_tui.runs import cost_report

        raise SystemExit(cost_report.show(ctx.obj, asked, as_json))
    from circuit_tui.runs import sweeps

    raise SystemExit(sweeps.run(ctx.obj, asked, as_json))


@main.command()
@click.argument("address", metavar="MODEL[@STEP]")
@click.option("--task", default="ioi", help="A task, or a file of pairs.")
@flags.flag(options.PREPEND_BOS)
@click.option("--to", required=True, help="Receivers: logits, or ports of heads such as 'a9.h1<q>,a9.h6<q>'.")
@click.option("--from", "senders", default="all", help="Senders: all heads, or some such as a5.h3,a6.h1.")
@click.option("--freeze-mlps", "freeze", is_flag=True, help="Paths do not pass through MLPs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def patch(store: Path, address: str, task: str, prepend_bos: bool | None, **options: Any) -> None:
    """Path patching: what each head does along its direct paths to the receivers."""
    from circuit_tui.cli import path_patching

    raise SystemExit(path_patching.patch(store, address, labelled(task, prepend_bos), **options))
