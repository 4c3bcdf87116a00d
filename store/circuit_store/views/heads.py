"""What heads do and where they look, and how well tasks are done."""

from dataclasses import replace

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
)

_NONE = "undefined, see reason"
_NO_INTERVAL = "the role is no mean over prompts, or they are one, or see reason"
BEHAVIOUR = View(
    "behaviour",
    "How well each checkpoint does a task.",
    (
        MODEL,
        STEP,
        TOKENS,
        TASK,
        Column(
            "metric", "`logit_diff`: logit of the correct answer minus the wrong one; `prob_diff`: of probabilities"
        ),
        Column("value", "mean of the metric over the prompts; higher is better", _NONE, kind=float),
        Column(
            "stderr", "standard error of the mean by the kinds of prompts that the task balances", _NONE, kind=float
        ),
        Column(
            "stderr_plain",
            "standard error as if it balanced none: above two of them it does the task",
            _NONE,
            kind=float,
        ),
        Column("low", "lower end of the 95 % interval over other draws of the task, by Student's t", _NONE, kind=float),
        Column("high", "upper end of this interval", _NONE, kind=float),
        Column("n_examples", "prompts", kind=int),
        Column("n_distinct", "how many of them are different", _NONE, kind=int),
        Column("pool", "different prompts that the task has for the model's tokenizer", "a user's file", kind=int),
        Column("accuracy", "share of prompts with a positive metric, 0 to 1", _NONE, kind=float),
        DTYPE,
        DEVICE,
        REASON,
    ),
    f"shown_result JOIN {AT} LEFT JOIN behaviour ON result_id = shown_result.id WHERE analysis = 'behaviour'",
    "model, task, step",
    ("model", "step", "task"),
    "task_behaviour",
)

_HEAD_COLUMNS = (
    MODEL,
    STEP,
    TOKENS,
    Column("role", "what the head does, for instance `induction`"),
    Column("task", "task whose prompts were used", "none were"),
    Column("layer", "layer, from 0", "the role is undefined, see reason", kind=int),
    Column("head", "head, from 0", "the role is undefined, see reason", kind=int),
    Column(
        "value",
        "the role's score as a fraction; attention scores have their control subtracted",
        "see reason",
        kind=float,
    ),
    Column("raw", "the score before the control was subtracted", "this role has no control", kind=float),
    Column("control", "the same score on tokens that do not repeat", "this role has no control", kind=float),
    Column("low", "lower end of the value's 95 % interval over prompts, or sequences", _NO_INTERVAL, kind=float),
    Column("high", "upper end of this interval", _NO_INTERVAL, kind=float),
    *OF_ROLES,
    DTYPE,
    DEVICE,
    replace(REASON, sql="CASE WHEN value IS NULL THEN coalesce(head_score.reason, shown_result.reason) END"),
)
_HEAD_SCORES = f"shown_result JOIN {AT} LEFT JOIN head_score ON result_id = shown_result.id WHERE analysis = 'heads'"
HEADS = View(
    "heads",
    "Role scores of the heads, checkpoint by checkpoint.",
    _HEAD_COLUMNS,
    _HEAD_SCORES,
    "model, step, role, task, layer, head",
    ("model", "step", "role", "task", "layer", "head"),
    leading="model, step, role, task",
)
HISTORY = View(
    "history",
    "Role scores over training, head by head.",
    _HEAD_COLUMNS,
    _HEAD_SCORES,
    "model, role, task, layer, head, step",
    ("model", "step", "role", "task", "layer", "head"),
    "head_history",
)

ATTENTION = View(
    "attention",
    "Where each head looks from the answer position, token by token, on a task's first prompts.",
    (
        MODEL,
        STEP,
        TASK,
        Column("prompt", "prompt of the task, from 0; eight are kept", _NONE, kind=int),
        Column("layer", "layer, from 0", _NONE, "row.key / n_heads", kind=int),
        Column("head", "head, from 0", _NONE, "row.key % n_heads", kind=int),
        Column(
            "position", "place of the token, from 0; the last is the answer position", _NONE, "weight.key", kind=int
        ),
        Column(
            "token",
            "the token looked at; SQLite ends it at a NUL character",
            _NONE,
            "json_extract(attention_row.tokens, '$[' || weight.key || ']')",
        ),
        Column(
            "named",
            "what the task calls its place: `IO`, `S1`, `S2`",
            "the task does not name it, or undefined",
            "(SELECT group_concat(key, ' ') FROM json_each(positions) WHERE value = weight.key)",
        ),
        Column(
            "weight",
            "the head's attention to it, 0 to 1, to four decimals",
            _NONE,
            "weight.value / 10000.0",
            kind=float,
        ),
        DTYPE,
        DEVICE,
        REASON,
    ),
    f"shown_result JOIN {AT} LEFT JOIN attention_row ON result_id = shown_result.id"
    " LEFT JOIN json_each(weights) AS row LEFT JOIN json_each(row.value) AS weight WHERE analysis = 'attention'",
    "model, task, step, prompt, layer, head, position",
    ("model", "step", "task", "prompt", "layer", "head"),
    "attention_from_end",
    leading="model, task, step",
)
