"""What a request would cost, in words: `run --dry-run` prints it, and the explorer's dialog shows it."""

from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

from circuit_core.forward import IN_MAIN_MEMORY
from circuit_store.display_text import lasting, plain
from circuit_store.store import open_to_read, to_be_made
from circuit_sweep.planning import texts
from circuit_sweep.planning.estimate import Estimate, ExactRuns, estimate
from circuit_tui.runs.run_request import RunRequest
from circuit_tui.terminal import console


def cost(store: Path, asked: RunRequest) -> Estimate:
    """Nothing is written; there need not be a store. Raises: CircuitError, StoreError, ValueError."""
    request = replace(asked.request, text=texts.given(asked.text).hash) if asked.text else asked.request
    if to_be_made(store):
        return estimate(None, asked.models, asked.checkpoints, request, asked.slots)
    with closing(open_to_read(store)) as db:
        return estimate(db, asked.models, asked.checkpoints, request, asked.slots)


def show(store: Path, asked: RunRequest, as_json: bool) -> int:
    """Print it; returns the exit code."""
    found = cost(store, asked)
    if as_json:
        console.document(asdict(found), indent=1)
    else:
        console.shown("\n".join(sentences(found)))
    return 0


def sentences(found: Estimate) -> list[str]:
    """One line each: units, bytes, time, memory, and the runs of exact patching."""
    already = f"; {found.already} computed already" if found.already else ""
    units = f"{found.units} checkpoint{'' if found.units == 1 else 's'}, {found.results} results{already}"
    warnings = [f"warning: {said}" for said in found.warnings]
    if not found.units:
        return [f"nothing to compute{already}", *warnings]
    if found.seconds is None:
        untimed = ", ".join(found.untimed) or "loading"
        time = f"known after the first checkpoint: so far this store has no times of {untimed}"
    else:
        time = f"about {lasting(found.seconds)} on {found.slots} slot{'' if found.slots == 1 else 's'}"
        if found.seconds_from:
            others = ", ".join(map(plain, found.seconds_from))
            time += f", by the times of {others} in proportion to parameters"
    weights = "weights of unknown size" if found.weights is None else f"{_size(found.weights)} of weights"
    batch = "batches of half the GPU's free memory" if found.on_gpu else f"batches of at most {_size(IN_MAIN_MEMORY)}"
    return [
        f"units   {units}",
        *([f"fetch   {_size(found.fetch)} from the hub"] if found.fetch else []),
        f"read    {_size(found.bytes)} of weights",
        f"time    {time}",
        f"memory  {weights} and {batch}, each slot",
        *map(exact, found.exact),
        *warnings,
    ]


def exact(runs: ExactRuns) -> str:
    """What exact patching costs: said before it begins, since it runs the model once an edge and once a source."""
    most = "" if runs.total == runs.checkpoints * runs.most else "at most "
    whole = f", {runs.total:,} in all" if runs.checkpoints > 1 else ""
    return f"exact patching: {most}{runs.most:,} forward runs for each checkpoint of {plain(runs.model)}{whole}"


def _size(number: float) -> str:
    """In powers of 1000: `15 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"
