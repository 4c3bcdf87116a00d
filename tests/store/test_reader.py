"""A store in a notebook: any view as rows and as a pandas DataFrame."""

import sys

import pandas
import pytest

import circuit_store
from circuit_store import queries
from circuit_store.errors import StoreUnusable, UnknownName
from circuit_store.reader import Store
from circuit_store.views import VIEWS

KINDS = {"INTEGER": int, "REAL": float, "TEXT": str}


@pytest.fixture
def reader(toy):
    """With something in every view, and an older circuit of another method."""
    toy.circuit(0, [(0, 1, 0.25)], method="eap")
    with circuit_store.open(toy.full().path) as opened:
        yield opened


@pytest.mark.parametrize("which", VIEWS.values(), ids=VIEWS)
def test_a_view_as_a_frame(reader, which):
    """Invariant: rows, order and columns are the view's; each column has its kind, NULL or not, rows or none."""
    kinds = {int: "Int64", float: "float64", str: "string"}
    rows, frame = reader.view(which.name), reader.frame(which.name)
    assert rows and rows == queries.rows(reader.db, which)
    assert frame.astype(object).where(frame.notna(), None).to_dict("records") == rows
    dtypes = {c.name: kinds[c.kind] for c in which.columns}
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dtypes
    assert all(type(row[c.name]) in (c.kind, type(None)) for row in rows for c in which.columns)


@pytest.mark.parametrize("which", [which for which in VIEWS.values() if which.table], ids=lambda which: which.name)
def test_kinds_are_those_of_the_tables(toy, which):
    """Two roads to a column's kind: as declared, and as SQLite tells it of the table that the column is taken from."""
    told = {row["name"]: row["type"] for row in toy.db.execute(f"PRAGMA table_info({which.table})")}
    known = {c.name: c.kind for c in which.columns if told[c.name] in KINDS}
    assert len(known) > 2 and known == {name: KINDS[told[name]] for name in known}


@pytest.mark.parametrize("which", VIEWS.values(), ids=VIEWS)
def test_a_view_without_rows_keeps_the_kinds_of_its_columns(toy, which):
    empty = Store(toy.db).frame(which.name, run=None)
    filled = Store(toy.full().db).frame(which.name)
    assert list(empty.dtypes) == list(filled.dtypes) and list(empty.columns) == list(filled.columns)


def test_whole_numbers_with_null_stay_whole(reader):
    """A role without scores has a row without layer and head: 1 beside it is 1, not 1.0."""
    layers = reader.frame("heads", step=20).layer
    assert layers.isna().any() and str(layers.dtype) == "Int64" and str(layers.dropna().iloc[-1]) == "1"


def test_rows_are_chosen_as_by_show(reader):
    """Invariant: columns filter, `final` is the last step, and a choice lets an older result answer."""
    assert {row["step"] for row in reader.view("history", model="toy", step="final")} == {20}
    assert {(row["layer"], row["head"]) for row in reader.view("attention", layer=1, head=0, prompt=0)} == {(1, 0)}
    assert [row["step"] for row in reader.view("circuits", method="eap")] == [0]
    assert len(reader.frame("heads", model="toy", role="induction")) == 4


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"model": "other"}, "holds no model other: it holds toy"),
        ({"model": "toy", "step": 5}, "toy has no step 5: choose one of 0, 10, 20, or final"),
        ({"role": "mover"}, "no role mover: it holds induction, name_mover, successor"),
        ({"layer": 2}, "no layer 2: there are 2"),
        ({"colour": 1}, "heads is not addressed by colour: it takes model, step, role, task, layer, head"),
        ({"dtype": "float8"}, "no dtype float8: it holds float32"),
    ],
)
def test_a_wrong_name_is_told_what_there_is(reader, given, told):
    with pytest.raises(UnknownName, match=told):
        reader.view("heads", **given)


def test_a_store_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(StoreUnusable, match="There is no store at"):
        circuit_store.open(tmp_path / "none.db")
    assert not list(tmp_path.iterdir())


def test_without_pandas_one_sentence_says_how_to_get_it(reader, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"not installed: `pip install 'circuit-tui\[pandas\]'`"):
        reader.frame("heads")
    assert reader.view("heads")


def test_what_a_damaged_store_holds_is_shown_as_it_is(toy):
    toy.full().db.execute("UPDATE result SET params = json_set(params, '$.ig_steps', 'x') WHERE analysis = 'circuit'")
    column = Store(toy.db).frame("circuits").ig_steps
    assert list(column) == ["x"] and isinstance(column, pandas.Series) and str(column.dtype) == "object"
