"""Every table a person sees, once: its columns, their units, what an empty cell means, and the query behind it.

The same definition serves the explorer, `show`, `export`, the database's own view and the documentation. Several
results may answer one question (other parameters, an earlier run); `answer` is the relation of those that do: the
newest for each checkpoint, task and role (and, of path patching, for each set of parameters), among those that the
caller's choices allow.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    name: str
    meaning: str
    empty: str = ""
    """What an empty cell (NULL) means; empty if there is none."""


@dataclass(frozen=True)
class View:
    name: str
    about: str
    columns: tuple[Column, ...]
    body: str
    """SQL with every column of `columns`; may read the relation `answer`."""
    order: str
    filters: tuple[str, ...]
    """Columns by which the view is addressed."""
    table: str = ""
    """Name of the database's own view of it."""
    header: "View | None" = None
    """One row of figures on the whole (a circuit's); `--json` puts it at the top level."""

    def statement(self, choices: str = "", where: str = "") -> str:
        """The whole query; `choices` narrows which results may answer, `where` which rows are shown."""
        newest = (
            "SELECT * FROM (SELECT result.*, task.name AS task, task.metric AS metric, row_number() OVER"
            " (PARTITION BY checkpoint_id, analysis, coalesce(role, task.name),"
            " CASE analysis WHEN 'patch' THEN result.params END ORDER BY result.id DESC) AS rank"
            f" FROM result LEFT JOIN task ON task.id = task_id {choices and 'WHERE ' + choices}) WHERE rank = 1"
        )
        names = ", ".join(c.name for c in self.columns)
        condition = f"WHERE {where} " if where else ""
        return f"WITH answer AS ({newest}) SELECT {names} FROM ({self.body}) {condition}ORDER BY {self.order}"


MODEL = Column("model", "name of the model")
STEP = Column("step", "training step of the checkpoint")
TOKENS = Column("tokens", "tokens seen in training", "not known for this model")
TASK = Column("task", "task whose prompts were used")
REASON = Column("reason", "why a value is empty", "the value is defined")
DTYPE = Column("dtype", "precision of the computation")
AT = "checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
