"""What training as a whole shows."""

from circuit_store.views.view import DTYPE, MODEL, PRESET, TEXT, Column, View

RESTS_ON = "('behaviour', 'heads', 'circuit', 'algorithm')"
"""The analyses that trends rest on."""
LAST = (
    "(SELECT coalesce(max(asked), 0) FROM result JOIN checkpoint AS c ON c.id = checkpoint_id"
    f" WHERE c.model_id = model.id AND analysis IN {RESTS_ON})"
)
"""SQL: the number of what a model was computed or asked for last, of those."""
STALE = Column(
    "stale",
    "1 if the store holds newer results of the kind that this rests on, or if others were asked for since",
    sql=f"{LAST} > last_result",
    kind=int,
)
OF = (PRESET, TEXT, DTYPE)


def tokens(step: str) -> str:
    """SQL: seen by a model's checkpoint."""
    return f"(SELECT tokens FROM checkpoint AS c WHERE c.model_id = model.id AND c.step = {step})"


EMERGENCE = View(
    "emergence",
    "When tasks and roles come, and when heads lose them.",
    (
        MODEL,
        Column(
            "kind",
            "`role`: the role's earliest head; `role_in_circuit`: the earliest that writes and reads in its task's"
            " circuits (`greater_than`, else `greater_than_digit`, for successor and induction, `ioi` for others, the"
            " task whose prompts were used where some were), of checkpoints that do the task where the circuit reaches"
            " its threshold, no row without circuits; `head`: any head with the role; `figure_2_head`: the earliest of"
            " those circuits by the rule of the paper's figure; `top_head`: the heads longest in them; `task`,"
            " `task_most`: half and nine tenths of the final metric; `task_minimum`: the lowest metric before",
        ),
        Column("name", "role or task", sql="emergence.name"),
        Column("task", "task whose prompts were used", "none were"),
        Column("layer", "layer, from 0", "a task, or no head, see reason", kind=int),
        Column("head", "head, from 0", "a task, or no head, see reason", kind=int),
        Column(
            "step",
            "first of two checkpoints in a row at the threshold; the first at all for the paper's figures",
            "it does not emerge, see reason",
            kind=int,
        ),
        Column("tokens", "tokens seen by then", "not known, or it does not emerge", tokens("emergence.step"), kind=int),
        Column("lost_step", "first of two in a row below a third of the head's maximum", "not lost", kind=int),
        Column("lost_tokens", "tokens seen by then", "not lost, or not known", tokens("emergence.lost_step"), kind=int),
        Column(
            "state",
            "of a head: `emerged`, `lost`, or `last checkpoint only`: it reaches the floor there alone, so that nothing"
            " confirms it",
            "the role does not emerge there, a figure, or a task",
        ),
        Column(
            "value", "a head's highest score; a task's final (or lowest) metric", "nothing was measured", kind=float
        ),
        Column("threshold", "what had to be reached", "undefined, see reason", kind=float),
        Column(
            "floor",
            "the least score that counts as the role",
            "a figure, a task, or never defined, see reason",
            kind=float,
        ),
        Column(
            "floor_from",
            "`role`: the role's own floor; `step N`: what its heads reach by chance at that untrained checkpoint, and"
            " half as much again (at most half way to 1)",
            "there is no floor",
        ),
        Column("reason", "why there is no step", "there is one"),
        *OF,
        STALE,
    ),
    "emergence JOIN model ON model.id = model_id",
    "model, place",
    ("model", "task", "layer", "head", "preset", "text", "dtype"),
    "emergence_of",
    beside=("emergence.id AS place",),
)

HANDOFFS = View(
    "handoffs",
    "Roles that one head loses and another gains soon before or after, each loss to one head at most.",
    (
        MODEL,
        Column("role", "the role"),
        Column("task", "task whose prompts were used", "none were"),
        Column("from_layer", "layer of the head that loses it", kind=int),
        Column("from_head", "the head that loses it", kind=int),
        Column("lost_step", "when it is lost", kind=int),
        Column("to_layer", "layer of the head that gains it", kind=int),
        Column("to_head", "the head that gains it", kind=int),
        Column("gained_step", "when it is gained", kind=int),
        Column("window", "checkpoints that may lie between", kind=int),
        Column(
            "window_tokens",
            "tokens seen from so many checkpoints before the loss to as many after it",
            "not known",
            kind=int,
        ),
        Column("fall", "mean score over 3 checkpoints before the loss minus that over 3 from it on", kind=float),
        Column("rise", "the same of the head that gains it, at least half the fall", kind=float),
        Column(
            "expected_by_chance",
            "hand-offs of the role if its losses came at other times: mean over 200 shifts round the run",
            kind=float,
        ),
        *OF,
        STALE,
    ),
    "handoff JOIN model ON model.id = model_id",
    "model, place",
    ("model", "role", "task", "preset", "text", "dtype"),
    "role_handoffs",
    beside=("handoff.id AS place",),
)
