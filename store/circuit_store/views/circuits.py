"""Circuits: as a whole, edge by edge, node by node, and over sizes."""

from dataclasses import replace

from circuit_store.views.names import destination, port, source
from circuit_store.views.view import AT, DEVICE, DTYPE, MODEL, STEP, TASK, TOKENS, Column, View, param

QUALIFIES = "circuit.threshold_reached"
UNQUALIFIED = (
    "CASE WHEN circuit.threshold_reached IS NULL THEN coalesce(of_task.reason, 'whether it reaches its threshold is not"
    " known') WHEN NOT circuit.threshold_reached THEN 'the circuit does not reach its threshold' END"
)
"""SQL: whether a circuit counts as its task's, and why not (METHODS l.3), of the result `of_task`. It must reach its
threshold; where the checkpoint does not do the task that is undefined."""
_AREA = "not asked for, or undefined, see areas_reason"
_UNDEFINED = "undefined or imported, see reason"
CIRCUITS = View(
    "circuits",
    "Circuits as a whole, one row each.",
    (
        MODEL,
        STEP,
        TOKENS,
        TASK,
        param("method", "attribution method"),
        param("ig_steps", "interpolation points", "the method has none", kind=int),
        param("ig_rule", "which points: `paper`, `code` or `midpoint`", "the method has none"),
        param("selector", "`greedy` from the logits upstream, or `topn`", "imported"),
        param("search", "`grid`, `paper`, `code`, or `sizes` if these were given", "imported"),
        param("threshold", "faithfulness that the search looked for", "imported", kind=float),
        param("threshold_on", "which one: `raw` or `normalised`", "imported"),
        Column("n_requested", "edges selected", "no circuit, or imported", kind=int),
        Column("n_edges", "edges after pruning", "no circuit, see reason", kind=int),
        Column("n_nodes", "nodes that an edge touches", "no circuit, see reason", kind=int),
        Column("n_edges_total", "edges of the whole model", kind=int),
        Column("metric_clean", "metric of the model", "imported", kind=float),
        Column("metric_corrupted", "metric of the corrupted run against the clean answers", "imported", kind=float),
        Column(
            "metric_circuit", "metric of the circuit, everything else corrupted", "no circuit, or imported", kind=float
        ),
        Column("faithfulness", "metric_circuit / metric_clean", _UNDEFINED, kind=float),
        Column(
            "faithfulness_normalised",
            "(metric_circuit - metric_corrupted) / (metric_clean - metric_corrupted)",
            _UNDEFINED,
            kind=float,
        ),
        Column(
            "threshold_reached",
            "1 if faithfulness reaches the threshold, with one edge at least",
            "undefined or imported, or the circuit without edges reaches it too, see reason",
            kind=int,
        ),
        Column(
            "held_out_faithfulness",
            "faithfulness on held-out prompts",
            "none were held out, or undefined, see reason",
            kind=float,
        ),
        Column(
            "faithfulness_low",
            "95 % interval over prompts, with the circuit as it is: of held_out_faithfulness where there is one, else"
            " of faithfulness, given that these prompts chose the circuit",
            "undefined, imported, or one prompt",
            kind=float,
        ),
        Column("faithfulness_high", "its upper end", "as its lower end", kind=float),
        Column("interval_of", "`held-out prompts` or `the prompts that chose it`", "there is no interval"),
        Column(
            "cpr",
            "MIB's CPR: area under normalised faithfulness of the .1 to 100 % of all edges that help most, unpruned:"
            " higher is better",
            _AREA,
            kind=float,
        ),
        Column(
            "cmd",
            "MIB's CMD: area between 1 and the same of the edges largest by |score|: lower is better",
            _AREA,
            kind=float,
        ),
        Column("areas_reason", "why `cpr` and `cmd` are empty", "they are given"),
        Column("imported_from", "file that the circuit was imported from", "it was computed"),
        DTYPE,
        DEVICE,
        Column("reason", "why a value is empty, or what faithfulness cannot tell here", "nothing is to say"),
    ),
    f"shown_result JOIN {AT} LEFT JOIN circuit ON result_id = shown_result.id WHERE analysis = 'circuit'",
    "model, task, step",
    ("model", "step", "task"),
    "task_circuit",
)
CIRCUIT = View(
    "circuit",
    "The edges of a circuit.",
    (
        MODEL,
        STEP,
        TASK,
        Column("src", "node that writes", sql=source("src")),
        Column("dst", "node that reads", sql=destination("port")),
        Column("port", "`q`, `k` or `v` of a head", "the reader is an MLP or the logits", port("port")),
        Column(
            "score",
            "estimated rise of the loss if the edge alone is corrupted: positive helps the task",
            "imported without scores",
            kind=float,
        ),
    ),
    f"shown_result JOIN {AT} JOIN circuit_edge ON result_id = shown_result.id WHERE analysis = 'circuit'",
    "model, task, step, abs(score) DESC, place, origin",
    ("model", "step", "task"),
    "circuit_edges",
    CIRCUITS,
    ("port AS place", "src AS origin"),
    "model, task, step",
)

