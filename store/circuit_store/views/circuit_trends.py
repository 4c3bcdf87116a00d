"""How circuits change over training, and with the size of the model."""

from dataclasses import replace

from circuit_store.views.circuits import UNQUALIFIED
from circuit_store.views.trends import STALE, tokens
from circuit_store.views.view import AT, DEVICE, DTYPE, MODEL, STEP, TASK, TOKENS, Column, View, param

_FEW = "fewer than two checkpoints have a circuit, see reason"
_UNWEIGHTED = "a circuit has no scores, see reason"
_NO_FLOOR = "a circuit has none, see `circuits`"
_METHOD = Column("method", "attribution method of all circuits of the curve")


def _floors(kind: str, of: str) -> tuple[Column, Column]:
    """What the two circuits would share if only their prompts differed (METHODS l.10); below both is a change."""
    both = "FROM circuit WHERE result_id IN (result_a, result_b)"
    mean, low = (
        Column(name, "", _NO_FLOOR, f"(SELECT CASE count({name}) WHEN 2 THEN min({name}) END {both})", float)
        for name in (f"{kind}_floor", f"{kind}_floor_low")
    )
    return (
        replace(mean, meaning=f"Jaccard of {of} between two halves of the prompts, mean: the lower of a's and b's"),
        replace(low, meaning="its 2.5 % quantile, likewise: a similarity below it is a change beyond prompts"),
    )


SIMILARITY = View(
    "similarity",
    "How far the circuits of two checkpoints agree: each with the next that has one, and with the last.",
    (
        MODEL,
        TASK,
        Column("against", "`neighbour`: the next checkpoint with a circuit; `final`: the last"),
        Column("step_a", "the earlier checkpoint", _FEW, kind=int),
        Column("step_b", "the other", _FEW, kind=int),
        Column("tokens_a", "tokens seen by the earlier", "not known", tokens("step_a"), kind=int),
        Column("tokens_b", "tokens seen by the other", "not known", tokens("step_b"), kind=int),
        Column("edge_jaccard", "edges in both / in either, 0 to 1", _FEW, kind=float),
        Column("node_jaccard", "the same of the nodes that an edge touches", _FEW, kind=float),
        Column(
            "weighted_jaccard",
            "sum of the lesser / of the larger share of |score| in its circuit, over all edges",
            _UNWEIGHTED,
            kind=float,
        ),
        Column("edge_ewma", "half the value and half the EWMA before, from the first checkpoint on", _FEW, kind=float),
        Column("node_ewma", "likewise of the nodes", _FEW, kind=float),
        Column("weighted_ewma", "likewise of the weighted one", _UNWEIGHTED, kind=float),
        *_floors("edge", "edges"),
        *_floors("node", "nodes"),
        *_floors("weighted", "edges, weighted"),
        Column("additions", "edges of b that a lacks", _FEW, kind=int),
        Column("deletions", "edges of a that b lacks", _FEW, kind=int),
        Column("added_score", "sum of |score| over the additions", _UNWEIGHTED, kind=float),
        Column("deleted_score", "sum of |score| over the deletions", _UNWEIGHTED, kind=float),
        Column(
            "score_drift",
            "sum of |change of score| over all edges of the model",
            "not neighbours, or the scores of all edges are not kept",
            kind=float,
        ),
        Column("counts", "1 if both are their task's circuit: done, and the threshold reached", _FEW, kind=int),
        Column("reason", "why a value is empty", "the values are defined"),
        _METHOD,
        DTYPE,
        STALE,
    ),
    "similarity JOIN model ON model.id = model_id",
    "model, task, place",
    ("model", "task", "against", "method", "dtype"),
    "circuit_similarity",
    beside=("similarity.id AS place",),
)

_NONE = "no circuit, see reason"
SIZE = View(
    "size",
    "Circuit size over training.",
    (
        MODEL,
        TASK,
        STEP,
        TOKENS,
        Column("params", "parameters of the model", "not known", "model.params", int),
        Column("n_edges", "edges after pruning", _NONE, kind=int),
        Column("n_nodes", "nodes that an edge touches, with `input` and `logits`", _NONE, kind=int),
        Column(
            "share_of_edges", "n_edges / edges of the whole model", _NONE, "1.0 * n_edges / n_edges_total", kind=float
        ),
        Column(
            "counts",
            "1 if it is the task's circuit: done, and the threshold reached",
            _NONE,
            f"CASE WHEN n_edges NOT NULL THEN ({UNQUALIFIED}) IS NULL END",
            kind=int,
        ),
        replace(param("method", _METHOD.meaning), sql="json_extract(of_task.params, '$.method')"),
        DTYPE,
        DEVICE,
        Column(
            "reason",
            "why a value is empty, or why it does not count",
            "nothing is to say",
            f"coalesce(of_task.reason, {UNQUALIFIED})",
        ),
    ),
    f"shown_result AS of_task JOIN {AT} LEFT JOIN circuit ON result_id = of_task.id WHERE analysis = 'circuit'",
    "model, task, step",
    ("model", "step", "task"),
    "circuit_size",
)

_OF_SUITE = "SELECT 1 FROM model WHERE model.suite = size_correlation.suite"
SIZE_CORRELATION = View(
    "size_correlation",
    "Whether circuits grow with the model: Pearson's r of mean nodes and parameters, over the models of a suite.",
    (
        Column("suite", "suite of the models; `folder` for folders of your own"),
        Column("variant", "what sets them apart from others of the suite", "nothing does"),
        TASK,
        Column("models", "sizes with circuits at step 1000 or later, and known parameters", kind=int),
        Column("r", "with the number of parameters", "undefined, see reason", kind=float),
        Column("r_log", "with its logarithm", "undefined, see reason", kind=float),
        Column(
            "r_published",
            "over the five models of the paper, whose code has pythia-1.4b and 2.8b ten times as large",
            "not all five have circuits, or see reason",
            kind=float,
        ),
        Column("reason", "why a value is empty", "r is defined"),
    ),
    "size_correlation",
    "suite, variant, task",
    ("task",),
    "circuit_size_correlation",
)
