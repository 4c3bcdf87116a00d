"""Exports: equal results are equal bytes, and no text breaks a file or runs in a spreadsheet."""

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_store import export, queries
from circuit_store.display_text import plain
from circuit_store.views import VIEWS

COLUMNS = ["name", "value", "note"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
HOSTILE = st.one_of(TEXT, st.sampled_from(["=1+1", "a,b", 'a"b', "a\r\nb", "|", "\\|", "\\", "\u2028", "\x00", "NULL"]))
ROW = st.fixed_dictionaries(
    {
        "name": HOSTILE,
        "value": st.one_of(st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
        "note": st.one_of(st.none(), HOSTILE),
    }
)
ROWS = st.lists(ROW, max_size=5)


def one(value, raw: bool = False) -> str:
    """The CSV cell of a value."""
    text = export.text([{"x": value, "y": 1}], ["x", "y"], raw=raw)
    return next(iter(list(csv.reader(io.StringIO(text, newline="")))[1:]))[0]


@given(ROWS)
def test_csv_is_rfc_4180_and_reads_back(rows):
    """Invariant: one header, CRLF after every record, and with --raw a CSV reader gives back what was written."""
    text = export.text(rows, COLUMNS, raw=True)
    assert text.startswith("name,value,note\r\n") and text.endswith("\r\n")
    back = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert back[1:] == [["" if row[c] is None else str(row[c]) for c in COLUMNS] for row in rows]


@given(ROWS)
def test_equal_rows_are_equal_bytes(rows):
    """Invariant: the text depends on the rows alone, not on the order of their keys."""
    turned = [dict(reversed(row.items())) for row in rows]
    for kind in export.FORMATS:
        assert export.text(rows, COLUMNS, kind) == export.text(turned, COLUMNS, kind)


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_a_formula_is_defused(first):
    """Invariant: text that a spreadsheet would run begins with an apostrophe, unless --raw."""
    assert one(f"{first}cmd|' /C calc'!A0").startswith("'" + first)
    assert one(f"{first}cmd", raw=True) == f"{first}cmd"


@pytest.mark.parametrize("number", [-1, -0.5, 1e-300, -(2**63), float("-inf")])
def test_a_number_is_never_defused(number):
    """Invariant: numbers are written as they are, and read back exactly."""
    assert one(number) == str(number)
    assert float(one(number)) == number


@pytest.mark.parametrize("value", [None, ""])
def test_null_is_an_empty_cell(value):
    """Invariant: NULL is empty, not `None`, not 0."""
    assert export.text([{"x": value, "y": 0}], ["x", "y"]) == "x,y\r\n,0\r\n"


@given(ROWS)
def test_json_lines_read_back(rows):
    """Invariant: line i is row i, with types, NULL included."""
    lines = export.text(rows, COLUMNS, "jsonl").split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == rows


@given(ROWS)
def test_markdown_keeps_its_columns(rows):
    """Invariant: each row is one line with the header's number of cells, whatever is in them, shown as text."""
    lines = export.text(rows, COLUMNS, "markdown").split("\n")
    assert lines[:2] == ["| name | value | note |", "| --- | --- | --- |"] and lines[-1] == ""
    wanted = [[plain("" if row[c] is None else " ".join(str(row[c]).splitlines())) for c in COLUMNS] for row in rows]
    assert [cells(line) for line in lines[2:-1]] == wanted
    assert all(len(line.splitlines()) == 1 for line in lines[:-1])


def cells(line: str) -> list[str]:
    """Markdown's own reading: a pipe divides unless a backslash precedes it; a backslash escapes."""
    parts = re.findall(r" ((?:\\.|[^\\|])*) \|", line, re.DOTALL)
    return [re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in parts]


VALUES = st.sampled_from(
    [
        None,
        "",
        "a",
        "é",
        "日\n",
        'say "x"',
        "a,b",
        "=1",
        "%s",
        "100 %",
        "\ud800",
        b"\xff",
        0,
        1,
        -(2**63),
        0.0,
        -0.0,
        1.0,
    ]
    + [0.1, 5e-324, float("inf")]
)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=7), st.integers(1, 4), st.booleans())
def test_the_bytes_are_those_of_the_csv_module_and_of_json(rows, piece, raw):
    """Invariant: row by row, whatever stands in the rows beside, and however many are put into words together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "_PIECE", piece)
        found = {kind: "".join(export.lines(rows, COLUMNS, kind, raw)).encode() for kind in export.FORMATS}
    held = [[cell.decode(errors="replace") if isinstance(cell, bytes) else cell for cell in row] for row in rows]
    led = lambda cell: "'" + cell if isinstance(cell, str) and cell.startswith("=") and not raw else cell  # noqa: E731
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\r\n").writerows([COLUMNS, *(map(led, row) for row in held)])
    assert found["csv"] == file.getvalue().replace("\ud800", "�").encode()
    worded = [["inf" if cell == float("inf") else cell for cell in row] for row in held]
    objects = (json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) + "\n" for row in worded)
    assert found["jsonl"] == "".join(objects).replace("\ud800", "\\ud800").encode()
    one_by_one = (export.text([dict(zip(COLUMNS, row, strict=True))], COLUMNS, "markdown") for row in rows)
    lines = [text.splitlines(keepends=True)[2] for text in one_by_one]
    assert found["markdown"] == "".join([*export.text([], COLUMNS, "markdown"), *lines]).encode()


def test_a_circuits_document_has_its_figures_on_top(toy):
    """Invariant: where one circuit answers, the document carries its header; where several do, none."""
    toy.circuit(10, [(0, 2, 0.5)])
    document = lambda: json.loads("".join(export.document(toy.db, VIEWS["circuit"], {"model": "toy"}, {})))  # noqa: E731
    shown = document()
    assert (shown["view"], shown["n_edges"], len(shown["rows"])) == ("circuit", 1, 1)
    toy.circuit(20, [(0, 2, 0.5)])
    assert "n_edges" not in document()


@pytest.mark.parametrize("name", VIEWS)
def test_a_document_that_is_written_in_pieces_is_what_json_writes(toy, name, monkeypatch):
    """Invariant: byte for byte, with rows and without, and however many rows a piece has."""
    monkeypatch.setattr(export, "_PIECE", 2)
    for filters in ({}, {VIEWS[name].filters[0]: "another"}):
        with export.whole(toy.full().db, VIEWS[name], filters, {}) as (header, found):
            rows = list(found)
        shown = {"view": name, "filters": filters, **(header[0] if len(header) == 1 else {}), "rows": rows}
        whole = json.dumps(shown, ensure_ascii=False, indent=1) + "\n"
        assert "".join(export.document(toy.db, VIEWS[name], filters, {})) == whole


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_exports_in_every_format(toy, name):
    """Invariant: as many records as rows, in each format."""
    rows = queries.rows(toy.full().db, VIEWS[name])
    columns = [c.name for c in VIEWS[name].columns]
    assert len(list(csv.DictReader(io.StringIO(export.text(rows, columns), newline="")))) == len(rows)
    assert export.text(rows, columns, "jsonl").count("\n") == len(rows)
    assert export.text(rows, columns, "markdown").count("\n") == len(rows) + 2
