"""Seeds as replicates: models that differ in nothing else, taken together (METHODS h.7)."""

from circuit_store.views.trends import tokens
from circuit_store.views.view import DTYPE, Column, View


def _measured(quantity: str, value: str, table: str, analysis: str) -> str:
    """SQL: a number of each result that is shown."""
    return (
        f"SELECT model_id, task, '{quantity}' AS quantity, task AS name, step, tokens, {value} AS value, dtype,"
        " parameters FROM shown_result JOIN checkpoint ON checkpoint.id = checkpoint_id"
        f" JOIN {table} ON result_id = shown_result.id WHERE analysis = '{analysis}'"
    )


_EMERGED = (
    f"SELECT model_id, task, 'emergence', emergence.name, NULL, NULL, {tokens('emergence.step')}, dtype,"
    " coalesce(preset, '') || ' ' || coalesce(text, '') || ' ' || dtype FROM emergence"
    " JOIN model ON model.id = model_id WHERE kind IN ('task', 'role') AND EXISTS"
    " (SELECT 1 FROM shown_result AS s WHERE s.of_model = model_id AND s.dtype IS emergence.dtype)"
)
_OF_RUNS = " UNION ALL ".join(
    (
        _measured("behaviour", "value", "behaviour", "behaviour"),
        _measured("n_edges", "n_edges", "circuit", "circuit"),
        _measured("n_nodes", "n_nodes", "circuit", "circuit"),
        _EMERGED,
    )
)
_ONE = "fewer than two seeds have a value"
SEEDS = View(
    "seeds",
    "Seeds of a size as replicates: mean and range over the runs that differ in nothing else.",
    (
        Column("family", "models that were trained alike"),
        Column("size", "size of the models", sql="model.size"),
        Column("variant", "what else sets them apart from others of the size", "nothing does"),
        Column(
            "quantity",
            "`behaviour`: mean metric; `n_edges`, `n_nodes`: of the circuit; `emergence`: tokens at which the task or"
            " role of that name comes, as in `emergence`",
        ),
        Column("name", "task or role", sql="of_run.name"),
        Column("task", "task whose prompts were used", "none were", "of_run.task"),
        Column("step", "training step of the checkpoints", "an emergence", kind=int),
        Column("tokens", "tokens seen by then", "an emergence, or not known", "max(tokens)", int),
        Column("models", "runs with a result under the same parameters", sql="count(*)", kind=int),
        Column("seeds", "of them, those with a value", sql="count(value)", kind=int),
        Column("mean", "mean over these", "none has a value", "avg(value)", float),
        Column("low", "the least of them", _ONE, "CASE WHEN count(value) > 1 THEN min(value) END", float),
        Column("high", "the most of them", _ONE, "CASE WHEN count(value) > 1 THEN max(value) END", float),
        DTYPE,
    ),
    f"({_OF_RUNS}) AS of_run JOIN model ON model.id = model_id WHERE family NOT NULL AND model.size NOT NULL"
    " GROUP BY family, model.size, variant, quantity, of_run.name, of_run.task, step, parameters",
    "family, size, variant, quantity, name, task, step, place",
    ("task", "step"),
    "seed_replicates",
    beside=("parameters AS place",),
)
