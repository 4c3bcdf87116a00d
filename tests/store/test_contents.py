"""What others wrote into a store: tables that are not this version's and broken JSON are found and named."""

from contextlib import closing

import pytest

from circuit_store import maintenance, store
from circuit_store.errors import StoreUnusable
from circuit_store.merge import merge

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {} FROM n"
"""A view that never ends."""


@pytest.mark.parametrize(
    "column, where, named",
    [
        ("result.params", "id = 1", ["result.params is not a JSON object in result 1"]),
        ("run.request", "1", ["run.request is not a JSON object in run 1"]),
        ("run.slots", "1", ["run.slots is not a JSON object in run 1"]),
        ("run.versions", "1", ["run.versions is not a JSON object in run 1"]),
        ("stage.heads", "1", ["stage.heads is not a JSON object in stage 0 of result "]),
        ("attention_row.tokens", "1", ["attention_row.tokens is not a JSON array in prompt 0 of result "]),
        ("attention_row.positions", "1", ["attention_row.positions is not a JSON object in prompt 0 of result "]),
        ("attention_row.weights", "1", ["attention_row.weights is not a JSON array in prompt 0 of result "]),
    ],
)
@pytest.mark.parametrize("content", ["'{broken'", "''", "'5'", "x'7b7d'"])
def test_broken_json_is_named(toy, column, where, named, content):
    """Invariant: what is not JSON, JSON of another kind or not text is found wherever JSON is read, with its row."""
    table, name = column.split(".")
    toy.full().db.execute(f"UPDATE {table} SET {name} = {content} WHERE {where}")
    found = maintenance.faults(toy.db)
    assert len(found) == len(named) and all(f.startswith(n) for f, n in zip(found, named, strict=True)), found


def test_many_broken_rows_are_not_all_named(toy):
    """Invariant: after twenty rows of a column the rest is said to be more."""
    for place in range(30):
        toy.behaviour(0, 0.1, key=str(place))
    toy.db.execute("UPDATE result SET params = '['")
    found = maintenance.faults(toy.db)
    assert len(found) == 21 and found[-1] == "result.params is broken JSON in further rows"


@pytest.mark.parametrize(
    "column, content",
    [("model.params", "'many'"), ("unit.seconds", "'soon'"), ("unit.error", "x'00'"), ("checkpoint.step", "1.5")],
)
def test_values_of_another_kind_are_named(toy, column, content):
    """Invariant: a column that holds text in place of numbers, or bytes in place of text, is found."""
    table, name = column.split(".")
    toy.full()
    assert maintenance.faults(toy.db) == []
    toy.db.execute(f"UPDATE {table} SET {name} = {content} WHERE rowid = (SELECT min(rowid) FROM {table})")
    assert [found for found in maintenance.faults(toy.db) if found.startswith(f"{column} holds 1 values that are not ")]


OTHERS = {
    "renamed": ("ALTER TABLE result RENAME COLUMN params TO ways", "result lacks the columns params"),
    "further": (
        'ALTER TABLE model ADD COLUMN "x) VALUES (1); --" TEXT',
        "model has 1 columns that this version does not know",
    ),
    "missing": ("DROP TABLE patch_effect", "patch_effect is not there as a table"),
    "computed": ("CREATE VIRTUAL TABLE text_file USING fts5(hash, content)", "text_file is not there as a table"),
    **{
        f"{table} without end": (f"CREATE VIEW {table} AS {ENDLESS.format('i AS id, *')}", f"{table} is not there")
        for table in ("model", "result", "task_file", "head_score")
    },
}


@pytest.mark.parametrize("change", OTHERS)
def test_a_store_of_other_tables_is_refused(toy, tmp_path, change):
    """Invariant: a store whose tables or columns are not this version's, or are views (which may never end), is merged
    by one sentence and nothing else, and `verify` names what is wrong with it."""
    statement, says = OTHERS[change]
    other = type(toy)(tmp_path / "other.db").full()
    if statement.startswith("CREATE"):
        other.db.execute(f"DROP TABLE {statement.split()[2 + ('VIRTUAL' in statement)]}")
    other.db.execute("PRAGMA foreign_keys=OFF")
    other.db.execute("PRAGMA legacy_alter_table=ON")  # views keep the names of columns
    with closing(other.db) as db:
        db.execute(statement)
    before = list(toy.db.iterdump())
    with pytest.raises(StoreUnusable, match="does not have the tables of this version") as caught:
        merge(toy.db, other.path)
    assert says in str(caught.value) and str(caught.value).count("\n") == 0
    assert list(toy.db.iterdump()) == before
    with closing(store.open_to_read(other.path)) as db:
        assert any(fault.startswith(says) for fault in maintenance.faults(db))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE result SET checkpoint_id = 99",
        "UPDATE result SET run_id = 99",
        "UPDATE result SET task_id = 99 WHERE task_id IS NOT NULL",
        "UPDATE result SET asked = 'never'",
        "UPDATE checkpoint SET model_id = 99",
    ],
)
def test_of_a_damaged_store_no_broken_result_is_taken(toy, tmp_path, damage):
    """Invariant: references that lead nowhere are one sentence that names `verify`; what is here stays, and sound."""
    other = type(toy)(tmp_path / "other.db").full()
    other.db.execute("PRAGMA foreign_keys=OFF")
    other.db.execute(damage)
    store.close_writer(other.db)
    toy.behaviour(0, 0.75, "own")
    with pytest.raises(StoreUnusable, match="other.db is damaged .* verify` says where"):
        merge(toy.db, other.path)
    assert [row[0] for row in toy.db.execute("SELECT key FROM result")] == ["own"] and maintenance.faults(toy.db) == []


def test_what_a_user_adds_is_no_fault(toy):
    """Invariant: views and tables besides the program's own are not looked at."""
    toy.full().db.execute(f"CREATE VIEW mine AS {ENDLESS.format('i')}")
    toy.db.execute("CREATE TABLE notes (x)")
    assert maintenance.faults(toy.db) == []
