"""Datasette opens a store as it is: each view under a readable name, with the rows that `export` writes."""

from datasette.app import Datasette

from circuit_store import queries
from circuit_store.views import VIEWS

NAMED = [which for which in VIEWS.values() if which.table]


async def rows(client: Datasette, path: str) -> list[dict]:
    answer = await client.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_every_view_is_a_table_of_readable_columns(toy):
    """Two roads: Datasette's own JSON of a view, and the program's rows."""
    toy.full()
    opened = Datasette([str(toy.path)])
    try:
        for which in NAMED:
            found = await rows(opened, f"/store/{which.table}.json?_shape=array&_size=max")
            columns = [c.name for c in which.columns]
            wanted = [tuple(row[c] for c in columns) for row in queries.rows(toy.db, which)]
            assert sorted(map(repr, (tuple(row[c] for c in columns) for row in found))) == sorted(map(repr, wanted))
            page = await opened.client.get(f"/store/{which.table}")
            assert page.status_code == 200
    finally:
        for db in opened.databases.values():
            db.close()
