"""What a table on a screen asks of the store: windows, numbers and counts, of views and of SELECTs."""

import re
import sqlite3
from collections import Counter

import pytest
import recorded

from circuit_store import queries, results
from circuit_store.queries.statements import BadStatement, Statement
from circuit_store.queries.tables import ViewTable
from circuit_store.views import VIEWS

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)
SORTS = ("", "{}", "-{}")


@pytest.fixture
def several(toy):
    """Every view has rows, the large ones of several results."""
    toy.trained()
    results.write(toy.db, toy.of(10, "attention", task=IOI), recorded.attention([["He"]], [[[9], [8], [7], [6]]]))
    return toy


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("sort", SORTS)
def test_windows_are_pieces_of_the_whole(several, name, sort):
    """Invariant: wherever a window begins, from the start or the end, whether the extent is known or not."""
    which = VIEWS[name]
    columns = [column.name for column in which.columns]
    wanted = queries.Arrangement(sort=[sort.format(columns[-2])] if sort else [])
    whole = list(map(tuple, queries.found(several.db, which, {}, {}, wanted)))
    table = ViewTable(which, {}, wanted)
    extent = table.extent(several.db)
    assert extent.total == len(whole)
    for start in range(len(whole) + 1):
        for known in (None, extent):
            assert table.window(several.db, start, 2, known) == whole[start : start + 2], (start, known)


@pytest.mark.parametrize("name", [name for name, which in VIEWS.items() if which.leading])
def test_a_window_far_down_is_read_from_the_results_it_touches(several, name):
    """Invariant: with the extent known no row before is read, and none but the window's are given."""
    table = ViewTable(VIEWS[name], {"model": "toy"})
    extent = table.extent(several.db)
    asked: list[str] = []
    several.db.set_trace_callback(asked.append)
    rows = table.window(several.db, extent.total - 1, 200, extent)
    several.db.set_trace_callback(None)
    read = [found[1] for said in asked if (found := re.search(r"result\.id = (\d+)", said))]
    assert len(rows) == 1 and read == [str(extent.results[-1])] and len(extent.results) > 1
    assert not several.db.in_transaction


def test_bounds_compare_numbers_and_others_the_text(several):
    """`>` of a number is of numbers alone; empty cells are neither more nor less."""
    rows = queries.rows(several.db, VIEWS["heads"])
    for operator, holds in ((">", float.__gt__), ("<=", float.__le__)):
        wanted = queries.Arrangement(bounds=[("value", operator, "0.2")])
        found = ViewTable(VIEWS["heads"], {}, wanted).window(several.db, 0, 1000)
        assert len(found) == sum(row["value"] is not None and bool(holds(row["value"], 0.2)) for row in rows) > 0
    wanted = queries.Arrangement(bounds=[("role", "!=", "induction"), ("reason", "!=", "")])
    assert {row[-1] for row in ViewTable(VIEWS["heads"], {}, wanted).window(several.db, 0, 9)} == {"no names"}


def test_values_are_counted(several):
    rows = queries.rows(several.db, VIEWS["heads"])
    table = ViewTable(VIEWS["heads"])
    found = table.counted(several.db, "role", 0, 100)
    assert dict(found) == Counter(row["role"] for row in rows)
    assert [number for _, number in found] == sorted((number for _, number in found), reverse=True)
    assert table.kinds(several.db, "value") == len({row["value"] for row in rows})


def test_a_fault_of_what_keeps_rows_is_raised_as_it_is(several):
    def keeps(row):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ViewTable(VIEWS["heads"], {}, queries.Arrangement(), keeps).window(several.db, 0, 9)


REFUSED = {
    "DELETE FROM model": "give one SELECT",
    "": "Nothing: give one SELECT",
    "SELECT 1; SELECT 2": "cannot be answered",
    "SELECT 1); DELETE FROM model; --": "cannot be answered",
    "SELECT 1) UNION SELECT (2": "cannot be answered",
    "WITH x AS (SELECT 1) DELETE FROM model": "more than read",
    "SELECT * FROM pragma_table_info('model')": "more than read",
    "SELECT load_extension('x')": "cannot be answered",
    "SELECT absent FROM model": "no such column: absent",
    "SELECT zeroblob(100000000)": "too big",
    "VALUES (1) RETURNING 1": "syntax error",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_statement_that_is_not_one_select_is_refused(several, text):
    """With one sentence; nothing is changed, and the connection reads and writes as before."""
    before = several.db.total_changes
    with pytest.raises(BadStatement, match=re.escape(REFUSED[text])) as error:
        Statement(text, several.db).window(several.db, 0, 9)
    assert "\n" not in str(error.value) and several.db.total_changes == before
    several.db.execute("UPDATE model SET seed = 2")
    assert several.db.execute("PRAGMA user_version").fetchone()[0]


def test_a_statement_is_a_table_like_others(several):
    """Sorted, filtered, cut and counted; bytes by their number, names that stand twice apart."""
    of = Statement("SELECT step, step AS step, x'00ff' AS raw FROM checkpoint -- all of them", several.db)
    assert of.names == ["step", "step:1", "raw"]
    assert of.window(several.db, 1, 1) == [(10, 10, "2 bytes")] and of.extent(several.db).total == 3
    wanted = queries.Arrangement(sort=[f"-{of.named('step:1')}"], bounds=[(of.named("step"), ">", "0")])
    assert [row[0] for row in of.narrowed(wanted).window(several.db, 0, 9)] == [20, 10]
    kept = of.narrowed(queries.Arrangement(), lambda row: row[2] == "2 bytes" and row[0] == 10)
    assert [row[0] for row in kept.window(several.db, 0, 9)] == [10]
    assert kept.counted(several.db, "raw", 0, 9) == [("2 bytes", 1)]


def test_an_interrupted_statement_is_not_a_bad_one(several):
    """Who interrupts it does not want an answer."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    of = Statement(endless, several.db)
    assert of.window(several.db, 1000, 2) == [(1001,), (1002,)]
    several.db.set_progress_handler(lambda: 1, 10_000)
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        of.extent(several.db)
    several.db.set_progress_handler(None, 0)
