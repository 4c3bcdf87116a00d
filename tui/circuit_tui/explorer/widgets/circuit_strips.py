"""In which circuits a head is, task by task: a strip over training, how many of the circuits, and since when."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from rich.cells import cell_len
from rich.text import Text

from circuit_store import queries
from circuit_tui.explorer import theme
from circuit_tui.explorer.widgets.notation import cut, plain, short
from circuit_tui.explorer.widgets.sparkline import Line

LEGEND = "█ in it  ▒ in one not known to reach its threshold  · not in it"
"""Circuits that do not reach their threshold are not counted: they are not their task's (METHODS l.3)."""
_COUNT, _FIRST = 11, 8
_TOKENS = 9
_LEAST = 20
_LONGEST = 24


@dataclass(frozen=True)
class Membership:
    """Of a head in the circuits of a task."""

    task: str
    inside: dict[int, bool]
    """Step of each circuit -> whether the head is in it."""
    counts: frozenset[int]
    """Steps whose circuit reaches its threshold."""

    @property
    def first(self) -> int | None:
        """Of these, the first that the head is in."""
        return min((step for step in self.counts if self.inside[step]), default=None)


def memberships(circuits: Iterable[queries.ShownCircuit], within: set[int]) -> list[Membership]:
    """Task by task, those with the head first."""
    found = []
    for task, of_task in groupby(circuits, lambda one: one.task):
        held = [one for one in of_task if one.n_edges]
        inside = {one.step: one.result in within for one in held}
        found.append(Membership(task, inside, frozenset(one.step for one in held if one.counts)))
    return sorted(found, key=lambda one: one.first is None)


@dataclass(frozen=True)
class Columns:
    task: int
    strip: int
    tokens: bool
    """Whether they are written beside the first step."""

    @classmethod
    def of(cls, width: int, rows: Iterable[Membership]) -> "Columns":
        task = min(_LONGEST, max((cell_len(plain(row.task)) for row in rows), default=0)) + 1
        left = width - task - 1 - _COUNT - _FIRST
        tokens = left - _TOKENS >= _LEAST
        return cls(task, max(1, left - _TOKENS * tokens), tokens)

    def names(self, line: Line, step: int | None, colours: theme.Palette) -> Text:
        """The line above the strips."""
        text = Text(" " * self.task, colours.muted, no_wrap=True)
        text.append_text(Text.assemble((line.here(step).plain, f"bold {colours.accent}")))
        return text.append("circuits".rjust(1 + _COUNT)).append("first".rjust(_FIRST + _TOKENS * self.tokens))


def strip(one: Membership, columns: Columns, line: Line, tokens: dict[int, int | None], colours: theme.Palette) -> Text:
    """`tokens`: of each checkpoint."""
    text = cut(plain(one.task), columns.task - 1).append(" ")
    text.no_wrap = True
    text.append_text(line.draw(partial(_cell, one, colours), colours.muted))
    inside = sum(one.inside[step] for step in one.counts)
    text.append(f"{inside} of {len(one.counts)}".rjust(1 + _COUNT))
    first = "–" if one.first is None else str(one.first)
    if not columns.tokens:
        return text.append(first.rjust(_FIRST))
    seen = f" ({short(tokens[one.first])})" if one.first is not None and tokens.get(one.first) is not None else ""
    return text.append(f"{first}{seen}".rjust(_FIRST + _TOKENS))


def _cell(one: Membership, colours: theme.Palette, step: int) -> Text:
    if step not in one.inside:
        return Text(" ")
    if not one.inside[step]:
        return Text("·", colours.muted)
    return Text("█" if step in one.counts else "▒", colours.accent)
