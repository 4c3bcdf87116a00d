"""What there is: known models, adding one, and where everything lies."""

import os
import platform
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from circuit_core.bounded_regex import Pattern
from circuit_core.errors import BadPattern
from circuit_core.models import suites
from circuit_store import filesystem, models, queries
from circuit_store.errors import StoreError, StoreUnusable
from circuit_store.store import VERSION, logs_ahead, open_to_read, open_to_write, to_be_made
from circuit_sweep.planning.model_sources import copied, model_of, place
from circuit_tui import paths
from circuit_tui.cli.view_output import plain, table
from circuit_tui.terminal import console


def print_models(store: Path, as_json: bool) -> None:
    """Models of the store, then those that are known but not in it yet."""
    rows = _held(store)
    held = {row["model"] for row in rows}
    rows += [_known(known) for known in suites.known_models().values() if known.name not in held]
    if as_json:
        console.document({"view": "models", "filters": {}, "rows": rows}, indent=1)
    else:
        console.shown(table(rows, [c.name for c in queries.view("models").columns]), end="")


def _held(store: Path) -> list[dict[str, Any]]:
    _check_place(store)
    return [] if to_be_made(store) else queries.rows(open_to_read(store), queries.view("models"))


def _check_place(store: Path) -> None:
    """Raises: StoreUnusable, if the store is not there and cannot be made."""
    above = next(p for p in store.absolute().parents if p.exists())
    if not store.exists() and not (above.is_dir() and os.access(above, os.W_OK)):
        raise StoreUnusable(f"The store {store} can be neither opened nor made: name another with --store FILE.")


def _known(known: suites.KnownModel) -> dict[str, Any]:
    model, found = model_of(known.name, known.source, known.suite, known.tokens_per_step)
    row = vars(model) | {"model": model.name, "checkpoints": len(found), "computed": 0}
    return {c.name: row[c.name] for c in queries.view("models").columns}


def add(store: Path, name: str, folder: Path, pattern: str | None, tokens_per_step: int | None) -> None:
    """Note a folder under a name. Raises: UnknownModel, UnknownName."""
    if name in suites.known_models():
        raise ValueError(f"The name {name} is taken by the sample suite: choose another.")
    _check_pattern(pattern)
    model, found = model_of(name, _resolved(folder), "folder", tokens_per_step, pattern)
    db = open_to_write(store)
    moved = copied(db, model, found)
    if not (moved and moved.name == name):
        models.check(db, model)
    checkpoints = [
        models.CheckpointRecord(f.step, f.step * tokens_per_step if tokens_per_step else None, f.revision)
        for f in found
    ]
    models.add_model(db, model, checkpoints)
    console.told(f"{name}: {len(found)} checkpoints, steps {found[0].step} to {found[-1].step}.")


def _check_pattern(pattern: str | None) -> None:
    try:
        if pattern is None or "step" in Pattern(pattern, "--pattern").groups:
            return
        fault = f"--pattern {pattern}: no group (?P<step>[0-9]+)"
    except BadPattern as error:
        fault = str(error).removesuffix(".")
    raise ValueError(f"{fault}; give for instance 'run-(?P<step>[0-9]+)'.")


def _resolved(folder: Path) -> Path:
    try:
        return place(folder)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{folder}: {error}") from None


def print_info(store: Path, as_json: bool) -> None:
    _check_place(store)
    journal = _journal(store)
    shown = {
        "version": version("circuit-tui"),
        "python": platform.python_version(),
        "store": str(store),
        "store_state": _state(store),
        "journal": journal,
        "schema": VERSION,
        "sample_suite": str(suites.sample_folder()),
        "log": str(paths.log()),
    }
    if as_json:
        console.document(shown, indent=1)
    else:
        console.shown("\n".join(f"{k:12}  {plain(v)}" for k, v in shown.items()))


def _journal(store: Path) -> str:
    """Which one SQLite keeps, on what file system, and whether that is to change."""
    ahead, shared = logs_ahead(store), filesystem.shared(store)
    where = f"on {filesystem.kind(store) or 'an unknown file system'}{', which hosts may share' if shared else ''}"
    if ahead is None:
        return f"none yet, {where}"
    names = "rollback journal", "write-ahead log"
    now, then = names[ahead], names[not shared]
    changes = "" if now == then else f"; a {then} once it is opened to write and nothing else has it open"
    return f"{now}, {where}{changes}"


def _state(store: Path) -> str:
    if not os.path.lexists(store):
        return "not made yet"
    try:
        with closing(open_to_read(store)) as db:
            held = queries.rows(db, queries.view("models"))
    except (StoreError, sqlite3.Error) as error:
        return str(error)
    return f"{len(held)} models, {store.stat().st_size:,} bytes"
