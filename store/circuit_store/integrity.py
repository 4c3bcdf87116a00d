"""What a store must be made of, whoever wrote it: this version's tables and columns, and JSON where JSON is read.

A view in a table's place may never end, and columns of other names are not what a query means: neither is read.
"""

import sqlite3
from collections.abc import Iterator
from functools import cache

_OBJECT, _LIST = ("object",), ("array",)
_JSON = {
    ("run", "request"): ("run {}", "id", _OBJECT),
    ("run", "slots"): ("run {}", "id", _OBJECT),
    ("run", "versions"): ("run {}", "id", _OBJECT),
    ("result", "params"): ("result {}", "id", _OBJECT),
    ("stage", "heads"): ("stage {1} of result {0}", "result_id, place", (*_OBJECT, "null")),
    ("attention_row", "tokens"): ("prompt {1} of result {0}", "result_id, prompt", _LIST),
    ("attention_row", "weights"): ("prompt {1} of result {0}", "result_id, prompt", _LIST),
}
"""Table and column -> what a row is called, its key, and the kinds of JSON that may stand there."""
_KINDS = {kind: (kind.lower(), "null") for kind in ("INTEGER", "REAL", "TEXT", "BLOB")}
"""What a column is declared to hold -> what its values are then."""
_ENOUGH = 20
"""Rows of a column that are named."""


@cache
def columns_of_this_version() -> dict[str, dict[str, str]]:
    """Table -> its columns and what they are declared to hold."""
    from circuit_store.schema import make_tables
    from circuit_store.table_maker import Database

    made = Database(memory=True)
    make_tables(made)
    return _tables(made.conn)


def _tables(db: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """What is stored as a table, and its plain columns; neither views nor what a module computes."""
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")]
    columns = "SELECT name, upper(type) FROM pragma_table_xinfo(?) WHERE hidden = 0"
    return {table: {row[0]: row[1] for row in db.execute(columns, (table,))} for table in names}


def other_tables(db: sqlite3.Connection) -> Iterator[str]:
    """A sentence for each table of this version that is not there as this version makes it."""
    found = _tables(db)
    for table, columns in columns_of_this_version().items():
        if table not in found:
            yield f"{table} is not there as a table"
        elif lost := sorted(columns.keys() - found[table].keys()):
            yield f"{table} lacks the columns {', '.join(lost)}"
        elif more := len(found[table].keys() - columns.keys()):
            yield f"{table} has {more} columns that this version does not know"


def other_kinds(db: sqlite3.Connection) -> Iterator[str]:
    """A sentence for each column with values of another kind than it is declared to hold."""
    for table, columns in columns_of_this_version().items():
        for column, declared in columns.items():
            if (table, column) in _JSON:
                continue
            kinds = _KINDS[declared]
            query = f"SELECT count(*) FROM {table} WHERE typeof({column}) NOT IN {kinds}"
            if count := db.execute(query).fetchone()[0]:
                yield f"{table}.{column} holds {count} values that are not {declared}"


def broken_json(db: sqlite3.Connection) -> Iterator[str]:
    """A sentence for each place, of up to 20 a column, that should hold JSON of a kind and does not."""
    for (table, column), (called, key, kinds) in _JSON.items():
        known = f"typeof({column}) = 'text' AND json_valid({column})"
        fits = f"CASE WHEN {known} THEN json_type({column}) IN ({', '.join(map(repr, kinds))}) ELSE 0 END"
        rows = db.execute(f"SELECT {key} FROM {table} WHERE {column} IS NOT NULL AND NOT {fits} ORDER BY {key}")
        for place, row in enumerate(rows):
            if place == _ENOUGH:
                yield f"{table}.{column} is broken JSON in further rows"
                break
            yield f"{table}.{column} is not a JSON {kinds[0]} in {called.format(*row)}"


def amiss(db: sqlite3.Connection) -> str | None:
    """The first thing in a store that this version did not put there so; None if nothing is found."""
    for finding in (other_tables, other_kinds, broken_json):
        for said in finding(db):
            return said
    return None
