"""Every table a person sees, once: its columns, their units, what an empty cell means, and the query behind it.

The same definition serves the explorer, `show`, `export`, the database's own view and the documentation. Several
results may answer one question (other parameters, an earlier run); `answer` is the relation of those that do: the
newest for each checkpoint, task and role, among those that the caller's choices allow.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    name: str
    meaning: str
    empty: str = ""
    """What an empty cell (NULL) means; empty if there is none."""


@dataclass(frozen=True)
class View:
    name: str
    about: str
    columns: tuple[Column, ...]
    body: str
    """SQL with every column of `columns`; may read the relation `answer`."""
    order: str
    filters: tuple[str, ...]
    """Columns by which the view is addressed."""
    table: str = ""
    """Name of the database's own view of it."""
    header: "View | None" = None
    """One row of figures on the whole (a circuit's); `--json` puts it at the top level."""

    def statement(self, choices: str = "", where: str = "") -> str:
        """The whole query; `choices` narrows which results may answer, `where` which rows are shown."""
        newest = (
            "SELECT * FROM (SELECT result.*, task.name AS task, task.metric AS metric, row_number() OVER"
            " (PARTITION BY checkpoint_id, analysis, role, task.name ORDER BY result.id DESC) AS rank"
            f" FROM result LEFT JOIN task ON task.id = task_id {choices and 'WHERE ' + choices}) WHERE rank = 1"
        )
        names = ", ".join(c.name for c in self.columns)
        condition = f"WHERE {where} " if where else ""
        return f"WITH answer AS ({newest}) SELECT {names} FROM ({self.body}) {condition}ORDER BY {self.order}"


_MODEL = Column("model", "name of the model")
_STEP = Column("step", "training step of the checkpoint")
_TOKENS = Column("tokens", "tokens seen in training", "not known for this model")
_TASK = Column("task", "task whose prompts were used")
_REASON = Column("reason", "why a value is empty", "the value is defined")
_DTYPE = Column("dtype", "precision of the computation")
_AT = "checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"


def _source(column: str) -> str:
    """SQL: the name of a forward node (METHODS a.3), as `a5.h3`."""
    layer, rest = f"({column} - 1) / (n_heads + 1)", f"({column} - 1) % (n_heads + 1)"
    return (
        f"CASE WHEN {column} = 0 THEN 'input' WHEN {rest} = n_heads THEN 'm' || ({layer})"
        f" ELSE 'a' || ({layer}) || '.h' || ({rest}) END"
    )


def _destination(column: str) -> str:
    layer, rest = f"{column} / (3 * n_heads + 1)", f"{column} % (3 * n_heads + 1)"
    return (
        f"CASE WHEN {layer} = n_layers THEN 'logits' WHEN {rest} = 3 * n_heads THEN 'm' || ({layer})"
        f" ELSE 'a' || ({layer}) || '.h' || (({rest}) % n_heads) END"
    )


def _port(column: str) -> str:
    layer, rest = f"{column} / (3 * n_heads + 1)", f"{column} % (3 * n_heads + 1)"
    return f"CASE WHEN {layer} < n_layers AND {rest} < 3 * n_heads THEN substr('qkv', 1 + ({rest}) / n_heads, 1) END"


MODELS = View(
    "models",
    "Models that the store knows, and how far they are computed.",
    (
        _MODEL,
        Column("suite", "suite it belongs to; `folder` for a folder of your own"),
        Column("params", "number of parameters", "the source could not be read"),
        Column("n_layers", "layers", "the source could not be read"),
        Column("n_heads", "attention heads a layer", "the source could not be read"),
        Column("checkpoints", "checkpoints that the source has"),
        Column("computed", "checkpoints with results in the store"),
        Column("source", "folder or hub id"),
    ),
    "SELECT name AS model, suite, params, n_layers, n_heads, source,"
    " (SELECT count(*) FROM checkpoint WHERE model_id = model.id) AS checkpoints,"
    " (SELECT count(DISTINCT checkpoint_id) FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id"
    " WHERE model_id = model.id) AS computed FROM model",
    "model",
    ("model",),
    "models",
)

