"""Every table a person sees, once: its columns, their units, what an empty cell means, and the query behind it.

The same definition serves the explorer, `show`, `export`, the database's own view and the documentation. Several
results may answer one question (other parameters, an earlier run); `answer` is the relation of those that do, among
those that the caller's choices allow. The newest does, and a result counts as new when it is computed and when a run
asks for it again. What is followed over training must not mix parameters: behaviour, head roles, attention and
the algorithm have one set (parameters, text of the task, precision, version of the analysis) for each model, role and
task, that of its newest result, and where a checkpoint lacks that set nothing answers. A circuit, and the check of its
years, is chosen for each checkpoint and task, and path patching for each set of parameters besides.
"""

import re
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

    @property
    def answers(self) -> bool:
        """Whether its rows are of the results that answer, so that a caller may choose among several."""
        return re.search(r"\banswer\b", self.body) is not None

    def statement(self, choices: str = "", where: str = "") -> str:
        """The whole query; `choices` narrows which results may answer, `where` which rows are shown."""
        names = ", ".join(c.name for c in self.columns)
        condition = f"WHERE {where} " if where else ""
        return f"WITH answer AS ({answer(choices)}) SELECT {names} FROM ({self.body}) {condition}ORDER BY {self.order}"


SET = "result.dtype || ' ' || result.version || ' ' || coalesce(task_id, '') || ' ' || result.params"
"""SQL: what results must have in common to be compared over training."""
NEWEST = "asked DESC, result.id DESC"
_ALONE = "('circuit', 'greater_than', 'patch')"
"""Analyses of which each checkpoint has its own answer."""


def answer(choices: str = "") -> str:
    """SQL: the results that answer (see above), with the name `task` and `metric` of the task."""
    of_model = (
        "SELECT result.*, task.name AS task, task.metric AS metric,"
        f" {SET} = first_value({SET}) OVER (PARTITION BY model_id, analysis, role, task.name ORDER BY {NEWEST})"
        " AS of_newest FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id LEFT JOIN task ON task.id = task_id"
        f" {choices and 'WHERE ' + choices}"
    )
    of_checkpoint = (
        "SELECT *, row_number() OVER (PARTITION BY checkpoint_id, analysis, role, task,"
        f" CASE analysis WHEN 'patch' THEN params END ORDER BY {NEWEST.replace('result.', '')}) AS rank"
        f" FROM ({of_model}) WHERE analysis IN {_ALONE} OR of_newest"
    )
    return f"SELECT * FROM ({of_checkpoint}) WHERE rank = 1"


MODEL = Column("model", "name of the model")
STEP = Column("step", "training step of the checkpoint")
TOKENS = Column("tokens", "tokens seen in training", "not known for this model")
TASK = Column("task", "task whose prompts were used")
REASON = Column("reason", "why a value is empty", "the value is defined")
DTYPE = Column("dtype", "precision of the computation")
PRESET = Column("preset", "parameters of the role: `default` or `paper-code`", "it has none")
TEXT = Column("text", "hash of the text that was used", "none was")
OF_ROLES = "json_extract(answer.params, '$.preset') AS preset, json_extract(answer.params, '$.text') AS text"
AT = "checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
