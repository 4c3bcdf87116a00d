"""How the explorer looks: two themes, the ramps of the heat map, and one colour and badge a role.

The role colours are the Okabe-Ito palette, which stays apart for colour-blind eyes; the ramps are taken from the
6x6x6 cube of 256-colour terminals, rise evenly in luminance (so they survive NO_COLOR), and never stand alone: every
cell bears a digit, every series a marker, every role its badge.
"""

from dataclasses import dataclass

from textual.theme import Theme

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


@dataclass(frozen=True)
class Role:
    badge: str
    colour: str


ROLES = {
    "induction": Role("in", "#0072B2"),
    "duplicate_token": Role("du", "#56B4E9"),
    "previous_token": Role("pt", "#009E73"),
    "successor": Role("su", "#F0E442"),
    "name_mover": Role("nm", "#E69F00"),
    "negative_name_mover": Role("nn", "#D55E00"),
    "copy_suppression": Role("cs", "#CC79A7"),
    "s_inhibition": Role("si", "#999999"),
    "attn_end_io": Role("io", "#BBBBBB"),
    "attn_end_s1": Role("s1", "#BBBBBB"),
    "attn_end_s2": Role("s2", "#BBBBBB"),
    "effect_logits": Role("el", "#777777"),
    "effect_movers_q": Role("eq", "#777777"),
    "effect_inhibition_v": Role("ev", "#777777"),
}
"""In the order in which they are gone through; measurements, which are not roles, are grey."""
SERIES = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#F0E442", "#0072B2", "#999999")
"""Colours of several heads in one plot, with `MARKERS` beside them."""
MARKERS = "●▲■◆○△□◇"


def role(name: str) -> Role:
    """Badge and colour of a role; a role of the user's own is grey under its first two letters."""
    return ROLES.get(name) or Role(name[:2], "#999999")


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, as WCAG 2 defines it."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def ink(background: str) -> str:
    """Black or white, whichever is read better on `background`."""
    return max("#000000", "#ffffff", key=lambda colour: contrast(colour, background))
