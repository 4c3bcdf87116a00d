"""Every table a person sees, once: its columns, their units, what an empty cell means, and the query behind it.

The same definition serves the explorer, `show`, `export`, the database's own view and the documentation. Several
results may answer one question (other parameters, an earlier run); `answer` is the relation of those that do, among
those that the caller's choices allow.

A curve over training never mixes parameters. For each model, analysis, role and task one set answers at all
checkpoints (parameters, text and prompts of the task, precision, version of the analysis): the one asked for last,
among those with a value at any checkpoint if there are such (METHODS l.2). A result counts as asked for when it is
computed and when a run asks for it again. Where a checkpoint lacks that set nothing answers. Path patching has a set
for each of its parameters, since these name the paths. Results of weights, config or tokenizer that a checkpoint held
before, as far as the store knows, do not answer (METHODS l.16); files of circuits do, where none of the task was
computed or they are chosen (`--method imported`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    name: str
    meaning: str
    empty: str = ""
    """What an empty cell (NULL) means; empty if there is none."""
    sql: str = ""
    """What it is in the view's tables; empty where it has its name there."""


@dataclass(frozen=True)
class View:
    name: str
    about: str
    columns: tuple[Column, ...]
    source: str
    """SQL: the tables that the columns are of, and which of their rows; may read the relation `answer`."""
    order: str
    filters: tuple[str, ...]
    """Columns by which the view is addressed."""
    table: str = ""
    """Name of the database's own view of it."""
    header: "View | None" = None
    """One row of figures on the whole (a circuit's); `--json` puts it at the top level."""
    beside: tuple[str, ...] = ()
    """SQL: what `order` needs besides the columns."""

    @property
    def body(self) -> str:
        """SQL: every column, in order, and what is beside them."""
        columns = (f"{column.sql} AS {column.name}" if column.sql else column.name for column in self.columns)
        return f"SELECT {', '.join((*columns, *self.beside))} FROM {self.source}"

    @property
    def answers(self) -> bool:
        """Whether its rows are of the results that answer, so that a caller may choose among several."""
        return re.search(r"\banswer\b", self.source) is not None

    def statement(
        self, choices: str = "", where: str = "", at: str = "", first: str = "", columns: Sequence[str] = ()
    ) -> str:
        """The whole query; `choices` narrows which results may answer, `at` of which checkpoints those are wanted that
        do, `where` which rows are shown, `columns` what of them; `first` comes before `order`."""
        names = ", ".join(columns or (c.name for c in self.columns))
        condition = f"WHERE {where} " if where else ""
        answers = answer(choices, at)
        return f"WITH answer AS ({answers}) SELECT {names} FROM ({self.body}) {condition}ORDER BY {first}{self.order}"


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
AT_STEP = "checkpoint_id IN (SELECT checkpoint.id FROM checkpoint WHERE step = ?)"
"""SQL: at the step that is given."""


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
        "SELECT *, first_value(parameters) OVER"
        f" (PARTITION BY {ABOUT} ORDER BY parameters = 'imported', defined DESC, {NEWEST}) AS shown FROM ({sets})"
    )


def answer(choices: str = "", at: str = "") -> str:
    """SQL: the results that answer (see above); columns as in `competing`.

    Args:
        at: the checkpoints at which they are wanted; which set answers is decided over all of them.
    """
    of_checkpoint = (
        f"SELECT *, row_number() OVER (PARTITION BY checkpoint_id, {ABOUT} ORDER BY {NEWEST}) AS rank"
        f" FROM ({competing(choices)}) WHERE parameters = shown{at and f' AND {at}'}"
    )
    return f"SELECT * FROM ({of_checkpoint}) WHERE rank = 1"


MODEL = Column("model", "name of the model", sql="model.name")
STEP = Column("step", "training step of the checkpoint")
TOKENS = Column("tokens", "tokens seen in training", "not known for this model")
TASK = Column("task", "task whose prompts were used")
REASON = Column("reason", "why a value is empty", "the value is defined")
DTYPE = Column("dtype", "precision of the computation")
DEVICE = Column("device", "where it was computed: `cpu`, or a GPU; values of several may differ in the last digits")


def param(name: str, meaning: str, empty: str = "") -> Column:
    """A parameter of the analysis."""
    return Column(name, meaning, empty, f"json_extract(answer.params, '$.{name}')")


PRESET = Column("preset", "parameters of the role: `default` or `paper-code`", "it has none")
TEXT = Column("text", "hash of the text that was used", "none was")
OF_ROLES = tuple(param(column.name, column.meaning, column.empty) for column in (PRESET, TEXT))
"""The same, of results: trends have them in columns of their own."""
AT = "checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
