"""Models and their checkpoints as the store knows them: names for folders, and what loading them showed."""

import sqlite3
from dataclasses import dataclass, fields

from circuit_store.errors import UnknownName
from circuit_store.queue.states import ACTIVE_RUNS, STATE_OF_RUN, UnitState, move, one_of
from circuit_store.transactions import transaction


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a suite or the user says of a model, and its files do not."""

    pattern: str | None = None
    tokens_per_step: int | None = None
    family: str | None = None
    size: str | None = None
    variant: str | None = None
    """What sets it apart from other models of its family and size: `deduped`."""
    seed: int | None = None
    """Models that differ in nothing but this are replicates."""
    base: str | None = None
    """`MODEL@STEP` that training began from: steps count on from there."""
    base_tokens: int | None = None
    """Seen in training until then."""

    @property
    def base_step(self) -> int:
        return int(self.base.rpartition("@")[2]) if self.base else 0

    def tokens(self, step: int) -> int | None:
        """Seen in training until a step; None if that is not known."""
        before = self.base_tokens if self.base else 0
        if self.tokens_per_step is None or before is None:
            return None
        return before + (step - self.base_step) * self.tokens_per_step


@dataclass(frozen=True)
class Model(Told):
    """A model as the store knows it: a name for a folder (or a hub id) of checkpoints."""

    name: str
    suite: str
    source: str
    params: int | None
    n_layers: int | None
    n_heads: int | None
    d_model: int | None
    parallel: bool | None
    kv_heads: int | None = None

    @property
    def told(self) -> Told:
        return Told(**{field.name: getattr(self, field.name) for field in fields(Told)})

    @property
    def shape(self) -> tuple[int | bool | None, ...]:
        return self.params, self.n_layers, self.n_heads, self.d_model, self.parallel


_COLUMNS = [field.name for field in fields(Model)]


@dataclass(frozen=True)
class CheckpointRecord:
    step: int
    tokens: int | None
    revision: str


def check(db: sqlite3.Connection | None, model: Model, elsewhere: str | None = None) -> None:
    """See that a model may be noted under its name; nothing is written.

    Args:
        elsewhere: a folder for which the name stands besides.

    Raises:
        UnknownName: the name stands for another source, or cannot be part of an address.
    """
    if not model.name.strip() or "@" in model.name or not model.name.isprintable():
        raise UnknownName(
            f"{model.name!r} cannot be the name of a model (no @, not empty): "
            f"choose another with `circuit-tui models add NAME {model.source}`."
        )
    held = held_models(db).get(model.name) if db else None
    if held and held.base != model.base:
        steps = f"count on from {held.base}" if held.base else "begin at 0"
        raise UnknownName(
            f"The steps of {model.name} {steps} in this store: choose another name with "
            f"`circuit-tui models add NAME {model.source} --base {model.base or held.base}`."
        )
    moved = held and held.suite == model.suite != "folder" and "://" not in model.source + held.source
    if held and held.source != model.source and not moved:
        elsewhere = held.source
    if elsewhere:
        raise UnknownName(
            f"The name {model.name} stands for {elsewhere}, not for {model.source}: "
            f"choose another with `circuit-tui models add NAME {model.source}`."
        )


def add_model(db: sqlite3.Connection, model: Model, checkpoints: list[CheckpointRecord]) -> dict[int, int]:
    """Note a model (see `check`) and its checkpoints; known ones keep their results. Returns step -> checkpoint id."""
    with transaction(db):
        updates = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "name")
        db.execute(
            f"INSERT INTO model ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
            f" ON CONFLICT (name) DO UPDATE SET {updates}",
            [getattr(model, name) for name in _COLUMNS],
        )
        model_id = db.execute("SELECT id FROM model WHERE name = ?", (model.name,)).fetchone()["id"]
        db.executemany(
            "INSERT INTO checkpoint (model_id, step, tokens, revision) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (model_id, step) DO UPDATE SET tokens = excluded.tokens, revision = excluded.revision",
            [(model_id, c.step, c.tokens, c.revision) for c in checkpoints],
        )
        noted = db.execute("SELECT step, id FROM checkpoint WHERE model_id = ?", (model_id,))
        return dict(noted.fetchall())


def held_models(db: sqlite3.Connection) -> dict[str, Model]:
    """All models of the store, by name, in the order in which they came."""
    rows = db.execute(f"SELECT {', '.join(_COLUMNS)} FROM model ORDER BY id")
    return {row["name"]: Model(**dict(row)) for row in rows}


def known_weights(db: sqlite3.Connection) -> dict[str, str]:
    """Weight files as they were seen (name, size and times) -> fingerprint of what they held."""
    told = "typeof(files) = 'text' AND typeof(fingerprint) = 'text'"
    return dict(db.execute(f"SELECT files, fingerprint FROM checkpoint WHERE {told}").fetchall())


@dataclass(frozen=True)
class Noted:
    """What a checkpoint's source held when it was last looked at."""

    model: str
    step: int
    source: str
    revision: str
    fingerprint: str
    identity: str


