"""Circuits as a whole, and which of them count as their task's; see `circuit_parts` for what is in them."""

from circuit_store.views.view import AT, DEVICE, DTYPE, MODEL, STEP, TASK, TOKENS, Column, View, param

QUALIFIES = "circuit.threshold_reached"
UNQUALIFIED = (
    "CASE WHEN circuit.threshold_reached IS NULL THEN coalesce(of_task.reason, 'whether it reaches its threshold is not"
    " known') WHEN NOT circuit.threshold_reached THEN 'the circuit does not reach its threshold' END"
)
"""SQL: whether a circuit counts as its task's, and why not (METHODS l.3), of the result `of_task`. It must reach its
threshold; where the checkpoint does not do the task that is undefined."""
_AREA = "not asked for, or undefined, see areas_reason"
_NO_FLOOR = "not asked for, imported, one prompt, or undefined, see reason"
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
        param("resamples", "resamples of the prompts for `se` and `share` of the edges; 0: none", "imported", kind=int),
        Column(
            "edge_floor",
            "edge Jaccard between the circuits of two halves of the prompts, mean of 100 splits",
            _NO_FLOOR,
            kind=float,
        ),
        Column(
            "edge_floor_low",
            "its 2.5 % quantile: circuits less alike than this differ by more than their prompts",
            _NO_FLOOR,
            kind=float,
        ),
        Column("node_floor", "the same of nodes", _NO_FLOOR, kind=float),
        Column("node_floor_low", "its 2.5 % quantile", _NO_FLOOR, kind=float),
        Column("weighted_floor", "the same weighted by |score|", _NO_FLOOR, kind=float),
        Column("weighted_floor_low", "its 2.5 % quantile", _NO_FLOOR, kind=float),
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