CHECKPOINTS = View(
    "checkpoints",
    "Checkpoints of each model and what loading them showed.",
    (
        _MODEL,
        _STEP,
        _TOKENS,
        Column("revision", "folder or branch"),
        Column("fingerprint", "hash over a part of every tensor", "not loaded yet"),
        Column("status", "`ok`, `duplicate_of`, `known_bad`, `missing`, `unreadable` or `mismatch`", "not loaded yet"),
        Column("detail", "reason, or the step that it repeats", "nothing to say"),
    ),
    "SELECT model.name AS model, step, tokens, revision, fingerprint,"
    " CASE WHEN twin IS NOT NULL AND status = 'ok' THEN 'duplicate_of' ELSE status END AS status,"
    " CASE WHEN twin IS NOT NULL AND status = 'ok' THEN 'step ' || twin ELSE detail END AS detail"
    " FROM (SELECT *, (SELECT min(step) FROM checkpoint AS early WHERE early.model_id = checkpoint.model_id"
    " AND early.fingerprint = checkpoint.fingerprint AND early.step < checkpoint.step) AS twin FROM checkpoint) AS c"
    " JOIN model ON model.id = c.model_id",
    "model, step",
    ("model", "step"),
    "checkpoint_status",
)

BEHAVIOUR = View(
    "behaviour",
    "How well each checkpoint does a task.",
    (
        _MODEL,
        _STEP,
        _TOKENS,
        _TASK,
        Column(
            "metric", "`logit_diff`: logit of the correct answer minus the wrong one; `prob_diff`: of probabilities"
        ),
        Column("value", "mean of the metric over the prompts; higher is better", "undefined, see reason"),
        Column("stderr", "standard error of the mean", "undefined, see reason"),
        Column("low", "lower end of the 95 % interval", "undefined, see reason"),
        Column("high", "upper end of the 95 % interval", "undefined, see reason"),
        Column("n_examples", "prompts"),
        Column("accuracy", "share of prompts with a positive metric, 0 to 1", "undefined, see reason"),
        _DTYPE,
        _REASON,
    ),
    "SELECT model.name AS model, step, tokens, task, metric, value, stderr, low, high, n_examples, accuracy, dtype,"
    " reason"
    f" FROM answer JOIN {_AT} LEFT JOIN behaviour ON result_id = answer.id"
    " WHERE analysis = 'behaviour'",
    "model, task, step",
    ("model", "step", "task"),
    "task_behaviour",
)

_HEAD_COLUMNS = (
    _MODEL,
    _STEP,
    _TOKENS,
    Column("role", "what the head does, for instance `induction`"),
    Column("layer", "layer, from 0", "the role is undefined, see reason"),
    Column("head", "head, from 0", "the role is undefined, see reason"),
    Column("value", "the role's score as a fraction; attention scores have their control subtracted", "see reason"),
    Column("low", "lower end of the 95 % interval", "not computed for this role"),
    Column("high", "upper end of the 95 % interval", "not computed for this role"),
    Column("raw", "the score before the control was subtracted", "this role has no control"),
    Column("control", "the same score on tokens that do not repeat", "this role has no control"),
    _DTYPE,
    _REASON,
)
_HEAD_BODY = (
    "SELECT model.name AS model, step, tokens, role, layer, head, value, NULL AS low, NULL AS high, raw, control,"
    " dtype, reason"
    f" FROM answer JOIN {_AT} LEFT JOIN head_score ON result_id = answer.id"
    " WHERE analysis = 'heads'"
)
HEADS = View(
    "heads",
    "Role scores of the heads, checkpoint by checkpoint.",
    _HEAD_COLUMNS,
    _HEAD_BODY,
    "model, step, role, layer, head",
    ("model", "step", "role", "layer", "head"),
)
HISTORY = View(
    "history",
    "Role scores over training, head by head.",
    _HEAD_COLUMNS,
    _HEAD_BODY,
    "model, role, layer, head, step",
    ("model", "step", "role", "layer", "head"),
    "head_history",
)

