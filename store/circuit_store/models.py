"""Models and their checkpoints as the store knows them: names for folders, and what loading them showed."""

import sqlite3
from dataclasses import dataclass

from circuit_store.errors import UnknownName
from circuit_store.transactions import transaction


@dataclass(frozen=True)
class Model:
    """A model as the store knows it: a name for a folder (or a hub id) of checkpoints."""

    name: str
    suite: str
    source: str
    pattern: str | None
    tokens_per_step: int | None
    params: int | None
    n_layers: int | None
    n_heads: int | None
    d_model: int | None
    parallel: bool | None


@dataclass(frozen=True)
class Checkpoint:
    step: int
    tokens: int | None
    revision: str


def add_model(db: sqlite3.Connection, model: Model, checkpoints: list[Checkpoint]) -> dict[int, int]:
    """Note a model and its checkpoints; known ones keep their results. Returns step -> checkpoint id.

    Raises:
        UnknownName: the name stands for another source, or cannot be part of an address.
    """
    if not model.name.strip() or "@" in model.name or not model.name.isprintable():
        raise UnknownName(
            f"{model.name!r} cannot be the name of a model (no @, not empty): "
            f"choose another with `circuit-tui models add NAME {model.source}`."
        )
    with transaction(db):
        held = db.execute("SELECT source, suite FROM model WHERE name = ?", (model.name,)).fetchone()
        if held and held["source"] != model.source and "folder" in (model.suite, held["suite"]):
            raise UnknownName(
                f"The name {model.name} stands for {held['source']}, not for {model.source}: "
                f"choose another with `circuit-tui models add NAME {model.source}`."
            )
        fields = list(Model.__annotations__)
        values = [getattr(model, f) for f in fields]
        updates = ", ".join(f"{f} = excluded.{f}" for f in fields if f != "name")
        db.execute(
            f"INSERT INTO model ({', '.join(fields)}) VALUES ({', '.join('?' * len(fields))})"
            f" ON CONFLICT (name) DO UPDATE SET {updates}",
            values,
        )
        model_id = db.execute("SELECT id FROM model WHERE name = ?", (model.name,)).fetchone()["id"]
        db.executemany(
            "INSERT INTO checkpoint (model_id, step, tokens, revision) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (model_id, step) DO UPDATE SET tokens = excluded.tokens, revision = excluded.revision",
            [(model_id, c.step, c.tokens, c.revision) for c in checkpoints],
        )
        noted = db.execute("SELECT step, id FROM checkpoint WHERE model_id = ?", (model_id,))
        return dict(noted.fetchall())


def held_model(db: sqlite3.Connection, name: str) -> Model | None:
    row = db.execute(f"SELECT {', '.join(Model.__annotations__)} FROM model WHERE name = ?", (name,)).fetchone()
    return Model(**dict(row)) if row else None


def model_at(db: sqlite3.Connection, source: str) -> str | None:
    """Name under which a folder is known."""
    row = db.execute("SELECT name FROM model WHERE source = ? ORDER BY id", (source,)).fetchone()
    return row and row["name"]


def checkpoint_loaded(
    db: sqlite3.Connection, checkpoint: int, status: str, fingerprint: str | None = None, detail: str | None = None
) -> None:
    """What loading showed: `ok` with a fingerprint, or `unreadable`, `missing` or `mismatch` with the reason."""
    with transaction(db):
        db.execute(
            "UPDATE checkpoint SET status = ?, fingerprint = coalesce(?, fingerprint), detail = ? WHERE id = ?",
            (status, fingerprint, detail, checkpoint),
        )
