"""A pane that lists things: cursor, filter and sorting, shared by models and checkpoints."""

import re
from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from rich.text import Text
from textual.app import ComposeResult

from circuit_core.bounded_regex import Pattern
from circuit_core.errors import BadPattern
from circuit_store import queries
from circuit_store.errors import UnknownName
from circuit_tui.explorer.widgets.cursor_lines import Lines
from circuit_tui.explorer.widgets.live_text import Note
from circuit_tui.explorer.widgets.notation import plain
from circuit_tui.explorer.widgets.pane import Pane
from circuit_tui.view_rows import kept, ordered

Row = dict[str, Any]
_PATIENCE = 0.3
"""CPU seconds that a filter may take at each key."""


class Listing(Pane):
    """Subclasses say what the rows are, how one is written, and which of them is chosen."""

    SORTS: tuple[str, ...]
    """Columns, the first of them in the order in which it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Row] = []
        self.rows: list[Row] = []
        self.pattern, self.slow = "", False
        self.sort = self.SORTS[0]
        self.backwards = False

    def compose(self) -> ComposeResult:
        yield Lines(lambda index, width: self.line(self.rows[index], width), self.take)
        yield Note()

    @property
    def body(self) -> Lines:
        return self.query_one(Lines)

    def line(self, row: Row, width: int) -> Text:
        raise NotImplementedError

    def words(self, row: Row) -> str:
        """What the filter is held against."""
        raise NotImplementedError

    def chosen(self, row: Row) -> bool:
        raise NotImplementedError

    def choose(self, row: Row) -> None:
        raise NotImplementedError

    def note(self, row: Row | None) -> str:
        """A line on the chosen row, below the list."""
        raise NotImplementedError

    def draw(self) -> None:
        self.rows, self.slow = [], False
        try:
            kept = self._test()
            self.rows = self._sorted([row for row in self.all if kept(self.words(row))])
        except BadPattern:
            self.slow = True
        self.body.show(len(self.rows), self._here(), self._why_empty())
        self.title(*self._state())
        self._say()

    def listed(self) -> Callable[[Connection], dict[str, Any]]:
        """Short ones if they give these rows in this order, else each row by the first column of `SORTS`."""
        usual = self.sort == self.SORTS[0] and not self.backwards
        if usual and not self.pattern:
            return super().listed()
        sort = [] if usual else [f"{'-' if self.backwards else ''}{self.sort}"]
        short = {"grep": [f"(?i){self.pattern}"] if self.pattern else [], "sort": sort}
        by = self.SORTS[0]
        return partial(_options, view=self.view, filters=self.filters(), short=short, by=by, rows=list(self.rows))

    def point(self) -> None:
        self.body.cursor = self._here()
        self._say()

    def _here(self) -> int:
        return next((i for i, row in enumerate(self.rows) if self.chosen(row)), 0)

    def _say(self) -> None:
        chosen = next((row for row in self.all if self.chosen(row)), None)
        self.query_one(Note).say(Text(self.note(chosen)))

    def vacant(self, reason: str) -> None:
        self.all, self.rows = [], []
        self.query_one(Note).say(Text())
        self.body.show(0, 0, reason)

    def take(self) -> None:
        """Choose the row under the cursor; after a filter it need not be chosen yet."""
        if self.rows and not self.chosen(row := self.rows[self.body.cursor]):
            self.choose(row)

    def action_move(self, where: str) -> None:
        self.body.move(where)

    def action_sort(self) -> None:
        self.sort = self.SORTS[(self.SORTS.index(self.sort) + 1) % len(self.SORTS)]
        self.draw()

    def action_reverse(self) -> None:
        self.backwards = not self.backwards
        self.draw()

    def narrow(self, pattern: str) -> None:
        """Show the rows that match a regular expression or, after `-f`, its letters in order; `!` shows the others."""
        self.pattern = pattern
        self.draw()

    def _test(self) -> Callable[[str], bool]:
        pattern = self.pattern.removeprefix("!")
        if pattern == "-f" or pattern.startswith("-f "):
            pattern = ".*".join(re.escape(letter) for letter in pattern[2:].strip())
        if not pattern:
            return lambda words: True
        try:
            search = Pattern(f"(?i){pattern}", "The filter", _PATIENCE).search
        except BadPattern:
            search = re.compile(re.escape(pattern), re.IGNORECASE).search
        return lambda words: bool(search(words)) != self.pattern.startswith("!")

    def _sorted(self, rows: list[Row]) -> list[Row]:
        """By the chosen column; rows without a value come last either way."""
        return ordered(rows, self.sort, self.backwards)

    def _state(self) -> list[str]:
        found = (
            [f"/{plain(self.pattern)} {len(self.rows)} of {len(self.all)}"] if self.pattern else [str(len(self.all))]
        )
        usual = self.sort == self.SORTS[0] and not self.backwards
        return found + ([] if usual else [f"{'↓' if self.backwards else '↑'} {self.sort}"])

    def _why_empty(self) -> str:
        fault = f"{self.pattern} takes too long to match" if self.slow else f"Nothing matches {self.pattern}"
        return f"{fault}: esc clears the filter." if self.all else self.ABOUT


def _options(
    db: Connection, view: str, filters: dict[str, Any] | None, short: dict[str, list[str]], by: str, rows: list[Row]
) -> dict[str, Any]:
    """`short`, if it gives these rows in this order, else each of them by the column `by`."""
    each = {"where": [f"{by}={row[by]}" for row in rows]}
    which = queries.view(view)
    try:
        found = [row[0] for row in kept(db, which, filters, {}, short, [by])]
        return short if found == [row[by] for row in rows] else each
    except (ValueError, UnknownName, BadPattern):
        return each
