"""The paper's findings held against the store: `reproduce`."""

from pathlib import Path

import click

from circuit_store.store import open_to_read
from circuit_tui import command_output
from circuit_tui.cli.main import main
from circuit_tui.runs import flags, options
from circuit_tui.terminal import console

TITLES = {"paper": "The paper (arXiv 2407.10827)", "later": "Later papers"}


@main.command()
@flags.flag(options.JSON)
@click.pass_obj
def reproduce(store: Path, as_json: bool) -> None:
    """Hold the paper's findings against the store: agrees, differs, or not computed with the command for it."""
    from circuit_store.display_text import as_json as document
    from circuit_sweep import reproduction

    found = reproduction.reproduced(open_to_read(store))
    counts = {verdict: sum(row["verdict"] == verdict for row in found) for verdict in reproduction.VERDICTS}
    if as_json:
        with command_output.to(None, store) as file:
            command_output.write(file, [document({"verdicts": counts, "rows": found}, indent=1) + "\n"])
        return
    for paper, title in TITLES.items():
        console.shown(title)
        _print([row for row in found if row["paper"] == paper])
    console.shown(", ".join(f"{n} {verdict}" for verdict, n in counts.items()))


def _print(rows: list[dict]) -> None:
    finding = None
    for row in rows:
        if row["finding"] != finding:
            finding = row["finding"]
            console.shown(f"\n  {finding}  [{row['source']}]")
        said = " ".join(filter(None, [row["model"], row["measure"]]))
        value = "" if row["found"] is None else f", found {console.cell(row['found'])}"
        console.shown(f"    {row['verdict']:<12}  {said}: {row['expected']}{value}")
        if row["command"]:
            console.shown(f"                  {row['command']}")
