"""Where a head looks from the answer position of a prompt: a line for each token, the same on page and screen."""

from rich.text import Text

from circuit_tui.explorer import theme
from circuit_tui.explorer.widgets.notation import bar, plain, signed

TOKEN, BAR = 20, 30
"""Columns of a token, and the most of a bar."""


def attention_line(token: str, weight: float, width: int, colours: theme.Palette) -> Text:
    """A token, the attention to it (0 to 1), and that as a bar."""
    line = Text(plain(token), no_wrap=True)
    line.truncate(TOKEN, overflow="ellipsis", pad=True)
    line.append(f"{signed(weight, 2):>6}  ")
    return line.append(bar(weight, max(1, min(BAR, width - TOKEN - 8))), colours.accent)
