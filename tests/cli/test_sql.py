"""`sql`: what a SELECT gives, as CSV; and `export` with bounds and inverted expressions."""

import csv
from io import StringIO
from pathlib import Path

import pytest
from console import answer

from circuit_store import models, store


@pytest.fixture
def filled(tmp_path: Path) -> list[str]:
    """A store with three models of 1, 2 and 3 parameters, the last without a seed; the words that name it."""
    db = store.open_to_write(tmp_path / "s.db")
    for size in (1, 2, 3):
        models.add_model(db, models.Model(f"m{size}", "folder", "=x", size, 1, 1, 8, True, seed=size % 3 or None), [])
    store.close_writer(db)
    return ["--store", str(tmp_path / "s.db")]


def test_a_select_is_printed_and_nothing_else_is_done(filled, tmp_path):
    before = (tmp_path / "s.db").read_bytes()
    printed = answer(tmp_path, {}, *filled, "sql", "SELECT name, source, x'00' AS raw FROM model WHERE params > 1")
    assert printed.stdout_bytes == b"name,source,raw\r\nm2,'=x,1 bytes\r\nm3,'=x,1 bytes\r\n"
    for statement in ("DELETE FROM model", "SELECT 1; SELECT 2", "SELECT absent FROM model"):
        refused = answer(tmp_path, {}, *filled, "sql", statement, "--output", "x.csv")
        assert refused.exit_code == 2 and not refused.stdout and refused.stderr.count("\n") == 1
    assert (tmp_path / "s.db").read_bytes() == before and not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--where", "params>1"], ["m2", "m3"]),
        (["--where", "params>=2", "--where", "model!=m3"], ["m2"]),
        (["--where", "params<=2", "--sort=-model"], ["m2", "m1"]),
        (["--where", "seed!="], ["m1", "m2"]),
        (["--where", "model>m1"], ["m2", "m3"]),
        (["--grep", "^m[12]$", "--invert"], ["m3"]),
    ],
)
def test_export_keeps_rows_by_bounds_and_inverted(filled, tmp_path, options, names):
    printed = answer(tmp_path, {}, *filled, "export", "models", *options, "--columns", "model")
    assert [row[0] for row in csv.reader(StringIO(printed.stdout))] == ["model", *names]
