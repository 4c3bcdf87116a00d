"""What the explorer knows of roles: their order, and the scale on which their scores are shown.

First what heads do, then what they attend to from the answer position, then what patching their paths does. The last
two are measurements of a head, not roles that it has: they are neither badges in a circuit nor called roles there.
"""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from circuit_store.queries import RoleSet
from circuit_store.queries.heads import MEASUREMENTS
from circuit_tui.explorer import theme
from circuit_tui.explorer.widgets.notation import plain

_MEASURED = dict(zip(MEASUREMENTS, ("attention", "effect"), strict=True))
"""How the names of measurements begin -> what is measured."""
NEAR_ZERO = 0.05
"""A share below which a head is not said to have a role."""


def of(name: str) -> str:
    """What a score is: `attention` or `effect`; of a role in the proper sense, a `fraction`."""
    return next((what for start, what in _MEASURED.items() if name.startswith(start)), "fraction")


def is_role(name: str) -> bool:
    """Whether a head with a high score is said to have this role."""
    return of(name) == "fraction"


def ordered(names: Iterable[str]) -> list[str]:
    """Roles before measurements; each kind as the theme lists it, then the user's own as they came."""
    kinds, known = ["fraction", *_MEASURED.values()], list(theme.ROLES)
    return sorted(names, key=lambda name: (kinds.index(of(name)), known.index(name) if name in known else len(known)))


def scale(name: str, values: Iterable[float | None]) -> tuple[float, float]:
    """The ends of the scale: 0 to 1, of effects -1 to 0; from -1 to 1 if some score clearly lies beyond."""
    numbers = [value for value in values if value is not None]
    effect = of(name) == "effect"
    low = -1.0 if effect or min(numbers, default=0) <= -NEAR_ZERO else 0.0
    high = 0.0 if effect and max(numbers, default=0) < NEAR_ZERO else 1.0
    return low, high


def ends(low: float, high: float) -> str:
    """`0..1`, `−1..0`."""
    return f"{low:.0f}..{high:.0f}".replace("-", "−")


def set_of(row: dict[str, Any]) -> RoleSet:
    """What a row of the store that names its task and parameters rests on."""
    return RoleSet(**{field.name: row[field.name] for field in fields(RoleSet)})


def differs(of: RoleSet | None, task: str | None) -> list[str]:
    """What scores rest on, as far as it is not the default: `on my_pairs`, `paper-code`, `float64`, `text 0a1b2c3d`.

    Args:
        task: the task that is looked at.
    """
    if of is None:
        return []
    from circuit_sweep.planning import texts

    other = [f"on {plain(of.task)}"] if of.task not in (None, task) else []
    other += [plain(part) for part in (of.preset, of.dtype) if part not in (None, "default", "float32")]
    if of.text not in (None, texts.of_the_samples().hash):
        other.append(f"text {plain(of.text[:8])}")
    return other