def noted(db: sqlite3.Connection) -> list[Noted]:
    """Of every checkpoint that has been computed."""
    rows = db.execute(
        "SELECT name, step, source, revision, fingerprint, present FROM checkpoint JOIN model ON model.id = model_id"
        " WHERE fingerprint IS NOT NULL AND present IS NOT NULL"
        " AND EXISTS (SELECT 1 FROM result WHERE checkpoint_id = checkpoint.id AND result.identity = present)"
        " ORDER BY model.id, step"
    )
    return [Noted(*row) for row in rows]


def set_aside(db: sqlite3.Connection, checkpoint: int, status: str, detail: str) -> None:
    """Note why a checkpoint was not loaded: `known_bad`, `missing` or `duplicate_of`, with the reason."""
    with transaction(db):
        unless = "status IS NULL OR status IN ('known_bad', 'missing', 'duplicate_of') OR ?1 = 'known_bad'"
        also = f"UPDATE checkpoint SET status = ?1, detail = ?2 WHERE id = ?3 AND ({unless})"
        db.execute(also, (status, detail, checkpoint))


def weights_seen(db: sqlite3.Connection, checkpoint: int, files: str, fingerprint: str) -> None:
    """Note what a checkpoint's weight files hold, so that they need not be read again to know it."""
    with transaction(db):
        seen = "UPDATE checkpoint SET files = ?, fingerprint = ? WHERE id = ?"
        db.execute(seen, (files, fingerprint, checkpoint))


def holds(db: sqlite3.Connection, checkpoint: int, identity: str) -> None:
    """Note what a checkpoint's source holds now; results of what it held before are shown no more.

    Its weights are those of the results of what it holds now, if there are any. Where it held something else before,
    open runs that were through with it have it in their queue again.
    """
    with transaction(db):
        (before,) = db.execute("SELECT present FROM checkpoint WHERE id = ?", (checkpoint,)).fetchone()
        if before == identity:
            return
        db.execute("UPDATE checkpoint SET present = ? WHERE id = ?", (identity, checkpoint))
        loaded = "SELECT fingerprint FROM result WHERE checkpoint_id = ? AND identity = ? AND fingerprint IS NOT NULL"
        for (fingerprint,) in db.execute(f"{loaded} LIMIT 1", (checkpoint, identity)).fetchall():
            again = "UPDATE checkpoint SET files = iif(fingerprint = ?1, files, NULL), fingerprint = ?1 WHERE id = ?2"
            db.execute(again, (fingerprint, checkpoint))
        if before is not None:
            going_on = f"checkpoint_id = :checkpoint AND {STATE_OF_RUN} IN {one_of(ACTIVE_RUNS)}"
            move(db, UnitState.QUEUED, going_on, "seconds = NULL", (UnitState.DONE,), checkpoint=checkpoint)


def checkpoint_loaded(
    db: sqlite3.Connection, checkpoint: int, status: str, fingerprint: str | None = None, detail: str | None = None
) -> None:
    """What loading showed: `ok` with a fingerprint, or `unreadable`, `missing` or `mismatch` with the reason.

    One that is known to be bad stays so.
    """
    with transaction(db):
        db.execute(
            "UPDATE checkpoint SET detail = CASE WHEN ?1 = 'ok' AND status = 'known_bad' THEN detail ELSE ?3 END,"
            " status = CASE WHEN ?1 = 'ok' AND status = 'known_bad' THEN status ELSE ?1 END,"
            " files = CASE WHEN coalesce(?2, fingerprint) = fingerprint THEN files END,"
            " fingerprint = coalesce(?2, fingerprint) WHERE id = ?4",
            (status, fingerprint, detail, checkpoint),
        )
