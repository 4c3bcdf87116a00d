"""Where a head looks from the answer position of a prompt: a line for each token, the same on page and screen."""

from dataclasses import replace

from rich.text import Text

from circuit_store import queries
from circuit_tui.explorer import theme
from circuit_tui.explorer.widgets.notation import bar, cut, plain, signed

_NAME, _TOKEN, _BAR = 4, 20, 30
"""Columns of what a place is called, of a token, and the most of a bar."""
_LEAST = 8
"""Columns of a bar for which a token is cut."""


def places(looks: list[queries.Look]) -> list[queries.Look]:
    """The looks with a name for every place that has one: the last is the answer position."""
    return [replace(look, named=look.named or ("end" if look is looks[-1] else "")) for look in looks]


def attention_line(look: queries.Look, width: int, colours: theme.Palette) -> Text:
    """What the place is called, the token, the attention to it (0 to 1), and that as a bar."""
    line = cut(plain(look.named), _NAME - 1).append(" ")
    line.no_wrap = True
    room = max(1, width - _NAME - 8)
    token = min(_TOKEN, max(1, room - _LEAST))
    line.append_text(cut(plain(look.token), token)).append(f"{signed(look.weight, 2):>6}  ")
    return line.append(bar(look.weight, max(1, min(_BAR, room - token))), colours.accent)
