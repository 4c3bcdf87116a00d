"""Ten thousand hostile texts in everything that leaves the store as text: shown, as CSV, as JSON, as Markdown."""

import csv
import io
import json
import re

import hostile
import pytest

from circuit_store import display_text, export

CASES = list(hostile.texts(10_000, seed=0))
COLUMNS = ["model", "value", "reason"]


def rows() -> list[dict[str, object]]:
    return [{"model": text, "value": -1.5, "reason": text[::-1]} for text in CASES]


def written(text: object) -> str:
    """What a file can hold of a text."""
    return re.sub("[\ud800-\udfff]", "�", str(text))


def paired(value: object) -> object:
    """JSON knows no difference between two halves side by side and the character that they make."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def test_there_are_ten_thousand_cases():
    assert len(CASES) == 10_000 and sum(len(text) == hostile.LONG for text in CASES) >= 9
    assert sum(not hostile.harmless(text) for text in CASES) > 5_000


def test_shown_text_is_one_harmless_line_and_loses_nothing_else():
    """Invariant: as many characters as before; those that can be read are the same."""
    for text in CASES:
        shown = display_text.plain(text)
        assert hostile.harmless(shown), ascii(text)
        assert len(shown) == len(text) and all(a in (b, "�") for a, b in zip(shown, text, strict=True))
    assert display_text.plain("[b]|é\u0301 模型 🙂 a5.h3<q>") == "[b]|é\u0301 模型 🙂 a5.h3<q>"


@pytest.mark.parametrize("raw", [False, True])
def test_csv_reads_back_and_runs_nowhere(raw):
    """Invariant: Python's reader gives each text again; one that a spreadsheet would run has an apostrophe."""
    text = export.text(rows(), COLUMNS, raw=raw)
    back = list(csv.reader(io.StringIO(text.encode().decode(), newline=""), strict=True))
    assert back[0] == COLUMNS and len(back) == 10_001
    for row, (model, value, reason) in zip(rows(), back[1:], strict=True):
        assert value == "-1.5"
        for cell, given in ((model, row["model"]), (reason, row["reason"])):
            runs = written(given)[:1] in ("=", "+", "-", "@", "\t", "\r") and given != ""
            assert cell == ("'" if runs and not raw else "") + written(given)


def test_csv_breaks_lines_as_rfc_4180_says():
    """Invariant: outside quotes there is no line break but CRLF after each record."""
    text = export.text(rows(), COLUMNS)
    outside = "".join(text.split('"')[::2])
    assert outside.count("\r\n") == 10_001 and not re.search("\r(?!\n)|(?<!\r)\n", outside)


def test_json_is_exact_and_harmless():
    """Invariant: JSON reads back as the very texts, half characters included, and nothing in it steers a terminal."""
    text, wanted = display_text.as_json(rows(), 1), [{k: paired(v) for k, v in row.items()} for row in rows()]
    assert json.loads(text) == wanted and hostile.harmless(text, text.count("\n") + 1)
    lines = export.text(rows(), COLUMNS, "jsonl").encode().decode()
    assert [json.loads(line) for line in lines.splitlines()] == wanted


MEANT = re.compile(r"(?<!\\)(?:\\\\)*[|`*<\[&~$]|(?<![\\\w])_\w|\w_(?!\w)")
"""What Markdown would take for markup: no backslash, or an even number of them, before it."""


def test_markdown_shows_text_as_it_is():
    """Invariant: one row a line, every cell the plain text once its backslashes are read, nothing in it markup."""
    lines = export.text(rows(), COLUMNS, "markdown").split("\n")[2:-1]
    assert len(lines) == 10_000
    for line, row in zip(lines, rows(), strict=True):
        cells = re.findall(r" ((?:\\.|[^\\|])*) \|", line)
        read = [re.sub(r"\\(.)", r"\1", cell) for cell in cells]
        assert hostile.harmless(line) and read[1] == "-1.5"
        for cell, name in ((0, "model"), (2, "reason")):
            assert read[cell] == display_text.plain(" ".join(str(row[name]).splitlines())), ascii(row[name])
            assert not MEANT.search(cells[cell]), ascii(cells[cell])
