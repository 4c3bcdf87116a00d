"""What the store knows of models, checkpoints and units of work."""

from circuit_store.queue.states import UnitState
from circuit_store.views.view import AT, MODEL, STEP, TOKENS, Column, View

MODELS = View(
    "models",
    "Models that the store knows, and how far they are computed.",
    (
        MODEL,
        Column("suite", "suite it belongs to; `folder` for a folder of your own"),
        Column("family", "models that were trained alike, in several sizes", "not told"),
        Column("size", "its size, as the suite calls it", "not told"),
        Column(
            "variant", "what sets it apart from others of its family and size: `deduped`", "nothing does, or not told"
        ),
        Column("seed", "number of the run: models that differ in nothing else are replicates", "not told", kind=int),
        Column(
            "params", "number of parameters, tied weights counted once", "not read yet, or it cannot be read", kind=int
        ),
        Column("n_layers", "layers", "the source could not be read", kind=int),
        Column("n_heads", "attention heads a layer", "the source could not be read", kind=int),
        Column(
            "kv_heads",
            "heads of keys and values a layer; fewer than `n_heads` where heads share them in groups: repeated for "
            "each head when loaded",
            "the source could not be read",
            kind=int,
        ),
        Column(
            "checkpoints",
            "checkpoints that the source has",
            sql="(SELECT count(*) FROM checkpoint WHERE model_id = model.id)",
            kind=int,
        ),
        Column(
            "computed",
            "checkpoints with results in the store",
            sql="(SELECT count(DISTINCT checkpoint_id) FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
            " WHERE model_id = model.id)",
            kind=int,
        ),
        Column("base", "of a finetune: the checkpoint that its steps count on from", "it is none"),
        Column("source", "folder or hub id"),
    ),
    "model",
    "model",
    ("model",),
    "models",
)

CHECKPOINTS = View(
    "checkpoints",
    "Checkpoints of each model and what loading them showed.",
    (
        MODEL,
        STEP,
        TOKENS,
        Column("revision", "folder or branch"),
        Column("fingerprint", "hash over a sample of the weights that are loaded", "not loaded yet"),
        Column(
            "status",
            "`ok`, `duplicate_of`, `known_bad`, `missing`, `unreadable` or `mismatch`",
            "not loaded yet",
            "CASE WHEN twin IS NOT NULL AND status = 'ok' THEN 'duplicate_of' ELSE status END",
        ),
        Column(
            "detail",
            "reason, or which of the steps with equal weights trends keep: the first of steps 0 to 2, else the last",
            "nothing to say",
            "CASE WHEN twin IS NOT NULL AND status = 'ok' THEN 'step ' || twin ELSE detail END",
        ),
    ),
    "(SELECT *, nullif(iif(max(step) OVER equal <= 2, min(step) OVER equal, max(step) OVER equal), step) AS twin"
    " FROM checkpoint WINDOW equal AS (PARTITION BY model_id, coalesce(iif(status = 'ok', fingerprint, NULL), id)))"
    " AS c JOIN model ON model.id = c.model_id",
    "model, step",
    ("model", "step"),
    "checkpoint_status",
)

_STATES = list(UnitState)
UNITS = View(
    "units",
    "What was asked for and how it went, one row a checkpoint.",
    (
        Column("run", "number of the run", sql="run_id", kind=int),
        MODEL,
        STEP,
        Column("state", f"`{'`, `'.join(_STATES[:-1])}` or `{_STATES[-1]}`"),
        Column("attempts", "times it was begun", kind=int),
        Column("seconds", "time it took", "not finished", kind=float),
        Column("device", "where it ran", "not begun"),
        Column("error", "why it failed", "it did not fail"),
    ),
    f"unit JOIN {AT}",
    "run, model, step",
    ("model", "step", "run"),
    "unit_status",
)
