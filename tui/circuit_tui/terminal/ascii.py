"""What the explorer draws, in ASCII: for terminals and fonts that have nothing else.

Each sign has one that stands for it and is as wide; a letter that has none becomes a question mark. Columns stay where
they are. A negative figure that stands below the line where its cell has no room for a sign is `-` alone.
"""

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = {
    "─━═╌┄–—−": "-",
    "│┃║╎┆": "|",
    "┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝╠╣╦╩╬┏┓┗┛": "+",
    "╱": "/",
    "╲": "\\",
    "█▉▊▓": "#",
    "▋▌▒▀▄▇▆▅": "=",
    "▍▎▏░▁▂▃": ".",
    "●◆": "*",
    "○◇": "o",
    "▲": "^",
    "△": "A",
    "■": "#",
    "□": "=",
    "•·…": ".",
    "∅": "~",
    "→›▸►": ">",
    "←‹◂": "<",
    "↑▴": "^",
    "↓▾▼⌄": "v",
    "⇧": "^",
    "»": ">",
    "«": "<",
    "✓": "v",
    "✗×✕": "x",
    "≥": ">",
    "≤": "<",
    "±": "+",
    "₀₁₂₃₄₅₆₇₈₉ₓ": "-",
    "\xa0": " ",
}
_TABLE = {ord(sign): plain for signs, plain in _SIGNS.items() for sign in signs}
_BRAILLE = range(0x2800, 0x2900)
_BY_DOTS = " ..:::###"
"""Of a Braille pattern with so many dots."""


@lru_cache(4096)
def in_ascii(text: str) -> str:
    """As wide as the text."""
    if text.isascii():
        return text
    return "".join(_sign(letter) for letter in text.translate(_TABLE))


def _sign(letter: str) -> str:
    if letter.isascii():
        return letter
    if ord(letter) in _BRAILLE:
        return _BY_DOTS[(ord(letter) - 0x2800).bit_count()]
    return "?" * cell_len(letter)


class Ascii(LineFilter):
    """The last look at each line before it is written."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(in_ascii(text), style, control) for text, style, control in segments]
