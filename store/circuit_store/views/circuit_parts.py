"""A circuit edge by edge and node by node, what it is made of, and how faithful circuits of other sizes are."""

from dataclasses import replace

from circuit_store.views.circuits import CIRCUITS
from circuit_store.views.names import destination, port, source
from circuit_store.views.view import AT, MODEL, STEP, TASK, Column, View, param

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
        Column(
            "se",
            "standard error of the score, by resamples of the prompts",
            "not asked for, imported, or one prompt",
            kind=float,
        ),
        Column("share", "part of the resamples whose circuit holds the edge, 0 to 1", "as se", kind=float),
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

WRITER = "CASE WHEN src = 0 THEN 'input' WHEN (src - 1) % (n_heads + 1) = n_heads THEN 'mlp' ELSE 'head' END"
"""SQL: which kind of node writes an edge."""
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
    f"(SELECT model.name AS model, step, task, {WRITER} AS kind, {_READ} AS read, src, abs(score) AS size,"
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
