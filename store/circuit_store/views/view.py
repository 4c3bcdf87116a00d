"""Every table a person sees, once: its columns, their units, what an empty cell means, and the query behind it.

The same definition serves the explorer, `show`, `export`, the database's own view and the documentation. A checkpoint
may hold several results of one analysis (other parameters, an earlier run); `shown_result` is the relation of those
that are shown, among those that the caller's choices allow.

A curve over training never mixes parameters. For each model, analysis, role and task, results of one configuration are
shown at all checkpoints (parameters, text and prompts of the task, precision, version of the analysis): the one asked
for last, among those with a value at any checkpoint if there are such (METHODS l.2). A result counts as asked for when
it is computed and when a run asks for it again. Where a checkpoint lacks that configuration nothing is shown. Path
patching has one for each of its parameters, since these name the paths. Results of weights, config or tokenizer that a
checkpoint held before, as far as the store knows, are not shown (METHODS l.16); circuits from files are, where none of
the task was computed or they are chosen (`--method imported`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

OF_RESULT = "of_result"
"""A column of rows that stand result by result: which one they are of."""


@dataclass(frozen=True)
class Column:
    name: str
    meaning: str
    empty: str = ""
    """What an empty cell (NULL) means; empty if there is none."""
    sql: str = ""
    """What it is in the view's tables; empty where it has its name there."""
    kind: type = str
    """Of its values that are not NULL: int, float or str; what is true or not is 1 or 0."""


@dataclass(frozen=True)
class View:
    name: str
    about: str
    columns: tuple[Column, ...]
    source: str
    """SQL: the tables that the columns are of, and which of their rows; may read the relation `shown_result`."""
    order: str
    filters: tuple[str, ...]
    """Columns by which the view is addressed."""
    table: str = ""
    """Name of the database's own view of it."""
    header: "View | None" = None
    """One row of figures on the whole (a circuit's); `--json` puts it at the top level."""
    beside: tuple[str, ...] = ()
    """SQL: what `order` needs besides the columns."""
    leading: str = ""
    """With what `order` begins where that tells results apart: the rows of each stand together, and a large view can be
    read result by result, so that nothing of its size is sorted."""

    @property
    def body(self) -> str:
        """SQL: every column, in order, and what is beside them."""
        return self._body()

    def _body(self, *more: str) -> str:
        columns = (f"{column.sql} AS {column.name}" if column.sql else column.name for column in self.columns)
        return f"SELECT {', '.join((*columns, *self.beside, *more))} FROM {self.source}"

    @property
    def of_results(self) -> bool:
        """Whether its rows are of results, so that a caller may choose among several."""
        return re.search(r"\bshown_result\b", self.source) is not None

    @property
    def analyses(self) -> list[str]:
        """Those whose results its rows are of: others need not be looked at. Empty: it names none."""
        return re.findall(r"\banalysis = '(\w+)'", self.source)

    def statement(
        self, choices: str = "", where: str = "", at: str = "", first: str = "", columns: Sequence[str] = ()
    ) -> str:
        """The whole query; `choices` narrows which results may be shown, `at` of which checkpoints they are wanted,
        `where` which of their rows, `columns` what of them; `first` comes before `order`."""
        names = ", ".join(columns or (c.name for c in self.columns))
        return self.select(names, choices, where, at, f"ORDER BY {first}{self.order}")

    def select(self, what: str, choices: str = "", where: str = "", at: str = "", rest: str = "") -> str:
        """A query on the rows: `what` of them, `rest` to order, group or cut them; else as `statement`. In a view with
        `leading`, they have besides the column `of_result`.
        """
        condition, body = f"WHERE {where} " if where else "", self.body
        if OF_RESULT in what:
            body = self._body(f"shown_result.id AS {OF_RESULT}")
        return f"WITH shown_result AS ({shown_results(choices, at)}) SELECT {what} FROM ({body}) {condition}{rest}"

    def results(self, choices: str = "", where: str = "", at: str = "") -> str:
        """The ids of the results that are shown, in the order of their rows, of a view with `leading`; `where` may name
        the columns of that."""
        columns = f"shown_result.id, model.name AS model, {self.leading.removeprefix('model, ')}"
        rows = f"SELECT {columns} FROM shown_result JOIN {AT}"
        shown = f"WITH shown_result AS ({shown_results(choices, at)})"
        return f"{shown} SELECT id FROM ({rows}) {where and f'WHERE {where} '}ORDER BY {self.leading}"


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
_CONFIGURATION = (
    "CASE WHEN analysis = 'circuit' AND json_extract(result.params, '$.method') = 'imported' THEN 'imported'"
    " ELSE result.dtype || ' ' || result.version || ' ' || coalesce(task_id, '') || ' ' || result.params END"
)
"""SQL: what results must have in common to be compared over training; all circuits from files are one
configuration."""
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
    """SQL: results, with the name `task` and `metric` of the task, and which configuration each is of.

    Columns besides: `parameters` names the configuration, `defined` is 1 if any result of it has a value, and `shown`
    is the configuration that is shown.
    """
    known = (
        "SELECT result.*, task.name AS task, task.metric AS metric, model_id AS of_model,"
        " CASE analysis WHEN 'patch' THEN result.params END AS paths,"
        f" {_CONFIGURATION} AS parameters, {_VALUED} END AS valued"
        " FROM result JOIN checkpoint ON checkpoint.id = checkpoint_id LEFT JOIN task ON task.id = task_id"
        f" WHERE {_PRESENT}{choices and f' AND ({choices})'}"
    )
    valued = f"SELECT *, max(valued) OVER (PARTITION BY {ABOUT}, parameters) AS defined FROM ({known})"
    return (
        "SELECT *, first_value(parameters) OVER"
        f" (PARTITION BY {ABOUT} ORDER BY parameters = 'imported', defined DESC, {NEWEST}) AS shown FROM ({valued})"
    )


def shown_results(choices: str = "", at: str = "") -> str:
    """SQL: the results that are shown (see above); columns as in `competing`.

    Args:
        at: the checkpoints at which they are wanted; which configuration is shown is decided over all of them.
    """
    of_checkpoint = (
        f"SELECT *, row_number() OVER (PARTITION BY checkpoint_id, {ABOUT} ORDER BY {NEWEST}) AS rank"
        f" FROM ({competing(choices)}) WHERE parameters = shown{at and f' AND {at}'}"
    )
    return f"SELECT * FROM ({of_checkpoint}) WHERE rank = 1"


MODEL = Column("model", "name of the model", sql="model.name")
STEP = Column("step", "training step of the checkpoint", kind=int)
TOKENS = Column("tokens", "tokens seen in training", "not known for this model", kind=int)
TASK = Column("task", "task whose prompts were used")
REASON = Column("reason", "why a value is empty", "the value is defined")
DTYPE = Column("dtype", "precision of the computation")
DEVICE = Column("device", "where it was computed: `cpu`, or a GPU; values of several may differ in the last digits")


def param(name: str, meaning: str, empty: str = "", kind: type = str) -> Column:
    """A parameter of the analysis."""
    return Column(name, meaning, empty, f"json_extract(shown_result.params, '$.{name}')", kind)


PRESET = Column("preset", "parameters of the role: `default` or `paper-code`", "it has none")
TEXT = Column("text", "hash of the text that was used", "none was")
OF_ROLES = tuple(param(column.name, column.meaning, column.empty) for column in (PRESET, TEXT))
"""The same, of results: trends have them in columns of their own."""
AT = "checkpoint ON checkpoint.id = checkpoint_id JOIN model ON model.id = model_id"
