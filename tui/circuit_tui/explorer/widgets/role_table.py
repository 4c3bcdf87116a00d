"""The roles of one head as a table: score over training, score here with its interval, when gained and when lost.

Columns that have no room are left out: first the tokens of a step, then the interval. Roles whose score is always near
zero, and those without any, are named in a line each below.
"""

from dataclasses import dataclass

from rich.text import Text

from circuit_tui.explorer import role_display, theme
from circuit_tui.explorer.one_head import Course, Row
from circuit_tui.explorer.state import Head
from circuit_tui.explorer.widgets.heads import badge
from circuit_tui.explorer.widgets.notation import cut, head_name, plain, short, signed, words
from circuit_tui.explorer.widgets.sparkline import Line, blocks

_BADGE, _NAME, _VALUE, _INTERVAL, _STEP, _TOKENS = 5, 20, 6, 14, 8, 9
_HIGHEST = 4
"""Lines of blocks of a role."""
_LEAST = 20
"""Columns of the line of blocks that optional columns leave."""


@dataclass(frozen=True)
class Columns:
    line: int
    interval: bool
    tokens: bool

    @classmethod
    def of(cls, width: int) -> "Columns":
        room = width - _BADGE - _NAME - 1 - _VALUE - 2 * _STEP
        interval = room - _INTERVAL >= _LEAST
        room -= _INTERVAL * interval
        tokens = room - 2 * _TOKENS >= _LEAST
        return cls(max(1, room - 2 * _TOKENS * tokens), interval, tokens)

    @property
    def step(self) -> int:
        return _STEP + _TOKENS * self.tokens

    def names(self, line: Line, step: int | None, colours: theme.Palette) -> Text:
        """The line above the table."""
        text = Text(" " * (_BADGE + _NAME), colours.muted, no_wrap=True)
        text.append_text(Text.assemble((line.here(step).plain, f"bold {colours.accent}")))
        text.append("score".rjust(1 + _VALUE)).append("95 % interval".rjust(_INTERVAL) if self.interval else "")
        return text.append("gained".rjust(self.step)).append("lost".rjust(self.step))


@dataclass(frozen=True)
class RoleLine:
    """Of the table: a role, a part of its score that stands higher, a hand-off of it, or nothing."""

    course: Course
    kind: str = "role"
    """`role`, `above`, `handoff` or `gap`."""
    handoff: Row | None = None
    tier: int = 0
    """Of so many lines of blocks, from the lowest."""
    tiers: int = 1


def lines(courses: list[Course], chosen: str | None, height: int) -> list[RoleLine]:
    """The roles that have a score above zero, and the chosen one, in lines as high as there is room for."""
    shown = [course for course in courses if course.alive or (course.role == chosen and course.defined)]
    each = (height - sum(len(course.handoffs) for course in shown)) // max(1, len(shown))
    tiers = 1 if each < 2 else min(_HIGHEST, max(2, each - 1))
    found = []
    for course in shown:
        found += [RoleLine(course, "above", None, tier, tiers) for tier in range(tiers - 1, 0, -1)]
        found += [RoleLine(course, tiers=tiers), *(RoleLine(course, "handoff", row) for row in course.handoffs)]
        found += [RoleLine(course, "gap")] * (each > tiers)
    return found


def rest(courses: list[Course], chosen: str | None) -> list[str]:
    """The roles that have no line."""
    dead = (course for course in courses if course.defined and not course.alive and course.role != chosen)
    near_zero = [words(course.role) for course in dead]
    said = [f"below {role_display.NEAR_ZERO:.2f} all along: {', '.join(near_zero)}"] if near_zero else []
    return [*said, *(f"{words(one.role)} undefined: {why(one)}" for one in courses if not one.defined)]


def why(course: Course) -> str:
    """Why a role has no score anywhere."""
    reasons = (score.reason for score in course.scores.values() if score.reason)
    return plain(next(reasons, "not computed"))


def detail(course: Course, step: int | None) -> str:
    """What the table has no room for, of one role."""
    score, row = course.scores.get(step or 0), course.emergence
    parts = [f"{words(course.role)}: "]
    if score is None:
        parts.append(f"not computed at step {step}")
    elif score.value is None:
        parts.append(f"undefined here, {plain(score.reason)}")
    else:
        ends = "" if score.low is None else f", 95 % interval {signed(score.low, 3)} to {signed(score.high, 3)}"
        parts.append(f"{signed(score.value, 3)}{ends}")
    if row and row["reason"]:
        parts.append(f"; {plain(row['reason'])}")
    elif row and row["step"] is not None:
        parts.append(f"; {_since(row)}")
    elif course.emergence is None and role_display.is_role(course.role):
        parts.append("; never gained")
    return "".join(parts)


def _since(row: Row) -> str:
    gained = f"gained at {_when(row, '')}"
    lost = f", lost at {_when(row, 'lost_')}" if row["lost_step"] is not None else ""
    alone = ", at the last checkpoint only" if row["state"] == "last checkpoint only" else ""
    return gained + lost + alone


def curve(row: RoleLine, line: Line, colours: theme.Palette) -> Text:
    """The blocks of the role's score, or of the part of it that stands at this line."""
    ink = colours.mark(theme.role(row.course.role).colour)
    return line.draw(blocks(row.course.values, ink, row.tier, row.tiers), colours.muted)


def role_line(
    row: RoleLine, columns: Columns, drawn: Text, at: tuple[Head, int | None], colours: theme.Palette
) -> Text:
    """`drawn`: its `curve`; `at`: the head and the checkpoint that are shown."""
    (head, step), course = at, row.course
    if row.handoff:
        return Text(" " * _BADGE, no_wrap=True).append(handoff(row.handoff, head), colours.muted)
    if row.kind == "gap":
        return Text()
    text = Text(no_wrap=True)
    if row.kind == "above":
        return text.append(" " * (_BADGE + _NAME)).append_text(drawn)
    text.append_text(badge(course.role)).append(" ").append_text(cut(words(course.role), _NAME)).append_text(drawn)
    score = course.scores.get(step or 0)
    text.append(signed(score and score.value, 2).rjust(1 + _VALUE))
    if columns.interval:
        ends = f"{signed(score.low, 2)} to {signed(score.high, 2)}" if score and score.low is not None else ""
        text.append(ends.rjust(_INTERVAL), colours.muted)
    for which in ("", "lost_"):
        text.append(_when(course.emergence or {}, which, columns.tokens).rjust(columns.step))
    return text


def handoff(row: Row, head: Head) -> str:
    """From which head, or to which, and when."""
    fell = (row["from_layer"], row["from_head"]) == head
    other = "to" if fell else "from"
    name = head_name((row[f"{other}_layer"], row[f"{other}_head"]))
    if fell:
        return f"→ {name} took over at {row['gained_step']}, lost at {row['lost_step']}"
    return f"← took over from {name} at {row['gained_step']}, which lost it at {row['lost_step']}"


def _when(row: Row, which: str, tokens: bool = True) -> str:
    """`3250 (5.0M)`: step, and tokens if known."""
    step = row.get(f"{which}step")
    if step is None:
        return "–"
    seen = row.get(f"{which}tokens")
    return f"{step} ({short(seen)})" if tokens and seen is not None else str(step)
