"""Rows as `export` is asked for them: the store keeps and orders them as one would that had them all."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuit_store import queries
from circuit_store.queries import Arrangement
from circuit_store.views import VIEWS

Row = dict[str, Any]
ODD = (None, 3, -3, 2**62, 0.1 + 0.2, 3.5, 1e-7, float("inf"), float("-inf"))
ODD += ("", "3", "3.0", "a", "=b", "ä", "inf", b"3", b"a\xff", b"")


@pytest.fixture
def several(toy):
    """Every view has rows; of models, numbers, text and bytes stand in one column."""
    toy.trained()
    for number, value in enumerate(ODD):
        values = (f"m{number}", "folder", number % 3, value, value)
        toy.db.execute("INSERT INTO model (name, suite, source, params, n_layers) VALUES (?, ?, ?, ?, ?)", values)
    return toy


def word(value: Any) -> str:
    return "" if value is None else str(value)


def arranged(rows: list[Row], wanted: Arrangement) -> list[tuple[Any, ...]]:
    """As they were once arranged, one sort after another, over rows that were all read."""
    for column, values in wanted.where.items():
        rows = [row for row in rows if word(row[column]) in values]
        rows.sort(key=lambda row, column=column, values=values: values.index(word(row[column])))
    for sort in wanted.sort:
        column = sort.removeprefix("-")
        known = [row for row in rows if row[column] is not None]
        known.sort(key=lambda row: (isinstance(row[column], str), row[column]), reverse=sort.startswith("-"))
        rows = known + [row for row in rows if row[column] is None]
    return [tuple(row[column] for column in wanted.columns or row) for row in rows]


@st.composite
def arrangements(draw: Any, rows: list[Row]) -> Arrangement:
    column = st.sampled_from(list(rows[0]))
    odd = st.sampled_from(["", "-0", "3", "3.0", " 3", "0.3", "nothing", "' OR 1=1 --"])
    where = {}
    for name in draw(st.lists(column, max_size=2, unique=True)):
        held = st.sampled_from(sorted({word(row[name]) for row in rows}))
        where[name] = draw(st.lists(held | odd, min_size=1, max_size=4))
    sort = [draw(st.sampled_from(["", "-"])) + name for name in draw(st.lists(column, max_size=2))]
    return Arrangement(where, sort, draw(st.lists(column, max_size=3)))


@pytest.mark.parametrize("view", VIEWS.values(), ids=lambda view: view.name)
def test_the_store_arranges_as_one_would_that_has_all_rows(several, view):
    """Invariant: kept, ordered and cut in SQL as in Python, ties included."""
    rows = queries.rows(several.db, view)

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(arrangements(rows))
    def holds(wanted: Arrangement) -> None:
        found = queries.found(several.db, view, None, None, wanted)
        assert list(map(told, found)) == arranged(rows, wanted)

    assert rows
    holds()


def told(row: Any) -> tuple[Any, ...]:
    return tuple(value.decode(errors="replace") if isinstance(value, bytes) else value for value in row)


def test_values_compare_as_they_read(several):
    """Invariant: a number is what Python writes, not what SQLite does; bytes are the text that they spell."""

    def places(*values: str) -> list[int]:
        wanted = Arrangement({"params": values}, (), ["model"])
        return [int(row[0][1:]) for row in queries.found(several.db, VIEWS["models"], None, None, wanted)]

    assert places("0.30000000000000004") == [ODD.index(0.1 + 0.2)] and not places("0.3")
    assert places("a", "3.5") == [ODD.index("a"), ODD.index(3.5)]
    assert places("a\ufffd") == [ODD.index(b"a\xff")]
