"""Names, reasons and tokens that an adversary chose, in everything that the explorer and the commands show."""

import json
from typing import Any

import hostile
from rich.segment import Segment
from rich.text import Text
from textual.app import SystemCommand
from textual.color import Color
from textual.notifications import Notification
from textual.widgets._toast import Toast

from circuit_store import queries
from circuit_tui.cli import jobs, tasks
from circuit_tui.explorer.pages import Commands
from circuit_tui.explorer.screens import exports
from circuit_tui.explorer.screens.page import wrapped
from circuit_tui.explorer.widgets import heads, notation
from circuit_tui.explorer.widgets.checkpoints import Checkpoints
from circuit_tui.explorer.widgets.models import Models
from circuit_tui.terminal import console
from circuit_tui.terminal.driver import Sanitizer, copy_sequence

CASES = list(hostile.texts(10_000, seed=1))


def spans(text: Text) -> set[str]:
    """Colours and styles of a text; markup would bring links, actions and its own."""
    return {str(span.style) for span in text.spans}


def readable(text: str) -> str:
    return "".join(hostile.FORBIDDEN.sub("", text).split())


def test_every_printed_form_is_harmless(capfd):
    """Invariant: what commands print of 10,000 texts is harmless; a table has a line a row, JSON reads back."""
    for text in CASES:
        console.told(text)
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == len(CASES) and hostile.harmless(err, len(CASES))
    rows = [{"model": text, "run": 1, "models": [text, text]} for text in CASES]
    for few in (rows[i : i + 20] for i in range(0, len(rows), 20)):
        console.table([{c: jobs.cell(row[c]) for c in row} for row in few], list(rows[0]))
    out = capfd.readouterr().out
    assert out.count("\n") == len(CASES) * 21 / 20 and hostile.harmless(out, out.count("\n"))
    console.document(rows, indent=1)
    out = capfd.readouterr().out
    assert hostile.harmless(out, out.count("\n")) and len(json.loads(out)) == len(CASES)


def test_prompts_are_harmless_token_by_token():
    """Invariant: a prompt is five lines of text between bars, whatever its tokens are."""
    for text in CASES:
        row = {"clean": [text], "corrupted": [text, text], "differs": [1], "positions": {text: 0}, "end": 0}
        lines = tasks._lines(1, row | {"correct": [text], "wrong": [text] * 9, "frame": text})
        assert len(lines) == 5 and all(hostile.harmless(line) for line in lines)


def test_every_cell_is_one_harmless_line_of_text():
    """Invariant: cells, crumbs, badges, pages and commands take a text for text, and keep their width."""
    cut = Sanitizer()
    for text in CASES:
        shown = notation.plain(text)
        for one in (shown, notation.words(text), heads.badge(text).plain, wrapped(shown, 0).replace("\n", "")):
            assert hostile.harmless(one) and len(one) <= 210, ascii(text)
        assert len(heads.badge(text).spans) <= 1
        drawn = cut.apply([Segment(text)], Color(0, 0, 0))
        assert hostile.harmless(drawn[0].text) and drawn[0].cell_length == Segment(text).cell_length, ascii(text)
    for text in CASES[:1000]:
        facts = {"model": text, "step": 1, "analysis": text, "task": text, "role": text, "dtype": text}
        page = exports.provenance(queries.ResultOrigin({**facts, text: text}, {"method": text, text: [text]}))
        assert hostile.harmless(page.plain, 20) and spans(page) <= {"bold", "dim"}
        assert "\x1b" not in (copy_sequence(text.encode("utf-8", "replace").decode(), {}) or "")[1:]


def test_toasts_take_names_for_text():
    """Invariant: a message is the very text, without a style of its own."""
    for text in CASES[:2000]:
        toast = Toast(Notification(text, markup=False))
        assert readable(toast.render().plain) == readable(text) and toast.render().spans == [], ascii(text)


async def test_the_palette_shows_names_as_they_are(explore, path):
    """Invariant: every entry is found and listed with brackets and all; none of them is markup."""
    names = [notation.plain(text) for text in CASES[:300]]
    async with explore() as (app, pilot):
        app.get_system_commands = lambda screen: [SystemCommand(name, "about", print) for name in names]
        provider = Commands(app.screen)
        listed: list[Any] = [hit async for hit in provider.discover()]
        assert sorted(hit.prompt.plain for hit in listed) == sorted(names)
        for name in names[:40]:
            found: list[Any] = [hit async for hit in provider.search(name)]
            assert name in [hit.prompt.plain for hit in found], ascii(name)
            assert all(
                str(span.style) == str(provider.matcher("").match_style) for h in found for span in h.prompt.spans
            )


async def test_lists_draw_names_in_their_columns(explore, path):
    """Invariant: a row is one line of the list's width, in the list's own colours."""
    async with explore() as (app, _):
        known, trained = app.main.query_one(Models), app.main.query_one(Checkpoints)
        row, at = dict(known.all[0]), dict(trained.all[0])
        usual = spans(known.line(row, 40))
        for text in CASES:
            line = known.line(row | {"model": text, "suite": text}, 40)
            assert hostile.harmless(line.plain) and line.cell_len <= 40 and spans(line) == usual, ascii(text)
            assert hostile.harmless(known.note(row | {"suite": text}))
            assert hostile.harmless(trained.note(at | {"status": text, "detail": text}))
            assert hostile.harmless(trained.note(at | {"status": "ok", "error": text}))