FAITHFULNESS = View(
    "faithfulness",
    "The whole curve of circuit sizes that a search evaluated.",
    (
        MODEL,
        STEP,
        TASK,
        Column("n_requested", "edges selected", kind=int),
        Column("n_edges", "edges left after pruning", kind=int),
        Column("n_nodes", "nodes that an edge touches", kind=int),
        Column("metric", "metric of the circuit", sql="faithfulness.metric", kind=float),
        Column(
            "faithfulness",
            "metric / metric of the model",
            "undefined, see reason",
            "faithfulness.faithfulness",
            kind=float,
        ),
        Column(
            "faithfulness_normalised", "the same with the corrupted run as zero", "undefined, see reason", kind=float
        ),
        Column("held_out_metric", "metric of the circuit on held-out prompts", "none were held out", kind=float),
        Column(
            "held_out_faithfulness",
            "the same as a share of the model's",
            "none were held out, or undefined, see reason",
            kind=float,
        ),
        Column(
            "random_baseline",
            "mean faithfulness of five random circuits of exactly as many edges",
            "not measured at this size, or undefined, see reason",
            kind=float,
        ),
        Column("random_low", "the smallest of the five", "as their mean", kind=float),
        Column("random_high", "the largest of the five", "as their mean", kind=float),
        Column("reason", "why a value is empty, or what faithfulness cannot tell here", "nothing is to say"),
    ),
    f"shown_result JOIN {AT} JOIN faithfulness ON result_id = shown_result.id WHERE analysis = 'circuit'",
    "model, task, step, n_requested",
    ("model", "step", "task"),
    "faithfulness_curve",
    leading="model, task, step",
)

_KIND = "CASE WHEN src = 0 THEN 'input' WHEN (src - 1) % (n_heads + 1) = n_heads THEN 'mlp' ELSE 'head' END"
_READ = f"coalesce({port('port')}, CASE {destination('port')} WHEN 'logits' THEN 'logits' ELSE 'mlp' END)"
COMPOSITION = View(
    "composition",
    "What a circuit is made of: its edges by what writes them and where they are read.",
    (
        replace(MODEL, sql=""),
        STEP,
        TASK,
        Column("kind", "what writes: `head`, `mlp` or `input`"),
        Column(
            "port",
            "where it is read: `q`, `k`, `v`, `mlp` or `logits`",
            "all together",
            "CASE WHEN detail THEN read END",
        ),
        Column("nodes", "nodes that write", sql="count(DISTINCT src)", kind=int),
        Column("edges", "edges of the circuit", sql="count(*)", kind=int),
        Column(
            "share_of_score",
            "their part of the sum of |score| over the circuit, 0 to 1",
            "all scores are zero, or imported without",
            "sum(size) / nullif(whole, 0)",
            kind=float,
        ),
    ),
    f"(SELECT model.name AS model, step, task, {_KIND} AS kind, {_READ} AS read, src, abs(score) AS size,"
    " sum(abs(score)) OVER (PARTITION BY shown_result.id) AS whole"
    f" FROM shown_result JOIN {AT} JOIN circuit_edge ON result_id = shown_result.id WHERE analysis = 'circuit')"
    " JOIN (SELECT 0 AS detail UNION ALL SELECT 1) GROUP BY 1, 2, 3, 4, 5",
    "model, task, step, kind, port",
    ("model", "step", "task"),
    "circuit_composition",
    CIRCUITS,
)

_SHOWN = "result_id IN (SELECT id FROM shown_result)"
NODES = View(
    "nodes",
    "Node scores: what corrupting everything that a node writes would cost; at 5 steps far from converged.",
    (
        MODEL,
        STEP,
        TASK,
        param(
            "ig_steps",
            "interpolation points; others found 57 % of the top nodes shared between 5 and 10, so take more for nodes",
            "the method has none, or imported",
            kind=int,
        ),
        Column("node", "head, MLP or `input`", sql=source("src")),
        Column(
            "score", "estimated rise of the loss: positive helps the task", "imported without node scores", kind=float
        ),
        Column("edges", "edges of the circuit that the node writes; 0: not in the circuit", kind=int),
    ),
    "(SELECT result_id, src, max(score) AS score, sum(edge) AS edges FROM (SELECT result_id, src, score, 0 AS edge"
    f" FROM node_score WHERE {_SHOWN} UNION ALL SELECT result_id, src, NULL, 1 FROM circuit_edge WHERE {_SHOWN})"
    " GROUP BY 1, 2)"
    f" JOIN shown_result ON result_id = shown_result.id JOIN {AT} WHERE analysis = 'circuit'",
    "model, task, step, place",
    ("model", "step", "task"),
    "circuit_nodes",
    CIRCUITS,
    ("src AS place",),
    "model, task, step",
)

STORED = View(
    "stored",
    "Circuits as they lie in the store; for programs.",
    (
        *(MODEL, STEP, TASK, Column("result", "", sql="shown_result.id")),
        *(Column(name, "") for name in ("n_layers", "n_heads", "parallel", "d_model")),
        *(param(name, "") for name in ("method", "selector")),
        *(Column(name, "") for name in ("scores", "scores_sources", "scores_ports", "original")),
    ),
    f"shown_result JOIN {AT} JOIN circuit ON result_id = shown_result.id WHERE analysis = 'circuit'",
    "model, task, step",
    ("model", "step", "task"),
)
