"""How the IOI task is done: stages of the algorithm, and what path patching shows."""

from dataclasses import replace

from circuit_store.views.circuits import QUALIFIES, UNQUALIFIED
from circuit_store.views.names import source
from circuit_store.views.view import (
    AT,
    DEVICE,
    DTYPE,
    MODEL,
    OF_ROLES,
    REASON,
    STEP,
    TASK,
    TOKENS,
    Column,
    View,
    param,
)

_IN_CIRCUIT = (
    "EXISTS (SELECT 1 FROM json_each(stage.heads) AS kind, json_each(kind.value) AS named"
    " WHERE 1 + CAST(substr(named.value, 2) AS INTEGER) * (n_heads + 1)"
    " + CAST(substr(named.value, instr(named.value, '.h') + 2) AS INTEGER)"
    " IN (SELECT src FROM circuit_edge WHERE result_id = of_task.id))"
)
"""SQL: whether one of a stage's heads, named as `a5.h3`, writes in the circuit: the name as an index (METHODS a.3)."""
_POST_EMERGENCE = (
    f"CASE WHEN NOT stage.post_emergence THEN 0 WHEN {QUALIFIES} THEN min({_IN_CIRCUIT})"
    " OVER (PARTITION BY shown_result.id) END"
)
_WHY_NOT = (
    "CASE WHEN stage.post_emergence THEN CASE WHEN of_task.id IS NULL THEN 'the task has no circuit here'"
    f" ELSE {UNQUALIFIED} END END"
)
_CIRCUIT_HERE = (
    "shown_result AS of_task ON of_task.analysis = 'circuit' AND of_task.checkpoint_id = shown_result.checkpoint_id"
    " AND of_task.task_id = shown_result.task_id LEFT JOIN circuit ON circuit.result_id = of_task.id"
)
ALGORITHM = View(
    "algorithm",
    "The stages of the IOI algorithm: what part of the paths' effect the heads of a kind account for.",
    (
        MODEL,
        STEP,
        TOKENS,
        replace(TASK, sql="shown_result.task"),
        Column("stage", "`movers_and_suppressors`, `s_inhibition` or `induction_and_duplicate`"),
        Column(
            "percent",
            "100 x sum of |effect| over the heads found / over the universe",
            "undefined, see reason",
            kind=float,
        ),
        Column(
            "low",
            "lower end of the 95 % interval over prompts (BCa), the heads chosen anew in each resample",
            "no head is found, one prompt, or see reason",
            kind=float,
        ),
        Column("high", "upper end of the 95 % interval", "no head is found, one prompt, or see reason", kind=float),
        Column(
            "percent_random",
            "mean percent of 100 random sets of as many heads of each layer",
            "undefined, see reason",
            kind=float,
        ),
        Column(
            "effect",
            "sum of the heads' effects, signed: -1 is all of the corruption's damage",
            "undefined, see reason",
            kind=float,
        ),
        Column("heads", "the heads found, by kind", "undefined, see reason"),
        Column("universe", "which heads are the whole"),
        Column(
            "post_emergence",
            "1 if heads of every stage are found and some of each are in the task's circuit",
            "undefined, see post_emergence_reason",
            _POST_EMERGENCE,
            kind=int,
        ),
        Column(
            "post_emergence_reason",
            "why the task has no circuit here that counts: one that reaches its threshold where the task is done",
            "nothing is to say",
            _WHY_NOT,
        ),
        Column("note", "what the percent was measured without", "nothing is missing, or undefined"),
        *OF_ROLES,
        replace(DTYPE, sql="shown_result.dtype"),
        replace(DEVICE, sql="shown_result.device"),
        replace(REASON, sql="coalesce(stage.reason, shown_result.reason)"),
    ),
    f"shown_result JOIN {AT.replace('checkpoint_id', 'shown_result.checkpoint_id')}"
    f" LEFT JOIN stage ON stage.result_id = shown_result.id LEFT JOIN {_CIRCUIT_HERE}"
    " WHERE shown_result.analysis = 'algorithm'",
    "model, task, step, place",
    ("model", "step", "task"),
    "ioi_algorithm",
    beside=("place",),
)

