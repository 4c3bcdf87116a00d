"""Models that are known by name: where their checkpoints lie and how many tokens a step is.

The sample suite ships with the program. Any other model is a folder, known to a store by the name it was added under.
"""

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

SAMPLE_TOKENS_PER_STEP = 1536
SCHEDULES = ("all", "log", "sparse", "linear", "final")


@dataclass(frozen=True)
class KnownModel:
    name: str
    suite: str
    source: Path
    tokens_per_step: int | None


def sample_folder() -> Path:
    """Where the sample suite lies: beside the source tree, or inside the installed package."""
    beside = Path(__file__).parents[3] / "sample_data"
    return beside if beside.is_dir() else Path(str(resources.files("circuit_core") / "sample_data"))


def sample_suite() -> list[KnownModel]:
    """The sample models, smallest first."""
    folders = sorted(p for p in sample_folder().glob("sample-*") if p.is_dir())
    return [KnownModel(p.name, "sample", p, SAMPLE_TOKENS_PER_STEP) for p in folders]


def known_models() -> dict[str, KnownModel]:
    return {m.name: m for m in sample_suite()}


def choose(steps: list[int], schedule: str) -> list[int]:
    """The steps of a schedule that a model has (METHODS g.3).

    Args:
        steps: what there is, ascending.
        schedule: `all`; `final`; `linear`, every fourth; `log`, powers of two and the ends; `sparse`, about every
            second of those; or steps as `0,512,final`.

    Raises:
        ValueError: neither a schedule nor steps of this model.
    """
    if schedule == "all":
        return steps
    if schedule == "final":
        return steps[-1:]
    if schedule == "linear":
        return sorted({*steps[::4], steps[-1]})
    if schedule in ("log", "sparse"):
        nearest = _nearest_powers(steps, 2 if schedule == "log" else 4)
        return sorted({steps[0], *nearest, steps[-1]})
    return _listed(steps, schedule)


def _nearest_powers(steps: list[int], base: int) -> list[int]:
    powers = [base**i for i in range(64) if base**i <= steps[-1]]
    return [min(steps, key=lambda s: (abs(s - p), s)) for p in powers]


def _listed(steps: list[int], text: str) -> list[int]:
    wanted = [w.strip() for w in text.split(",") if w.strip()]
    if not wanted or not all(re.fullmatch(r"\d+|final", w) for w in wanted):
        raise ValueError(f"{text!r} names no checkpoints: give {', '.join(SCHEDULES)}, or steps such as 0,512,final.")
    numbers = [steps[-1] if w == "final" else int(w) for w in wanted]
    if missing := [n for n in numbers if n not in steps]:
        some = ", ".join(map(str, steps if len(steps) <= 20 else [*steps[:8], "...", *steps[-4:]]))
        raise ValueError(f"There is no checkpoint {', '.join(map(str, missing))}: there are {some}.")
    return sorted(set(numbers))
