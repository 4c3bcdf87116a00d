"""A store as a notebook reads it: the rows of any view, as dictionaries or as a pandas DataFrame.

    with circuit_store.open("suite.db") as store:
        rows = store.view("heads", model="sample-0.2m", step="final", role="induction")
        frame = store.frame("history", model="sample-0.2m", task="ioi")

Keywords are columns by which the view is addressed, and names that choose among several results of one analysis
(`dtype`, `preset`, `method`, ...), as the options of `circuit-tui show`. What is read is of one state of the store.
"""

import sqlite3
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from circuit_store import queries
from circuit_store.queries.views import one_state
from circuit_store.views import View

if TYPE_CHECKING:
    from pandas import DataFrame

_DTYPES = {int: "Int64", float: "float64", str: "string"}
_NO_PANDAS = "A view becomes a DataFrame by pandas, which is not installed: `pip install 'circuit-tui[pandas]'`."


class Store:
    """A store that is open to be read; `circuit_store.open` opens one. It closes at the end of a `with` block."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        """The connection, for SQL of your own."""

    def view(self, name: str, **given: Any) -> list[dict[str, Any]]:
        """The rows of a view, in its order; NULL is None.

        Args:
            name: see `circuit_store.views.VIEWS`.
            given: equality filters and choices: `model`, `step` (a number, or `final`), `task`, `role`, `method`, ...

        Raises:
            UnknownName: no such view, column or choice, or a name that the store does not hold.
        """
        return _rows(self.db, queries.view(name), given)

    def frame(self, name: str, **given: Any) -> "DataFrame":
        """The rows of a view as a pandas DataFrame.

        Columns of integers are `Int64` and text is `string`, where NULL is `<NA>`; other numbers are `float64`, where
        it is NaN; so, too, where there are no rows. A column of a damaged store that holds something else is `object`.

        Args:
            name: as for `view`.
            given: as for `view`.

        Raises:
            UnknownName: as for `view`.
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ImportError(_NO_PANDAS) from None
        rows = self.view(name, **given)
        columns: dict[str, Any] = {}
        for column in queries.view(name).columns:
            values = [row[column.name] for row in rows]
            try:
                columns[column.name] = pandas.array(values, dtype=_DTYPES[column.kind])
            except (TypeError, ValueError):
                columns[column.name] = pandas.Series(values, dtype=object)
        return pandas.DataFrame(columns)

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


@one_state
def _rows(db: sqlite3.Connection, which: View, given: dict[str, Any]) -> list[dict[str, Any]]:
    return queries.rows(db, which, *queries.narrowed(db, which, given))
