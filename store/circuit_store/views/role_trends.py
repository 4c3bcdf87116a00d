"""How roles come, spread over heads and stay, over training."""

from dataclasses import replace

from circuit_store.views.trends import OF, STALE, tokens
from circuit_store.views.view import DTYPE, MODEL, PRESET, Column, View

_UNFITTED = "no curve, see reason"
_OF_THE_RULE = "it does not emerge then, or never"


def _moved(name: str, what: str) -> Column:
    return Column(name, f"step of `emergence` with {what}", _OF_THE_RULE, kind=int)


LOGISTIC = View(
    "logistic",
    "When tasks and roles come, of all models on one axis of tokens: a logistic curve fitted to the rise.",
    (
        MODEL,
        Column("kind", "`task`; of a role its earliest head (`role`), or that in the circuit (`role_in_circuit`)"),
        Column("name", "role or task", sql="logistic.name"),
        Column("task", "task whose prompts were used", "none were"),
        Column("layer", "layer, from 0", "a task, or no head", kind=int),
        Column("head", "head, from 0", "a task, or no head", kind=int),
        Column("lower", "where the curve begins", _UNFITTED, kind=float),
        Column("plateau", "where it ends", _UNFITTED, kind=float),
        Column("midpoint", "tokens seen half way", _UNFITTED, kind=float),
        Column("midpoint_low", "lower end of its 95 % interval", _UNFITTED, kind=float),
        Column("midpoint_high", "upper end", _UNFITTED, kind=float),
        Column(
            "interval_over",
            "what is resampled: `prompts`, or residuals of `checkpoints` where no values by prompt are kept",
            _UNFITTED,
        ),
        Column("width", "in ln tokens: tokens grow exp(4.39 width)-fold from 10 to 90 %", _UNFITTED, kind=float),
        Column("r2", "share of the variance that the curve explains", "nothing was fitted, see reason", kind=float),
        _moved("half_lower", "three eighths of the highest score in the place of half"),
        _moved("half_higher", "five eighths"),
        _moved("floor_lower", "three quarters of the floor"),
        _moved("floor_higher", "five quarters of the floor"),
        Column("reason", "why there is no curve", "there is one"),
        *OF,
        STALE,
    ),
    "logistic JOIN model ON model.id = model_id",
    "model, place",
    ("model", "task", "layer", "head", "preset", "text", "dtype"),
    "logistic_emergence",
    beside=("logistic.id AS place",),
)

_NO_HEAD = "no head has the role, see reason"
LOAD = View(
    "load",
    "How many heads carry a role, and how evenly, checkpoint by checkpoint.",
    (
        MODEL,
        Column("role", "the role"),
        Column("task", "task whose prompts were used", "none were"),
        Column("step", "training step of the checkpoint", "the role is undefined everywhere", kind=int),
        Column("tokens", "tokens seen by then", "not known", tokens("load.step"), kind=int),
        Column("heads", "heads whose score reaches the floor", "as step", kind=int),
        Column("scored", "heads with a score", "as step", kind=int),
        Column("load", "sum of the scores of the heads that carry it", "as step", "load.load", kind=float),
        Column("spread", "so many equal heads would be as uneven: 1 / sum of squared shares", _NO_HEAD, kind=float),
        Column(
            "evenness", "entropy of their shares / its maximum: 1 is even", "fewer than two heads have it", kind=float
        ),
        Column("floor", "the least score that counts, as in `emergence`", "as step", kind=float),
        Column("reason", "why a value is empty", "nothing is to say"),
        *OF,
        STALE,
    ),
    "load JOIN model ON model.id = model_id",
    "model, role, task, step, place",
    ("model", "step", "role", "task", "preset", "text", "dtype"),
    "role_load",
    beside=("load.id AS place",),
)

_UNSTABLE = "undefined, see reason"
STABILITY = View(
    "stability",
    "Whether a stage of the IOI algorithm stays once it is there, while its heads change.",
    (
        MODEL,
        Column("task", "task whose prompts were used"),
        Column("stage", "as in `algorithm`", "undefined at every checkpoint"),
        Column("emerged_step", "first of two checkpoints with half of its highest percent", _UNSTABLE, kind=int),
        Column("emerged_tokens", "tokens seen by then", "not known, or as step", tokens("emerged_step"), kind=int),
        Column("checkpoints", "checkpoints from there on", _UNSTABLE, kind=int),
        Column("mean", "mean percent over these", _UNSTABLE, kind=float),
        Column("sd", "standard deviation of the percent", _UNSTABLE, kind=float),
        Column("low", "lowest percent", _UNSTABLE, kind=float),
        Column("high", "highest percent", _UNSTABLE, kind=float),
        Column(
            "head_jaccard",
            "heads in both / in either of neighbouring checkpoints, mean",
            "no heads, or undefined, see reason",
            kind=float,
        ),
        Column("reason", "why a value is empty", "it is defined"),
        replace(PRESET, empty="none is named"),
        DTYPE,
        STALE,
    ),
    "stability JOIN model ON model.id = model_id",
    "model, place",
    ("model", "task", "preset", "dtype"),
    "stage_stability",
    beside=("stability.id AS place",),
)