_PARAMS = ", ".join(
    f"json_extract(answer.params, '$.{name}') AS {name}"
    for name in ("method", "ig_steps", "ig_rule", "selector", "search", "threshold")
)
CIRCUITS = View(
    "circuits",
    "Circuits as a whole, one row each.",
    (
        _MODEL,
        _STEP,
        _TOKENS,
        _TASK,
        Column("method", "attribution method"),
        Column("ig_steps", "interpolation points", "the method has none"),
        Column("ig_rule", "which points: `paper`, `code` or `midpoint`", "the method has none"),
        Column("selector", "`greedy` from the logits upstream, or `topn`"),
        Column("search", "how the size was searched"),
        Column("threshold", "faithfulness that the search looked for"),
        Column("n_edges", "edges after pruning", "no circuit, see reason"),
        Column("n_nodes", "nodes that an edge touches", "no circuit, see reason"),
        Column("n_edges_total", "edges of the whole model"),
        Column("metric_clean", "metric of the model"),
        Column("metric_corrupted", "metric of the corrupted run against the clean answers"),
        Column("metric_circuit", "metric of the circuit, everything else corrupted", "no circuit, see reason"),
        Column("faithfulness", "metric_circuit / metric_clean", "the model does not do the task, see reason"),
        Column(
            "faithfulness_normalised",
            "(metric_circuit - metric_corrupted) / (metric_clean - metric_corrupted)",
            "the model does not do the task, see reason",
        ),
        Column("threshold_reached", "1 if faithfulness reaches the threshold", "faithfulness undefined"),
        _DTYPE,
        _REASON,
    ),
    f"SELECT model.name AS model, step, tokens, task, {_PARAMS}, n_edges, n_nodes, n_edges_total, metric_clean,"
    " metric_corrupted, metric_circuit, faithfulness, faithfulness_normalised,"
    f" threshold_reached, dtype, reason FROM answer JOIN {_AT}"
    " LEFT JOIN circuit ON result_id = answer.id WHERE analysis = 'circuit'",
    "model, task, step",
    ("model", "step", "task"),
    "task_circuit",
)
CIRCUIT = View(
    "circuit",
    "The edges of a circuit.",
    (
        _MODEL,
        _STEP,
        _TASK,
        Column("src", "node that writes"),
        Column("dst", "node that reads"),
        Column("port", "`q`, `k` or `v` of a head", "the reader is an MLP or the logits"),
        Column("score", "estimated rise of the loss if the edge alone is corrupted: positive helps the task"),
    ),
    f"SELECT model.name AS model, step, task, {_source('src')} AS src, {_destination('port')} AS dst,"
    f" {_port('port')} AS port, score, port AS place, src AS origin FROM answer JOIN {_AT}"
    " JOIN circuit_edge ON result_id = answer.id WHERE analysis = 'circuit'",
    "model, task, step, abs(score) DESC, place, origin",
    ("model", "step", "task"),
    "circuit_edges",
    CIRCUITS,
)

FAITHFULNESS = View(
    "faithfulness",
    "The whole curve of circuit sizes that a search evaluated.",
    (
        _MODEL,
        _STEP,
        _TASK,
        Column("n_requested", "edges selected"),
        Column("n_edges", "edges left after pruning"),
        Column("n_nodes", "nodes that an edge touches"),
        Column("metric", "metric of the circuit"),
        Column("faithfulness", "metric / metric of the model", "the model does not do the task"),
        Column("faithfulness_normalised", "the same with the corrupted run as zero", "the model does not do the task"),
        Column("random_baseline", "faithfulness of random circuits of that size", "not computed"),
    ),
    "SELECT model.name AS model, step, task, n_requested, faithfulness.n_edges, faithfulness.n_nodes,"
    " faithfulness.metric, faithfulness.faithfulness, faithfulness.faithfulness_normalised, random_baseline"
    f" FROM answer JOIN {_AT} JOIN faithfulness ON result_id = answer.id"
    " WHERE analysis = 'circuit'",
    "model, task, step, n_requested",
    ("model", "step", "task"),
    "faithfulness_curve",
)

UNITS = View(
    "units",
    "What was asked for and how it went, one row a checkpoint.",
    (
        Column("run", "number of the run"),
        _MODEL,
        _STEP,
        Column("state", "`queued`, `loading`, `running`, `done`, `failed`, `cancelled` or `interrupted`"),
        Column("attempts", "times it was begun"),
        Column("seconds", "time it took", "not finished"),
        Column("device", "where it ran", "not begun"),
        Column("error", "why it failed", "it did not fail"),
    ),
    f"SELECT run_id AS run, model.name AS model, step, state, attempts, seconds, device, error FROM unit JOIN {_AT}",
    "run, model, step",
    ("model", "step"),
    "unit_status",
)

VIEWS: Mapping[str, View] = {
    v.name: v for v in (MODELS, CHECKPOINTS, BEHAVIOUR, HEADS, HISTORY, CIRCUITS, CIRCUIT, FAITHFULNESS, UNITS)
}
