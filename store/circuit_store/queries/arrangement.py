"""Which rows of a view are wanted, in which order, and what of them: `--where`, `--sort` and `--columns` as SQL.

Values are equal as the text that a reader sees: `3` is the number 3 or the text 3, and not 3.0; an empty one is NULL or
the text without a letter. SQLite writes numbers with a point shorter than Python does, so Python says those:
`said`, which connections know (`store`). What is greater or less than a number is a number.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
OPERATORS = (">=", "<=", "!=", ">", "<")


@dataclass(frozen=True)
class Arrangement:
    """All names are of columns of the view. What is sorted by last counts most, as of sorts one after another."""

    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Column -> the values that it may have; rows come in their order."""
    sort: Sequence[str] = ()
    """Columns, with `-` before those that descend: numbers before text, and what is empty last either way."""
    columns: Sequence[str] = ()
    """Those wanted, in this order; none given: all."""
    bounds: Sequence[tuple[str, str, str]] = ()
    """Column, one of `OPERATORS`, and a value: all must hold."""

    @property
    def condition(self) -> str:
        """SQL; its parameters are `values`."""
        equal = [f"{_said(name)} IN ({', '.join('?' * len(values))})" for name, values in self.where.items()]
        return " AND ".join([*equal, *(_bound(*bound) for bound in self.bounds)])

    @property
    def first(self) -> str:
        """SQL: what rows are ordered by before the view's own order; its parameters are `ranked`."""
        return self.ordered()

    def ordered(self, reverse: bool = False) -> str:
        """As `first`, or the reverse of it."""
        by_value = [
            f"CASE {_said(name)} {' '.join(f'WHEN ? THEN {place}' for place in range(len(values)))} END"
            + " DESC" * reverse
            for name, values in self.where.items()
            if len(values) > 1
        ]
        by_column = [_order(name.removeprefix("-"), name.startswith("-"), reverse) for name in self.sort]
        return "".join(f"{term}, " for term in reversed(by_value + by_column))

    @property
    def values(self) -> list[str | float]:
        equal = [value for values in self.where.values() for value in values]
        return [*equal, *(_limit(operator, value) for _, operator, value in self.bounds)]

    @property
    def ranked(self) -> list[str]:
        several = [values for values in self.where.values() if len(values) > 1]
        return [value for values in reversed(several) for value in values]

    @property
    def single(self) -> dict[str, str]:
        """Column -> the one value that it may have, if that is not empty."""
        return {name: values[0] for name, values in self.where.items() if len(values) == 1 and values[0]}


EVERYTHING = Arrangement()


def _said(name: str) -> str:
    return f"CASE WHEN typeof({name}) IN ('real', 'blob') THEN said({name}) ELSE coalesce(CAST({name} AS TEXT), '') END"


def _bound(name: str, operator: str, value: str) -> str:
    if operator == "!=" or isinstance(_limit(operator, value), str):
        return f"{_said(name)} {operator} ?"
    return f"typeof({name}) IN ('integer', 'real') AND {name} {operator} ?"


def _limit(operator: str, value: str) -> str | float:
    return float(value) if operator != "!=" and _NUMBER.fullmatch(value) else value


def _order(name: str, backwards: bool, reverse: bool) -> str:
    shown = f"CASE typeof({name}) WHEN 'blob' THEN said({name}) ELSE {name} END"
    return f"{name} IS NULL{' DESC' * reverse}, {shown}{' DESC' * (backwards != reverse)}"
