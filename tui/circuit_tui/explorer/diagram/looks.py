"""How edges and nodes of a diagram look in a theme.

An edge has the colour of its sign, fainter the smaller it is; those of the node under the cursor are in full colour.
"""

from functools import cache

from rich.style import Style
from textual.color import Color

from circuit_tui.explorer import theme

_LEAST = 3.0
"""Contrast of the faintest edge on the ground (WCAG 2, 1.4.11)."""
_SIGNS = ("helps", "hurts", "none")
_WEIGHTS = ("heavy", "middle", "light")


class Looks:
    HEAVY, LIGHT = 0.5, 0.1
    """Shares of the largest |score|: from the one on an edge is drawn double, below the other fainter."""

    def __init__(self, dark: bool):
        colours = theme.palette(dark)
        signs = dict(zip(_SIGNS, (colours.helps, colours.hurts, colours.muted), strict=True))
        self.of = {
            f"{sign} {weight}": Style(color=colour if weight == "lit" else _faint(colour, weight, colours.ground))
            for sign, colour in signs.items()
            for weight in (*_WEIGHTS, "lit")
        }
        self.muted = Style(color=colours.muted)
        self.name = Style(bold=True)
        self.head = Style(color=colours.accent, bold=True, underline=True)
        self.here = Style(reverse=True, bold=True)

    @classmethod
    def edge(cls, score: float | None, weight: float, lit: bool) -> str:
        """Args:
        weight: |score| as a share of the largest.
        lit: it is one of the node under the cursor.
        """
        sign = "none" if score is None else "hurts" if score < 0 else "helps"
        size = "heavy" if weight >= cls.HEAVY else "light" if weight < cls.LIGHT else "middle"
        return f"{sign} {'lit' if lit else size}"

    @staticmethod
    @cache
    def badge(role: str) -> Style:
        colour = theme.role(role).colour
        return Style(color=theme.ink(colour), bgcolor=colour)


@cache
def _faint(colour: str, weight: str, ground: str) -> str:
    """As far to the ground as can still be told from it; of larger edges less far."""
    shades = [Color.parse(colour).blend(Color.parse(ground), part / 20).hex for part in range(21)]
    seen = [shade for shade in shades if theme.contrast(shade, ground) >= _LEAST] or shades[:1]
    return seen[round((len(seen) - 1) * {"heavy": 0.4, "middle": 0.65, "light": 1.0}[weight])]