GREATER_THAN = View(
    "greater_than",
    "Whether a greater-than circuit looks at the year and raises later ones: its MLPs that write to the logits, and the"
    " heads that write to these.",
    (
        MODEL,
        STEP,
        TOKENS,
        TASK,
        param("method", "attribution method by which the circuit was found"),
        Column("node", "head or MLP", "undefined, see reason", source("src")),
        Column(
            "looks_at_year",
            "a head: share of prompts in which END attends most to YY (by digits: to its tens), 0 to 1",
            "an MLP, or see reason",
            kind=float,
        ),
        Column(
            "raises_year",
            "a head: share of prompts in which it raises YY or YY + 1 the most of the 100 years (by digits: the tens or"
            " the digit after, of ten), 0 to 1",
            "an MLP, or see reason",
            kind=float,
        ),
        Column(
            "later_minus_others",
            "an MLP: its contribution to the logits of later years minus that to the others, means",
            "a head, or see reason",
            kind=float,
        ),
        DTYPE,
        DEVICE,
        REASON,
    ),
    f"shown_result JOIN {AT} LEFT JOIN year_node ON result_id = shown_result.id WHERE analysis = 'greater_than'",
    "model, task, step, place",
    ("model", "step", "task"),
    "greater_than_check",
    beside=("src AS place",),
)

_NAMED = "group_concat('a' || json_extract(value, '$[0]') || '.h' || json_extract(value, '$[1]'), ',')"
_OF_PATCH = (
    replace(param("to", "`logits`, or ports of heads that are patched together"), name="receivers"),
    Column(
        "mlps",
        "`recomputed`: paths may pass through MLPs; `frozen`: they do not",
        sql="CASE WHEN json_extract(shown_result.params, '$.freeze_mlps') THEN 'frozen' ELSE 'recomputed' END",
    ),
    Column(
        "senders",
        "`all` heads, or those asked for",
        sql="CASE json_type(shown_result.params, '$.senders') WHEN 'array'"
        f" THEN (SELECT {_NAMED} FROM json_each(shown_result.params, '$.senders'))"
        " ELSE json_extract(shown_result.params, '$.senders') END",
    ),
)
PATCHES = View(
    "patches",
    "Path patching as a whole, one row for each set of receivers.",
    (
        MODEL,
        STEP,
        TASK,
        *_OF_PATCH,
        Column("metric_clean", "metric of the model", "undefined, see reason", kind=float),
        Column(
            "metric_corrupted",
            "metric on the corrupted prompts, against the clean answers",
            "undefined, see reason",
            kind=float,
        ),
        DTYPE,
        DEVICE,
        REASON,
    ),
    f"shown_result JOIN {AT} LEFT JOIN patch ON result_id = shown_result.id WHERE analysis = 'patch'",
    "model, task, step, receivers, mlps, senders",
    ("model", "step", "task", "receivers", "mlps", "senders"),
    "path_patching",
)
PATCH = View(
    "patch",
    "Path patching: what one head at a time does along its paths to the receivers.",
    (
        MODEL,
        STEP,
        TASK,
        *_OF_PATCH,
        Column("sender", "the head whose output comes from the corrupted prompts", sql="'a' || layer || '.h' || head"),
        Column("metric", "mean metric after patching", sql="patch_effect.metric", kind=float),
        Column(
            "effect",
            "(metric - clean) / (clean - corrupted): -1 is as bad as corrupted, 0 no effect",
            "it means nothing here: `patches` says why",
            kind=float,
        ),
    ),
    f"shown_result JOIN {AT} JOIN patch_effect ON result_id = shown_result.id WHERE analysis = 'patch'",
    "model, task, step, receivers, mlps, senders, layer, head",
    ("model", "step", "task", "receivers", "mlps", "senders"),
    "path_effects",
    PATCHES,
    ("layer", "head"),
)

DETAILS = View(
    "details",
    "What a role's score is made of: lists of the successor score, counterfactuals of the S-inhibition test.",
    (
        MODEL,
        STEP,
        Column("role", "what the head does"),
        Column("task", "task whose prompts were used", "none were"),
        Column("layer", "layer, from 0", kind=int),
        Column("head", "head, from 0", kind=int),
        Column("name", "part", sql="head_detail.name"),
        Column("value", "its value, a fraction", "undefined", kind=float),
    ),
    f"shown_result JOIN {AT} JOIN head_detail ON result_id = shown_result.id WHERE analysis = 'heads'",
    "model, step, role, task, layer, head, name",
    ("model", "step", "role", "task", "layer", "head"),
    "head_details",
)
