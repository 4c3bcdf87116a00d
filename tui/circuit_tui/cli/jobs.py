"""Commands about the queue: `jobs`."""

from pathlib import Path
from typing import Any

import click

from circuit_tui import paths
from circuit_tui.cli.main import NUMBER, main

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


class _OfARun(click.ParamType):
    """The number of a run."""

    name = "run"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return NUMBER.convert(value, param, ctx)
        except click.BadParameter:
            program = paths.program(ctx.obj) if ctx else "circuit-tui"
            raise ValueError(f"{value} is no run: give the number of one, as `{program} jobs` lists them.") from None


_RUN = click.argument("run", type=_OfARun())


@main.group(invoke_without_command=True)
@_JSON
@click.pass_context
def jobs(ctx: click.Context, as_json: bool) -> None:
    """The queue: runs, their units, and what to do with them."""
    if ctx.invoked_subcommand is None:
        from circuit_tui.runs import jobs as queue

        queue.show_all(ctx.obj, as_json)


@jobs.command("list")
@_JSON
@click.pass_obj
def listed(store: Path, as_json: bool) -> None:
    """All runs, newest first."""
    from circuit_tui.runs import jobs as queue

    queue.show_all(store, as_json)


@jobs.command()
@_RUN
@_JSON
@click.pass_obj
def show(store: Path, run: int, as_json: bool) -> None:
    """RUN and each of its units."""
    from circuit_tui.runs import jobs as queue

    queue.show(store, run, as_json)


@jobs.command()
@_RUN
@_JSON
@click.pass_obj
def cancel(store: Path, run: int, as_json: bool) -> None:
    """End RUN; what it has computed stays."""
    from circuit_tui.runs import jobs as queue

    queue.cancel(store, run, as_json)


@jobs.command()
@click.argument("run", type=_OfARun(), required=False)
@_JSON
@click.pass_obj
def resume(store: Path, run: int | None, as_json: bool) -> None:
    """Go on with RUN in the background; without RUN with all that was interrupted or waits, but nothing cancelled."""
    from circuit_tui.runs import jobs as queue

    queue.resume(store, run, as_json)


@jobs.command()
@_RUN
@_JSON
@click.pass_obj
def retry(store: Path, run: int, as_json: bool) -> None:
    """Go on with RUN, failed units included, in the background."""
    from circuit_tui.runs import jobs as queue

    queue.resume(store, run, as_json, failed=True)


@jobs.command()
@_RUN
@_JSON
@click.pass_obj
def forget(store: Path, run: int, as_json: bool) -> None:
    """Take RUN off the list; its results stay."""
    from circuit_tui.runs import jobs as queue

    queue.forget(store, run, as_json)


@jobs.command()
@_RUN
@_JSON
@click.pass_obj
def logs(store: Path, run: int, as_json: bool) -> None:
    """What runners wrote about RUN."""
    from circuit_tui.runs import jobs as queue

    queue.logs(store, run, as_json)
