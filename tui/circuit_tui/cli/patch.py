"""Path patching on demand: `patch` asks for it like for any sweep, of one checkpoint, and prints what is held then."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from circuit_core.tasks.specs import labelled
from circuit_store.store import open_to_read, open_to_write
from circuit_sweep.planning.request import Request
from circuit_tui.cli.main import main
from circuit_tui.cli.show import print_view
from circuit_tui.runs import flags, options

if TYPE_CHECKING:
    from circuit_core.graph import Graph


@main.command()
@click.argument("address", metavar="MODEL[@STEP]")
@click.option("--task", default="ioi", help="A task, or a file of prompt pairs.")
@flags.flag(options.PREPEND_BOS)
@click.option("--to", required=True, help="Receivers: logits, or ports of heads, such as 'a9.h1<q>,a9.h6<q>'.")
@click.option("--from", "senders", default="all", help="Senders: all heads, or some, such as a5.h3,a6.h1.")
@click.option("--freeze-mlps", "freeze", is_flag=True, help="Freeze MLPs, so that no path passes through one.")
@flags.flag(options.JSON)
@click.pass_obj
def patch(
    store: Path,
    address: str,
    task: str,
    prepend_bos: bool | None,
    to: str,
    senders: str,
    freeze: bool,
    as_json: bool,
) -> None:
    """Path patching: each head's effect along paths to the receivers."""
    from circuit_core.graph import Graph
    from circuit_store.queue.units import BY_HAND
    from circuit_sweep.planning import task_names
    from circuit_sweep.planning.model_sources import describe
    from circuit_tui.cli import attached_run
    from circuit_tui.runs.run_request import How, RunRequest

    name, _, step = address.partition("@")
    task = labelled(task, prepend_bos)
    with closing(open_to_write(store)) as db:
        model, _ = describe(db, name)
        task_names.find(db, task)
    wanted = {"to": to, "senders": senders, "freeze_mlps": freeze}
    if model.n_layers and model.n_heads:
        wanted |= _checked(Graph(model.n_layers, model.n_heads, bool(model.parallel)), to, senders)
    request = Request(tasks=(task,), analyses=("patch",), patch=wanted)
    if code := attached_run.compute(store, RunRequest((name,), step or "final", request, how=How(priority=BY_HAND))):
        raise SystemExit(code)
    with closing(open_to_read(store)) as db:
        task = task_names.find(db, task).label
    of = {"receivers": wanted["to"], "mlps": "frozen" if freeze else "recomputed"}
    kind = "json" if as_json else "table"
    print_view(store, "patch", f"{model.name}@{step or 'final'}", {"task": task}, kind, of)


def _checked(graph: "Graph", to: str, senders: str) -> dict[str, Any]:
    """Receivers and senders in one spelling. Raises: ValueError."""
    ports = list(dict.fromkeys(part.strip() for part in to.split(",") if part.strip()))
    if (
        not ports
        or ("logits" in ports and len(ports) > 1)
        or any(port != "logits" and "<" not in port for port in ports)
    ):
        raise ValueError(f"--to {to}: give logits, or ports of heads such as a{graph.n_layers - 1}.h0<q>.")
    last = max(graph.preceding[graph.port_index(port)] for port in ports)
    if last <= graph.head(0, 0):
        raise ValueError(f"--to {to}: no head comes before layer 0; name receivers in later layers, or logits.")
    if senders == "all":
        return {"to": ",".join(ports)}
    heads = [part.strip() for part in senders.split(",") if part.strip()]
    for head in heads or [senders]:
        if not head.startswith("a") or graph.source_index(head) >= last:
            raise ValueError(f"--from {head}: a sender is a head that comes before one of {', '.join(ports)}.")
    layers = [divmod(graph.source_index(head) - 1, graph.n_heads + 1) for head in heads]
    return {"to": ",".join(ports), "senders": [list(at) for at in sorted(set(layers))]}
