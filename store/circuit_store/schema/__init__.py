"""The tables of a store, each written once; comments beside the columns are kept in the store, too (`.schema`).

    model ─< checkpoint ─< result >─ task        result >─ run ─< unit >─ checkpoint
                              └─ behaviour, head_score, circuit ─< circuit_edge, node_score, faithfulness

A `result` is one analysis of one checkpoint under one key (source, task, parameters, dtype); what it found lies in the
tables below it, or `reason` says why there is nothing. Nodes and ports are integers in the index layout of METHODS a.3.
NULL is what was not computed or is undefined, never 0.
"""

from circuit_store.schema import queue_tables, result_tables, trend_tables
from circuit_store.table_maker import Database


def make_tables(db: Database) -> None:
    """In an empty database; within a transaction it is a part of that.

    Statement by statement: `executescript` tries after each character of a transaction's script whether one ends there.
    """
    for subject in (queue_tables, result_tables, trend_tables):
        for statement in subject.TABLES.split(";\n"):
            db.execute(statement)
