"""Every table a person sees, once: its columns, their units, what an empty cell means, and the query behind it.

The same definition serves the explorer, `show`, `export`, the database's own view and the documentation. Several
results may answer one question (other parameters, an earlier run); `answer` is the relation of those that do, among
those that the caller's choices allow.

A curve over training never mixes parameters. For each model, analysis, role and task one set answers at all
checkpoints (parameters, text and prompts of the task, precision, version of the analysis): the one asked for last,
among those with a value at any checkpoint if there are such (METHODS l.2). A result counts as asked for when it is
computed and when a run asks for it again. Where a checkpoint lacks that set nothing answers. Path patching has a set
for each of its parameters, since these name the paths. Results of weights, config or tokenizer that a checkpoint held
before, as far as the store knows, do not answer (METHODS l.16); files of circuits do.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    name: str
    meaning: str
    empty: str = ""
    """What an empty cell (NULL) means; empty if there is none."""
    kind: type = str
    """Of its values that are not NULL: int, float or str; what is true or not is 1 or 0."""


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


_VALUES = {
    "behaviour": "behaviour WHERE value NOT NULL",
    "heads": "head_score WHERE value NOT NULL",
    "attention": "attention_row WHERE TRUE",
    "circuit": "circuit WHERE n_edges NOT NULL",
    "algorithm": "stage WHERE percent NOT NULL",
    "greater_than": "year_node WHERE TRUE",
    "patch": "patch_effect WHERE effect NOT NULL",
}
"""Analysis -> where its values lie."""
_VALUED = "CASE analysis " + " ".join(
    f"WHEN '{analysis}' THEN EXISTS (SELECT 1 FROM {rows} AND result_id = result.id)"
    for analysis, rows in _VALUES.items()
)
_SET = (
    "CASE WHEN analysis = 'circuit' AND json_extract(result.params, '$.method') = 'imported' THEN 'imported'"
    " ELSE result.dtype || ' ' || result.version || ' ' || coalesce(task_id, '') || ' ' || result.params END"
)
"""SQL: what results must have in common to be compared over training; all circuits of files are one set."""
_IMPORTED = "json_extract(result.params, '$.method') IS 'imported'"
_PRESENT = f"(coalesce(checkpoint.present, result.identity) = result.identity OR {_IMPORTED})"
ABOUT = "of_model, analysis, role, task, paths"
"""SQL: what a question is about, columns of `competing`."""
NEWEST = "asked DESC, id DESC"
OF_MODEL = (
    "checkpoint_id IN (SELECT checkpoint.id FROM checkpoint JOIN model ON model.id = model_id WHERE model.name = ?)"
)
"""SQL: a choice, of the results of the model that is given."""


def competing(choices: str = "") -> str:
    """SQL: results, with the name `task` and `metric` of the task, and which set each is of.

    Columns besides: `parameters` names the set, `defined` is 1 if any result of that set has a value, and `shown` is
    the set that answers.
    """
    known = (
        "SELECT result.*, task.name AS task, task.metric AS metric, model_id AS of_model,"
        " CASE analysis WHEN 'patch' THEN result.params END AS paths,"
        f" {_SET} AS parameters, {_VALUED} END AS valued"
        " FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id LEFT JOIN task ON task.id = task_id"
        f" WHERE {_PRESENT}{choices and f' AND ({choices})'}"
    )
    sets = f"SELECT *, max(valued) OVER (PARTITION BY {ABOUT}, parameters) AS defined FROM ({known})"
    return (
        f"SELECT *, first_value(parameters) OVER (PARTITION BY {ABOUT} ORDER BY defined DESC, {NEWEST}) AS shown"
        f" FROM ({sets})"
    )


def answer(choices: str = "") -> str:
    """SQL: the results that answer (see above); columns as in `competing`."""
    of_checkpoint = (
        f"SELECT *, row_number() OVER (PARTITION BY checkpoint_id, {ABOUT} ORDER BY {NEWEST}) AS rank"
        f" FROM ({competing(choices)}) WHERE parameters = shown"
    )
    return f"SELECT * FROM ({of_checkpoint}) WHERE rank = 1"


MODEL = Column("model", "name of the model")
STEP = Column("step", "training step of the checkpoint", kind=int)
TOKENS = Column("tokens", "tokens seen in training", "not known for this model", kind=int)
TASK = Column("task", "task whose prompts were used")
REASON = Column("reason", "why a value is empty", "the value is defined")
DTYPE = Column("dtype", "precision of the computation")
DEVICE = Column("device", "where it was computed: `cpu`, or a GPU; values of several may differ in the last digits")
PRESET = Column("preset", "parameters of the role: `default` or `paper-code`", "it has none")
TEXT = Column("text", "hash of the text that was used", "none was")
OF_ROLES = "json_extract(answer.params, '$.preset') AS preset, json_extract(answer.params, '$.text') AS text"
AT = "checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
