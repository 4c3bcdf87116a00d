"""How the explorer looks: two themes, the ramps of the heat map, and one colour and badge a role (`role_colours`).

The ramps are taken from the 6x6x6 cube of 256-colour terminals, rise evenly in luminance (so they survive NO_COLOR),
and never stand alone: every cell bears a digit, every series a marker, every role its badge.
"""

from dataclasses import dataclass

from textual.theme import Theme

from circuit_tui.role_colours import ROLES, SERIES, Role, contrast, faded, ink, luminance, role, stands_out

__all__ = [
    "DARK",
    "LIGHT",
    "MARKERS",
    "ROLES",
    "SERIES",
    "Palette",
    "Role",
    "contrast",
    "ink",
    "luminance",
    "palette",
    "role",
]

DARK = Theme(
    name="circuit-dark",
    primary="#56B4E9",
    secondary="#8a949e",
    accent="#56B4E9",
    warning="#E69F00",
    error="#ff8a5c",
    success="#3fc49b",
    foreground="#d8dee4",
    background="#101418",
    surface="#101418",
    panel="#1c232b",
    dark=True,
    variables={"footer-background": "#101418", "footer-key-foreground": "#56B4E9", "rule": "#3a444e"},
)
LIGHT = Theme(
    name="circuit-light",
    primary="#00588f",
    secondary="#57616b",
    accent="#00588f",
    warning="#8a5a00",
    error="#b03a00",
    success="#00664a",
    foreground="#20262c",
    background="#fbfbf8",
    surface="#fbfbf8",
    panel="#e9ebe8",
    dark=False,
    variables={"footer-background": "#fbfbf8", "footer-key-foreground": "#00588f", "rule": "#b4bcc2"},
)


@dataclass(frozen=True)
class Palette:
    """Colours that are data, not furniture."""

    ground: str
    muted: str
    accent: str
    helps: str
    """A positive score."""
    hurts: str
    """A negative score."""
    ramp: tuple[str, ...]
    """0 to 1, from the ground upwards."""
    negative: tuple[str, ...]
    """0 to -1."""

    def mark(self, colour: str) -> str:
        """A colour of a role or a series, as a line, a point or a letter of it is drawn on the ground."""
        return stands_out(colour, self.ground)

    def faint(self, colour: str) -> str:
        """The same for what lies below a line of it: up to half way to the ground."""
        return faded(self.mark(colour), self.ground)


_ON_DARK = Palette(
    ground="#101418",
    muted="#8a949e",
    accent="#56B4E9",
    helps="#56B4E9",
    hurts="#E69F00",
    ramp=("#00005f", "#005f87", "#0087af", "#00afaf", "#5fd7af", "#afff87", "#ffffaf"),
    negative=("#5f0000", "#875f00", "#d75f00", "#ffaf5f"),
)
_ON_LIGHT = Palette(
    ground="#fbfbf8",
    muted="#57616b",
    accent="#00588f",
    helps="#00588f",
    hurts="#a34700",
    ramp=("#ffffd7", "#d7ffaf", "#87d7af", "#5fafaf", "#0087af", "#005faf", "#00005f"),
    negative=("#ffffd7", "#ffd7af", "#ff875f", "#870000"),
)


def palette(dark: bool) -> Palette:
    return _ON_DARK if dark else _ON_LIGHT


MARKERS = "●▲■◆○△□◇"
"""Of several heads in one plot, beside the colours of `SERIES`."""
