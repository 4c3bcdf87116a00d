"""One colour and badge a role, in the explorer and in figures alike: the Okabe-Ito palette, which stays apart for
colour-blind eyes. Colour never stands alone: every role has its badge, every series a marker.
"""

from dataclasses import dataclass
from functools import cache


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
"""Colours of several heads in one plot."""


def role(name: str) -> Role:
    """Badge and colour of a role; a role of the user's own is grey under its first two letters."""
    return ROLES.get(name) or Role(name[:2], "#999999")


def place(name: str) -> int:
    """Of a role in the order of `ROLES`; those of the user's own come last."""
    return list(ROLES).index(name) if name in ROLES else len(ROLES)


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, as WCAG 2 defines it."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@cache
def stands_out(colour: str, ground: str, least: float = 3.0) -> str:
    """The colour, mixed with as little black or white as a mark of it needs to be seen on a ground (WCAG 2: 3 to 1)."""
    to = ink(ground)
    mixed = (_mixed(colour, to, part / 20) for part in range(21))
    return next(one for one in mixed if contrast(one, ground) >= least)


@cache
def faded(colour: str, ground: str, least: float = 3.0) -> str:
    """The colour, up to half way to the ground, as far as a mark of it can be seen there."""
    mixed = (_mixed(colour, ground, part / 20) for part in range(10, -1, -1))
    return next((one for one in mixed if contrast(one, ground) >= least), colour)


def _mixed(one: str, other: str, part: float) -> str:
    parts = ((int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in parts)


@cache
def ink(background: str) -> str:
    """Black or white, whichever is read better on `background`."""
    return max("#000000", "#ffffff", key=lambda colour: contrast(colour, background))
