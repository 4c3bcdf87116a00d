"""Results that stand under a name that is not theirs: of a model of another shape, or of another task."""

import sqlite3
from collections.abc import Iterator

_OF_MODELS = (
    " JOIN result ON result.id = result_id JOIN checkpoint ON checkpoint.id = checkpoint_id"
    " JOIN model ON model.id = model_id"
)
_LAST = "(SELECT result_id, max(layer) AS last, max(head) AS last_head FROM head_score GROUP BY result_id)"
_MISFITS = {
    "head roles": f"{_LAST}{_OF_MODELS} WHERE last != n_layers - 1 OR last_head != n_heads - 1",
    "circuits": f"circuit{_OF_MODELS} WHERE scores_sources != 1 + n_layers * (n_heads + 1)"
    " OR scores_ports != 1 + n_layers * (3 * n_heads + 1)",
}
"""Kind of result -> where those lie that have not the heads, or the nodes and ports (METHODS a.3), of their model."""


def misfits(db: sqlite3.Connection) -> Iterator[str]:
    """A sentence for each model, and each name of a task, under which something else lies."""
    for kind, lie in _MISFITS.items():
        found = db.execute(f"SELECT name, n_layers, n_heads, count(*) FROM {lie} GROUP BY model.id")
        for name, layers, heads, n in found:
            yield f"{n} {kind} of {name} are of another model: {name} has {layers} layers of {heads} heads"
    for name, n in db.execute("SELECT name, count(*) FROM task GROUP BY name HAVING count(*) > 1"):
        yield f"{n} different tasks have results under the name {name}"
